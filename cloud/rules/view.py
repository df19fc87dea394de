"""One person as known at one instant: the first three steps of work (rules section 6), kept by date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property

from cloud.rules import minutes
from cloud.rules.assign import Assigned, Place, Seat, dates_around, overtime_home, walk
from cloud.rules.clusters import Cluster, KnownPunches, known_punches
from cloud.rules.facts import Employment, PersonFacts, RosterEntry
from cloud.rules.minutes import MS, Minutes
from cloud.rules.plan import DayPlan, Instance, InstanceKind, PlanBook
from cloud.rules.records import clock_minutes, known_records

NO_CLUSTERS = Assigned()


class View:
    """What is known of one person at ``as_of_ms``; facts of later do not exist (T6)."""

    def __init__(self, person: PersonFacts, plans: PlanBook, as_of_ms: int) -> None:
        self.person = person
        self.plans = plans
        self.as_of_ms = as_of_ms
        self.records = known_records(person.records, as_of_ms)
        self._roster = _known_roster(person, as_of_ms)
        self._plans: dict[date, DayPlan] = {}
        self.overtime_lost: dict[date, Minutes] = {}
        """Minutes of the overtime forms of a date that a form of another date has (J9)."""
        if self.records.overtime:
            self._attach_overtime()
        self.attached = frozenset(self._plans)
        """Dates whose plan is this person's alone, for the overtime in it."""

    @cached_property
    def punches(self) -> KnownPunches:
        """The known punches, clustered (T4-T6, P2)."""
        return known_punches(self.person.punches, self.plans, self.as_of_ms)

    @property
    def untrusted(self) -> frozenset[date]:
        """Attendance days of punches whose time cannot be trusted (T5)."""
        return self.punches.untrusted

    def plan(self, day: date) -> DayPlan:
        """The plan of a date, overtime attached (D, A1, A6)."""
        found = self._plans.get(day)
        if found is None:
            found = self._plans[day] = self.base(day)
        return found

    def assigned(self, day: date) -> Assigned:
        """The clusters of a date (A2-A5)."""
        return self._assigned.get(day, NO_CLUSTERS)

    def rostered(self) -> set[date]:
        """Dates of which the roster speaks."""
        return set(self._roster)

    def base(self, day: date) -> DayPlan:
        """The plan of a date without overtime."""
        employment = self.person.employment
        return self.plans.day(
            day,
            self._roster.get(day),
            exempt=bool(employment.exempt) and any(first <= day <= last for first, last in employment.exempt),
            employed=_employed(employment, day),
        )

    def _attach_overtime(self) -> None:
        """Give each approved overtime to its shift, or to a window of its own (A6)."""
        zone = self.plans.zone
        of_shift: dict[date, dict[int, list[minutes.Span]]] = {}
        of_day: dict[date, list[minutes.Span]] = {}
        owned: dict[date, Minutes] = {}
        every: Minutes = minutes.NONE
        for record in self.records.overtime:
            for start, end in clock_minutes(record, zone):
                near = [
                    (day, index, instance)
                    for day in dates_around(zone.date_of(start))
                    for index, instance in enumerate(self.base(day).instances)
                ]
                home = overtime_home(start, near)
                if home is not None:
                    day, index = home
                    of_shift.setdefault(day, {}).setdefault(index, []).append((start, end))
                else:
                    day = self.plans.attendance_day(start)
                    of_day.setdefault(day, []).append((start, end))
                own = owned.get(day, minutes.NONE)
                if lost := minutes.subtract(minutes.clip(every, start, end), own):
                    before = self.overtime_lost.get(day, minutes.NONE)
                    self.overtime_lost[day] = minutes.union(before, lost)
                owned[day] = minutes.union(own, minutes.subtract(((start, end),), every))
                every = minutes.union(every, ((start, end),))
        for day in {*of_shift, *of_day}:
            self._plans[day] = _with_overtime(self.base(day), of_shift.get(day, {}), of_day.get(day, []))

    @cached_property
    def _assigned(self) -> dict[date, Assigned]:
        clusters = self.punches.clusters
        if not clusters:
            return {}
        date_of = self.plans.zone.date_of
        days = set(self.attached)
        last = None
        for cluster in clusters:
            day = date_of(cluster.first_ms // MS)
            if day != last:
                days.update(dates_around(day))
                last = day
        places: list[Place] = []
        by_day: dict[date, list[Place]] = {}
        for day in sorted(days):
            plan = self.plan(day)
            trust = plan.policy.direction == "trust"
            seats = [
                Place(day, i, instance, Seat(instance.start, instance.end, trust))
                for i, instance in enumerate(plan.instances)
            ]
            by_day[day] = seats
            places.extend(seats)
        loose: dict[date, list[Cluster]] = {}
        for cluster in walk(clusters, places):
            day = self.plans.attendance_day(cluster.first_ms // MS)
            loose.setdefault(day, []).append(cluster)
        return {
            day: Assigned(
                tuple(place.seat.clusters for place in by_day.get(day, ())), tuple(loose.get(day, ()))
            )
            for day in {*by_day, *loose}
        }


def _employed(employment: Employment, day: date) -> bool:
    if employment.hire is not None and day < employment.hire:
        return False
    return employment.last_day is None or day <= employment.last_day


def _known_roster(person: PersonFacts, as_of_ms: int) -> Mapping[date, RosterEntry]:
    """The roster with the newest known change of each date (D1, T6)."""
    if not person.roster_changes:
        return person.roster
    roster = dict(person.roster)
    known = [change for change in person.roster_changes if change.known_ms <= as_of_ms]
    for change in sorted(known, key=lambda change: change.known_ms):
        roster[change.day] = change.entry
    return roster


def _with_overtime(
    plan: DayPlan, of_shift: dict[int, list[minutes.Span]], of_day: list[minutes.Span]
) -> DayPlan:
    margin = plan.policy.overtime_window_min
    instances = list(plan.instances)
    for index, spans in of_shift.items():
        asked = minutes.normalise(spans)
        instance = instances[index]
        instances[index] = replace(
            instance,
            opens=min(instance.opens, asked[0][0] - margin),
            closes=max(instance.closes, asked[-1][1] + margin),
            overtime=asked,
        )
    if of_day and plan.duty is not plan.duty.NOT_EMPLOYED:
        instances.append(_overtime_instance(plan, minutes.normalise(of_day)))
    return plan.with_instances(tuple(instances))


def _overtime_instance(plan: DayPlan, asked: Minutes) -> Instance:
    start, end = asked[0][0], asked[-1][1]
    return Instance(
        name="",
        kind=InstanceKind.OVERTIME,
        shift=None,
        start=start,
        end=end,
        opens=start - plan.policy.before_min,
        closes=end + plan.policy.after_min,
        overtime=asked,
    )


def span_of_dates(first: date, last: date) -> list[date]:
    """Every date from ``first`` to ``last``, both in."""
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]

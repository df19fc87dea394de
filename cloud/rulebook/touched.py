"""Which person-days a draft touches: those whose rules, plan or calendar it changes, and their neighbours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, select, union

from cloud.attendance import coverage, stale
from cloud.attendance.facts import AsOf
from cloud.attendance.rulesets import Cache, GroupRules, Rulebook, rulebook
from cloud.db.tables import attendance_days, people
from cloud.rulebook.draft import Draft
from cloud.rulebook.members import Member, read_members
from cloud.rulebook.rosters import Names, read_rosters
from cloud.rules.facts import CalendarKind
from models.ids import PersonId

_DAY = timedelta(days=1)

Touched = dict[PersonId, tuple[date, ...]]
"""Dates to judge again by person; people whose dates are the same share one tuple."""


@dataclass(frozen=True, slots=True)
class Books:
    """What the rules as they are and as they would be mean for every group."""

    now: Rulebook
    then: Rulebook


def books(draft: Draft, zone: ZoneInfo, cache: Cache) -> Books:
    """Both rulebooks of a draft; groups it does not change share their rules."""
    return Books(rulebook(draft.before, zone, cache), rulebook(draft.after, zone, cache))


def touched(connection: Connection, draft: Draft, both: Books, view: AsOf) -> Touched:
    """The dates of each person that are covered and would be judged on something else.

    A date is touched with the one before and the one after it (rules section 7). Dates to come are judged
    when they come, by what holds then.
    """
    covered = coverage.span(connection)
    if covered is None:
        return {}
    last = min(covered[1], view.today)
    dates = stale.around(covered[0], last)
    rewritten = _changed_shifts(draft)
    kinds: dict[tuple[str | None, str | None], _Kind] = {}
    concerned: list[tuple[Member, _Kind]] = []
    for member in read_members(connection, draft):
        key = member.group_id, member.new_group_id
        if key not in kinds:
            kinds[key] = _Kind.of(both.now.of(key[0]), both.then.of(key[1]), dates)
        kind = kinds[key]
        if kind.everybody or kind.patterned or rewritten or member.person_id in draft.roster:
            concerned.append((member, kind))
    if not concerned:
        return {}
    rosters = read_rosters(connection, [member.person_id for member, _ in concerned], dates[0], dates[-1])
    outside = _judged_outside(connection, (covered[0], last))
    found: Touched = {}
    shared: dict[frozenset[date], tuple[date, ...]] = {}
    for member, kind in concerned:
        roster = rosters.get(member.person_id, {})
        days = kind.of_one(roster) | _put_in(draft, member.person_id, roster)
        days |= {day for day, names in roster.items() if not rewritten.isdisjoint(names)}
        around = _around(days, shared, (covered[0], last))
        if around and not (member.employed(around[0]) and member.employed(around[-1])):
            judged = outside.get(member.person_id, ())
            around = tuple(day for day in around if member.employed(day) or day in judged)
        if around:
            found[member.person_id] = around
    return found


def _judged_outside(connection: Connection, span: tuple[date, date]) -> dict[PersonId, set[date]]:
    """The dates of ``span`` of which there is a result though the person was not employed then."""
    who, day = people.c, attendance_days.c
    before = and_(day.person_id == who.person_id, day.date >= span[0], day.date < who.hire_date)
    after = and_(day.person_id == who.person_id, day.date > who.last_day, day.date <= span[1])
    rows = connection.execute(
        union(
            select(day.person_id, day.date).join(people, before).where(who.hire_date > span[0]),
            select(day.person_id, day.date).join(people, after).where(who.last_day < span[1]),
        )
    )
    found: defaultdict[PersonId, set[date]] = defaultdict(set)
    for person, on in rows:
        found[PersonId(person)].add(on)
    return found


@dataclass(frozen=True, slots=True)
class _Kind:
    """Dates that change for everybody of a group, and for those who follow its week."""

    everybody: frozenset[date]
    patterned: frozenset[date]

    @classmethod
    def of(cls, now: GroupRules | None, then: GroupRules | None, dates: Sequence[date]) -> _Kind:
        """What changes between two rules; everything where one of them cannot be judged by."""
        if now is then:
            return cls(frozenset(), frozenset())
        if now is None or then is None:
            return cls(frozenset(dates), frozenset())
        return cls(
            frozenset(
                day
                for day in dates
                if now.plans.policy(day) != then.plans.policy(day)
                or now.rules.calendar.get(day) != then.rules.calendar.get(day)
            ),
            frozenset(day for day in dates if _planned(now, day) != _planned(then, day)),
        )

    def of_one(self, roster: Mapping[date, Names]) -> frozenset[date]:
        """The dates of a person with that roster."""
        return self.everybody | (self.patterned - roster.keys())


def _planned(rules: GroupRules, day: date) -> tuple[object, ...]:
    """What the week makes of a date, and what its reasons say of that: a makeup day is none on a workday."""
    entry = rules.plans.entry(day)
    calendar = rules.rules.calendar.get(day)
    is_makeup = calendar is not None and calendar.kind is CalendarKind.MAKEUP
    own = rules.rules.week.get(day.weekday()) if is_makeup else None
    return (
        entry,
        own,
        rules.plans.day_type(day, None),
        *(rules.rules.shifts.get(name) for name in entry.shifts),
    )


def _changed_shifts(draft: Draft) -> frozenset[str]:
    """Shifts whose hours would be others, or that would no longer be there."""
    before, after = draft.before.shifts, draft.after.shifts
    return frozenset(name for name in before if before[name] != after.get(name))


def _put_in(draft: Draft, person: PersonId, roster: Mapping[date, Names]) -> frozenset[date]:
    wanted = draft.roster.get(person, {})
    return frozenset(day for day, entry in wanted.items() if roster.get(day) != entry.shifts)


def _around(
    days: frozenset[date], shared: dict[frozenset[date], tuple[date, ...]], bounds: tuple[date, date]
) -> tuple[date, ...]:
    found = shared.get(days)
    if found is None:
        near = {day + _DAY * n for day in days for n in (-1, 0, 1)}
        found = shared[days] = tuple(sorted(day for day in near if bounds[0] <= day <= bounds[1]))
    return found

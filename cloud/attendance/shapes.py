"""The places and shapes of a rule set, each made once.

Nothing here judges; where a rule could reach beyond what a shape says, there is no place, and the engine is
asked about that very day.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from cloud.attendance.answers import Answer, Claimed, Question, dates_around
from cloud.attendance.hours import Hours, hours_of, moved
from cloud.attendance.places import OFFSETS, SELF, Overtime, Place, Plans, Shape, Stretch, Whose
from cloud.rules import minutes
from cloud.rules.claims import claim
from cloud.rules.engine import Judge
from cloud.rules.errors import RefusedInput
from cloud.rules.facts import PersonFacts
from cloud.rules.localtime import DAY_MIN, EPOCH_ORDINAL
from cloud.rules.minutes import MS, Minutes, Span
from cloud.rules.plan import DayPlan, Instance, InstanceKind, PlanBook
from cloud.rules.policy import Policy
from cloud.rules.view import View
from models.attendance import Duty
from models.office import ClockSpan, OfficeRecord

_FIRST: Final = -3
_BEYOND: Final = 5
_BEFORE_FORM: Final = 2
"""Dates before that of its start that a form may belong to (A6)."""
_STRETCHES: Final = 4_000
_FORMS: Final = 4_000
"""Of a stretch."""
_REACH: Final = range(-1, 4)
_DATED: Final = re.compile(r"\d\d-\d\d ")


class Shapes:
    """Places and shapes of one rule set, kept with its plans."""

    def __init__(self, plans: PlanBook) -> None:
        self.plans = plans
        policies = [version.policy for version in plans.rules.policies]
        self.usable = not any(_chained(policy) for policy in policies)
        self.counts_month = any(_counting(policy) for policy in policies)
        self.longest_dup_ms = max(policy.dup_window_s for policy in policies) * 1000
        self.dup_windows_n = len({policy.dup_window_s for policy in policies})
        names = [*plans.rules.shifts, *(name for policy in policies for name in policy.named.values())]
        self._named_like_dates = any(_DATED.match(name) for name in names)
        self._entries: dict[tuple[tuple[str, ...], str | None], int] = {}
        self._stretches: dict[tuple[int, tuple[int, ...]], Stretch] = {}
        self._around: dict[tuple[int, ...], Place | None] = {}
        self._shapes: dict[tuple[object, ...], Shape] = {}
        self._within: dict[tuple[object, ...], dict[Question, Answer | None]] = {}

    def stretch(self, facts: PersonFacts, first: date, last: date) -> Stretch:
        """The places of somebody from ``first`` to ``last``, both in; overtime is not in them."""
        low = first.toordinal() - _BEYOND
        codes = self._codes(facts, low, last.toordinal() + _BEYOND)
        if codes is None:
            return self._stretch(facts, first, last)
        key = (low, codes)
        found = self._stretches.get(key)
        if found is None:
            if len(self._stretches) >= _STRETCHES:
                self._stretches.clear()
            found = self._stretches[key] = self._stretch(facts, first, last)
        return found

    def _codes(self, facts: PersonFacts, low: int, high: int) -> tuple[int, ...] | None:
        """All that the plans from one date to another, both in, hang on; None: on more.

        The lowest bit says whether employed, the next whether exempt, the others what the roster says.
        """
        employment, roster = facts.employment, facts.roster
        days_n = high - low + 1
        codes = [1] * days_n
        if employment.hire is not None:
            before_n = min(max(employment.hire.toordinal() - low, 0), days_n)
            codes[:before_n] = [0] * before_n
        if employment.last_day is not None:
            after = min(max(employment.last_day.toordinal() + 1 - low, 0), days_n)
            codes[after:] = [0] * (days_n - after)
        for first, last in employment.exempt:
            for place in range(max(first.toordinal() - low, 0), min(last.toordinal() - low + 1, days_n)):
                codes[place] |= 2
        if facts.roster_changes:
            return None
        entries = self._entries
        for day, entry in roster.items():
            place = day.toordinal() - low
            # Every rostered date is checked with its neighbours (V3).
            if not 0 < place < days_n - 1:
                return None
            codes[place] |= entries.setdefault((entry.shifts, entry.zone), len(entries) + 1) << 2
        return tuple(codes)

    def _stretch(self, facts: PersonFacts, first: date, last: date) -> Stretch:
        judge = Judge(replace(facts, records=(), punches=()), self.plans)
        try:
            judge.check(first, last)
        except RefusedInput as refused:
            return Stretch(first.toordinal(), (), refused)
        view = judge.at(facts.as_of_ms).view
        plans = [
            view.base(first + timedelta(days=n + _FIRST)) for n in range((last - first).days + len(OFFSETS))
        ]
        places = [self.around(tuple(plans[n : n + len(OFFSETS)])) for n in range((last - first).days + 1)]
        return Stretch(first.toordinal(), places, None)

    def around(self, around: Plans) -> Place | None:
        """The place in the middle of plans that the rule set made; None: there is no shape for it."""
        # Plans of the book live as long as it: their identity stands for them.
        key = tuple([id(plan) for plan in around])
        if key not in self._around:
            self._around[key] = self._place(around)
        return self._around[key]

    def overtime(self, stretch: Stretch, facts: PersonFacts, form: OfficeRecord) -> Overtime:
        """What a form of somebody makes of that stretch of theirs, other forms aside."""
        body = form.body
        if not isinstance(body, ClockSpan):
            return self._overtime(stretch, facts, form)
        key = body.start_ms, body.end_ms
        found = stretch.overtime.get(key)
        if found is None:
            found = self._overtime(stretch, facts, form)
            day = self.plans.zone.ordinal_of(body.start_ms // MS)
            # All who share the stretch have the same plans as far beyond it.
            if -_BEFORE_FORM <= day - stretch.first < len(stretch.places) + _BEFORE_FORM:
                if len(stretch.overtime) >= _FORMS:
                    stretch.overtime.clear()
                stretch.overtime[key] = found
        return found

    def _overtime(self, stretch: Stretch, facts: PersonFacts, form: OfficeRecord) -> Overtime:
        view = View(replace(facts, records=(form,), punches=()), self.plans, facts.as_of_ms)
        zone = self.plans.zone
        windows: list[Span] = []
        home = place = None
        near: set[int] = set()
        for day in view.attached:
            home = day.toordinal()
            base = {(i.opens, i.closes) for i in view.base(day).instances}
            for opens, closes in {(i.opens, i.closes) for i in view.plan(day).instances} - base:
                windows.append((opens * MS, closes * MS))
                near.update(range(zone.ordinal_of(opens) - 2, zone.ordinal_of(closes) + 3))
            plain = stretch.place(home)
            if plain is not None and isinstance(form.body, ClockSpan):
                place = self._place((*plain.around[:SELF], view.plan(day), *plain.around[SELF + 1 :]))
        return Overtime(home, place, frozenset([day for day in near if stretch.reached(day, windows)]))

    def hours_beside(self, place: Place, record: OfficeRecord, claimed: Claimed) -> Hours | None:
        """The hours of the date beside a dated record; None: its punches may not come down to edges."""
        known = place.shape.beside
        if claimed not in known:
            claims = claim(place.plan, (record,), self.plans.rules.natural_leave_types)
            midnight, crowd = place.midnight_ms // MS, _crowd(place.around)
            known[claimed] = hours_of(place.plan, midnight, crowd, claims)
        return known[claimed]

    def bounded(self, around: Sequence[DayPlan]) -> bool:
        """Whether the windows of these dates are all that can hold a punch of the one in the middle."""
        return all(_bounded(plan, self.plans) for plan in around)

    def dup_ms(self, at_ms: int) -> int:
        """How near to the one before a punch at that instant is its double (P2)."""
        return self.plans.policy(self.plans.zone.date_of(at_ms // MS)).dup_window_s * 1000

    def _place(self, around: Plans) -> Place | None:
        plan, zone = around[SELF], self.plans.zone
        ordinal = plan.day.toordinal()
        midnights = [zone.midnight(ordinal + days) for days in _REACH]
        midnight = midnights[1]
        even = all(midnights[n + 1] - midnights[n] == DAY_MIN for n in range(len(midnights) - 1))
        if not (even and plan.zone is zone and self.bounded(around)):
            return None
        own = _windows(plan)
        low = min([plan.opens, *(opens for opens, _ in own)])
        high = max([plan.closes, *(closes for _, closes in own)])
        others = tuple(
            [
                (opens, closes)
                for place, other in enumerate(around)
                if place != SELF
                for opens, closes in _windows(other)
                if opens < high and closes > low
            ]
        )
        marks = sorted({edge for span in (*own, *others, (plan.opens, plan.closes)) for edge in span})
        days = [date.fromordinal(ordinal + days).isoformat() for days in _REACH[:-1]]
        offset = _offset((ordinal - EPOCH_ORDINAL) * DAY_MIN - midnight)
        head = b"\xdc\x00\x1f\xaa" + days[1].encode()
        time = b"\xb9%sT" % days[1].encode() + b"%b" + offset
        return Place(
            day=plan.day,
            around=around,
            shape=self._shape(around, midnight, (low, high), others),
            midnight_ms=midnight * MS,
            low_ms=low * MS,
            high_ms=high * MS,
            marks_ms=[mark * MS for mark in marks],
            whose=[_whose(plan, own, others, minute) for minute in (marks[0] - 1, *marks)],
            sole=(own[0][0] * MS, own[0][1] * MS) if len(own) == 1 and not others else (0, 0),
            settles_ms=None if plan.duty is Duty.NOT_EMPLOYED else plan.window_end * MS,
            head=head,
            plain_head=head + time + time + b"%b",
            iso=tuple([b"\xb9%sT" % day.encode() for day in days]),
            dates=tuple(reversed(dates_around(plan.day))),
            offset=offset,
        )

    def _shape(self, around: Plans, midnight: int, reach: Span, others: Minutes) -> Shape:
        """The shape that all dates share of which, seen from their midnight, everything in reach is alike."""
        plan = around[SELF]
        crowd = _crowd(around)
        zone = self.plans.zone
        first, last = zone.ordinal_of(reach[0]), zone.ordinal_of(reach[1])
        here = (
            id(plan.policy),
            plan.duty,
            plan.half,
            None if plan.why is None else (plan.why.code, *plan.why.args.items()),
            plan.opens - midnight,
            plan.closes - midnight,
            (plan.day.toordinal() - EPOCH_ORDINAL) * DAY_MIN - midnight,
            tuple([_seen_from(midnight, instance) for instance in plan.instances]),
            moved(others, midnight),
            moved(crowd, midnight),
            plan.day_type,
            # With names like dates, the dates in an answer cannot be told from them.
            plan.day if self._named_like_dates else None,
        )
        elsewhere = tuple([one.day_type for one in around if first <= one.day.toordinal() <= last])
        found = self._shapes.get((here, elsewhere))
        if found is None:
            found = self._shapes[here, elsewhere] = _shape_of(around, midnight, crowd)
            if _on_one_date(plan, midnight):
                found.within = self._within.setdefault(here, {})
        return found


def _chained(policy: Policy) -> bool:
    """Whether what somebody did days ago, or a typed direction, may decide whose a punch is."""
    return policy.direction == "trust" or policy.shared_punch or bool(policy.late_off_late_on)


def _counting(policy: Policy) -> bool:
    """Whether a month counts lates or corrections (L9, C4)."""
    limits = (policy.correction_limit, policy.correction_max_age_days)
    return bool(policy.free_lates) or limits != (None, None)


def _bounded(plan: DayPlan, plans: PlanBook) -> bool:
    """Whether no window of the date leaves the three days around it.

    Then the windows at ``OFFSETS`` are exactly those that walking would try for each punch.
    """
    ordinal = plan.day.toordinal()
    low, high = plans.zone.midnight(ordinal - 1), plans.zone.midnight(ordinal + 2)
    return all(low <= instance.opens and instance.closes <= high for instance in plan.instances)


def _whose(plan: DayPlan, own: Minutes, others: Minutes, minute: int) -> Whose:
    own_n, others_n = _holders_n(own, minute), _holders_n(others, minute)
    if own_n + others_n > 1:
        return Whose.CONTESTED
    if own_n:
        return Whose.OWN
    return Whose.LOOSE if not others_n and plan.opens <= minute < plan.closes else Whose.ELSEWHERE


def _holders_n(windows: Minutes, minute: int) -> int:
    return sum([opens <= minute < closes for opens, closes in windows])


def _windows(plan: DayPlan) -> Minutes:
    return tuple([(instance.opens, instance.closes) for instance in plan.instances])


def _offset(offset_min: int) -> bytes:
    sign, ahead = ("+", offset_min) if offset_min >= 0 else ("-", -offset_min)
    return f"{sign}{ahead // 60:02d}:{ahead % 60:02d}".encode()


def _seen_from(midnight: int, one: Instance) -> tuple[object, ...]:
    edges = (one.start, one.end, one.opens, one.closes)
    spans = (one.segments, one.required, one.breaks, one.overtime)
    return (
        one.name,
        one.kind,
        id(one.shift),
        tuple([edge - midnight for edge in edges]),
        tuple([moved(of, midnight) for of in spans]),
    )


def _crowd(around: Plans) -> Minutes:
    """Planned hours of neighbours that reach into the windows of the date (O1)."""
    own = around[SELF]
    low = min([own.opens, *(i.opens for i in own.instances)])
    high = max([own.closes, *(i.closes for i in own.instances)])
    return minutes.normalise(
        [
            (other.start, other.end)
            for place, plan in enumerate(around)
            for other in plan.instances
            if place != SELF and other.kind is InstanceKind.SHIFT and other.start < high and low < other.end
        ]
    )


def _shape_of(around: Plans, midnight: int, crowd: Minutes) -> Shape:
    hours = hours_of(around[SELF], midnight, crowd)
    answers: dict[Question, Answer | None] = {}
    return Shape(hours, within=answers, answers=answers)


def _on_one_date(plan: DayPlan, midnight: int) -> bool:
    """Whether hours and overtime of the date lie on it."""
    spans = [span for i in plan.instances for span in (*i.segments, *i.overtime)]
    return all(midnight <= start and end <= midnight + DAY_MIN for start, end in spans)

"""The engine's door: facts of one person in, results per date out (rules section 6).

Pure: the same facts give the same results, whatever their order (T6). Totals of months are in
:mod:`cloud.rules.month`.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Final

from cloud.rules.day import Days, result_of
from cloud.rules.errors import RefusalCode, RefusedInput
from cloud.rules.facts import PersonFacts
from cloud.rules.judged import Event
from cloud.rules.plan import ONE_DAY, PlanBook
from cloud.rules.view import View, span_of_dates
from models.attendance import AttendanceDay, FindingCode, Flag

NO_WAIVERS: Final[list[Event]] = []


class _Month:
    """Waivers (L9) and correction limits (C4) of a month, counted date by date as far as asked for."""

    def __init__(self, first: date) -> None:
        self.next = first
        self.lates = 0
        self.corrections = 0
        self.waived: dict[date, list[Event]] = {}
        self.flags: dict[date, list[tuple[Flag, str]]] = {}


class Judge:
    """One person's dates at any instant of knowledge, each judged once.

    Args:
        person: the facts.
        plans: plans of the person's rule set, to share among persons; None: made here.

    Raises:
        RefusedInput: a shift, a policy or the roster cannot be judged (V1-V4).
    """

    def __init__(self, person: PersonFacts, plans: PlanBook | None = None) -> None:
        self.person = person
        self.plans = PlanBook(person.rules) if plans is None else plans
        self._days: dict[int, Days] = {}
        self._months: dict[tuple[int, int, int], _Month] = {}
        self._results: dict[tuple[int, date], AttendanceDay] = {}
        policies = [version.policy for version in person.rules.policies]
        self._counts_month = any(
            p.free_lates or p.correction_limit is not None or p.correction_max_age_days is not None
            for p in policies
        )

    def at(self, as_of_ms: int) -> Days:
        """The dates as known at an instant."""
        found = self._days.get(as_of_ms)
        if found is None:
            found = self._days[as_of_ms] = Days(View(self.person, self.plans, as_of_ms))
        return found

    def result(self, day: date, as_of_ms: int) -> AttendanceDay:
        """The result of a date as known at an instant, locks aside."""
        key = (as_of_ms, day)
        found = self._results.get(key)
        if found is None:
            days = self.at(as_of_ms)
            sheet = days.sheet(day)
            waived, flags = NO_WAIVERS, []
            if self._counts_month:
                month = self._through(days, day)
                waived, flags = month.waived.get(day, NO_WAIVERS), month.flags.get(day, [])
            found = self._results[key] = result_of(sheet, days, waived, flags)
        return found

    def published(self, day: date) -> AttendanceDay:
        """The result of a date, frozen if its month is locked (M4)."""
        locked = self.locked_at(day.year, day.month)
        return self.result(day, self.person.as_of_ms if locked is None else locked)

    def locked_at(self, year: int, month: int) -> int | None:
        """When the month was locked for good, as of now; None: it is open (M4)."""
        last = None
        for event in self.person.locks:
            if (event.year, event.month) != (year, month) or event.at_ms > self.person.as_of_ms:
                continue
            # At one instant the later entry speaks.
            if last is None or event.at_ms >= last.at_ms:
                last = event
        return None if last is None or last.reopen else last.at_ms

    def check(self, first: date, last: date) -> None:
        """Refuse planned spans that overlap around the dates asked for and all rostered ones (V3).

        Raises:
            RefusedInput: ``overlapping_shifts``.
        """
        view = self.at(self.person.as_of_ms).view
        days = set(span_of_dates(first - ONE_DAY, last + ONE_DAY))
        for day in view.rostered():
            days.update((day - ONE_DAY, day, day + ONE_DAY))
        planned = sorted(
            (
                (instance.start, instance.end, instance.name, day)
                for day in days
                for instance in view.plan(day).shifts
                if instance.segments
            ),
        )
        for one, other in pairwise(planned):
            if other[0] < one[1]:
                raise RefusedInput(
                    RefusalCode.OVERLAPPING_SHIFTS,
                    f"{other[2]} of {other[3]} begins before {one[2]} of {one[3]} ends",
                )

    def _through(self, days: Days, day: date) -> _Month:
        key = (days.view.as_of_ms, day.year, day.month)
        month = self._months.get(key)
        if month is None:
            month = self._months[key] = _Month(day.replace(day=1))
        while month.next <= day:
            _count(month, days, month.next)
            month.next += ONE_DAY
        return month


def _count(month: _Month, days: Days, day: date) -> None:
    sheet = days.sheet(day)
    policy = sheet.plan.policy
    for event in sheet.events:
        if event.code is not FindingCode.LATE or month.lates >= policy.free_lates:
            continue
        if policy.free_late_max_min is None or event.length <= policy.free_late_max_min:
            month.lates += 1
            month.waived.setdefault(day, []).append(event)
    applied = sheet.roles.corrections
    if not applied:
        return
    month.corrections += len(applied)
    flags = month.flags.setdefault(day, [])
    if policy.correction_limit is not None and month.corrections > policy.correction_limit:
        flags.append((Flag.CORRECTION_OVER_LIMIT, "C4"))
    age = policy.correction_max_age_days
    if age is not None and any(c.submitted is not None and (c.submitted - day).days > age for c in applied):
        flags.append((Flag.CORRECTION_TOO_OLD, "C4"))


def judge(person: PersonFacts, first: date, last: date, plans: PlanBook | None = None) -> list[AttendanceDay]:
    """The published view of every date from ``first`` to ``last``, both in, in order (M4).

    ``plans`` may be shared by all persons with the same ``person.rules`` object; None makes them anew.

    Raises:
        RefusedInput: a shift, a policy or the roster cannot be judged (V1-V4); nothing was judged.
    """
    judged = Judge(person, plans)
    judged.check(first, last)
    return [judged.published(day) for day in span_of_dates(first, last)]

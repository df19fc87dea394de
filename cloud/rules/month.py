"""Totals of a month or period, and what later knowledge adjusts (M1-M7, O7)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Final

from cloud.rules.engine import Judge
from cloud.rules.facts import PersonFacts
from cloud.rules.plan import PlanBook
from cloud.rules.policy import Policy
from cloud.rules.view import span_of_dates
from models.attendance import AttendanceDay, DayState, DayType, Duty, FindingCode, Flag

BLOCKING_FLAGS: Final = (Flag.PENDING_APPROVAL, Flag.UNTRUSTED_TIME)
PROVISIONAL: Final = "provisional_calendar"
DECEMBER: Final = 12


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What became known of a date after its month was locked (M5).

    ``delta``: changed numbers by field name, maps as ``leave_days.sick``; exact.
    """

    date: date
    delta: Mapping[str, Fraction]


@dataclass(slots=True)
class PeriodTotals:
    """Sums over the published dates of a month or period (M1-M3, O7); days are exact.

    The ``period_*`` fields are None unless hours are comprehensive. ``blockers`` empty: may be locked.
    """

    due_days: Fraction = Fraction(0)
    due_min: int = 0
    worked_min: int = 0
    presence_min: int = 0
    late_min: int = 0
    serious_late_min: int = 0
    early_min: int = 0
    absent_days: Fraction = Fraction(0)
    leave_min: dict[str, int] = field(default_factory=dict)
    leave_days: dict[str, Fraction] = field(default_factory=dict)
    trip_min: int = 0
    trip_days: Fraction = Fraction(0)
    outing_min: int = 0
    overtime_min: dict[DayType, int] = field(default_factory=lambda: dict.fromkeys(DayType, 0))
    statutory_min: int = 0
    corrections_n: int = 0
    late_n: int = 0
    serious_late_n: int = 0
    absent_half_n: int = 0
    early_n: int = 0
    missing_in_n: int = 0
    missing_out_n: int = 0
    waived_late_n: int = 0
    present_days: Fraction = Fraction(0)
    penalty_days: Fraction = Fraction(0)
    blockers: tuple[str, ...] = ()
    period_counted_min: int | None = None
    period_standard_min: Fraction | None = None
    period_overtime_min: int | None = None
    adjustments: tuple[Adjustment, ...] = ()


def month_totals(person: PersonFacts, year: int, month: int, plans: PlanBook | None = None) -> PeriodTotals:
    """Totals of a calendar month, with the adjustments it lists (M5).

    Raises:
        RefusedInput: the facts cannot be judged (V1-V4).
    """
    judged = Judge(person, plans)
    first, last = month_bounds(year, month)
    judged.check(first, last)
    found = _totals(judged, first, last)
    found.adjustments = adjustments(judged, year, month)
    return found


def period_totals(
    person: PersonFacts, first: date, last: date, plans: PlanBook | None = None
) -> PeriodTotals:
    """Totals of any dates, both ends in; adjustments belong to months.

    Raises:
        RefusedInput: the facts cannot be judged (V1-V4).
    """
    judged = Judge(person, plans)
    judged.check(first, last)
    return _totals(judged, first, last)


def month_bounds(year: int, month: int) -> tuple[date, date]:
    """First and last date of a month."""
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def _totals(judged: Judge, first: date, last: date) -> PeriodTotals:
    days = [judged.published(day) for day in span_of_dates(first, last)]
    years = judged.person.rules.provisional_years
    provisional = any(year in years for year in range(first.year, last.year + 1))
    return sum_days(days, judged.plans.policy(last), provisional=provisional)


def sum_days(days: Sequence[AttendanceDay], policy: Policy, *, provisional: bool) -> PeriodTotals:
    """Sums of results of one person.

    Args:
        days: results of the dates of the period.
        policy: in force on its last date; for penalties and comprehensive hours.
        provisional: some date is in a year without an official calendar.
    """
    found = PeriodTotals()
    states: set[str] = set()
    outside = 0
    for day in days:
        _add_numbers(found, day)
        _add_events(found, day)
        outside += day.outside_min
        if day.state is not DayState.FINAL:
            states.add(day.state.value)
        elif day.duty is Duty.DUE:
            left = day.due_days - day.absent_days - sum(day.leave_days.values())
            found.present_days += max(Fraction(0), left)
        states.update(flag.value for flag in BLOCKING_FLAGS if flag in day.flags)
    if provisional:
        states.add(PROVISIONAL)
    found.blockers = tuple(sorted(states))
    if policy.penalty_lates:
        times = (found.late_n + found.serious_late_n) // policy.penalty_lates
        found.penalty_days = times * policy.penalty_days
    if policy.hours_system == "comprehensive":
        _add_comprehensive(found, policy, outside)
    return found


def _add_numbers(found: PeriodTotals, day: AttendanceDay) -> None:
    found.due_days += day.due_days
    found.due_min += day.required_min
    found.worked_min += day.worked_min
    found.presence_min += day.presence_min
    found.late_min += day.late_min
    found.serious_late_min += day.serious_late_min
    found.early_min += day.early_min
    found.absent_days += day.absent_days
    found.trip_min += day.trip_min
    found.trip_days += day.trip_days
    found.outing_min += day.outing_min
    found.statutory_min += day.statutory_min
    found.corrections_n += day.corrections_n
    for name, length in day.leave_min.items():
        found.leave_min[name] = found.leave_min.get(name, 0) + length
    for name, count in day.leave_days.items():
        found.leave_days[name] = found.leave_days.get(name, Fraction(0)) + count
    for kind, length in day.overtime_min.items():
        found.overtime_min[kind] += length


def _add_events(found: PeriodTotals, day: AttendanceDay) -> None:
    found.waived_late_n += day.waived_late_n
    for code in day.findings:
        if code is FindingCode.LATE:
            found.late_n += 1
        elif code is FindingCode.SERIOUS_LATE:
            found.serious_late_n += 1
        elif code is FindingCode.ABSENT_HALF:
            found.absent_half_n += 1
        elif code is FindingCode.EARLY:
            found.early_n += 1
        elif code is FindingCode.MISSING_IN:
            found.missing_in_n += 1
        elif code is FindingCode.MISSING_OUT:
            found.missing_out_n += 1


def _add_comprehensive(found: PeriodTotals, policy: Policy, outside: int) -> None:
    """Hours counted over the period against its standard (O7)."""
    counted = found.worked_min - found.statutory_min + found.trip_min + found.outing_min + outside
    standard = Fraction(found.due_min) if policy.period_standard_min is None else policy.period_standard_min
    standard -= sum(found.leave_min.values())
    found.period_counted_min = counted
    found.period_standard_min = standard
    found.period_overtime_min = int(max(Fraction(0), counted - standard))


def adjustments(judged: Judge, year: int, month: int) -> tuple[Adjustment, ...]:
    """Dates of the locked months directly before a month whose result changed while it was open (M5, M6)."""
    year_before, month_before = _before(year, month)
    opened = judged.locked_at(year_before, month_before)
    if opened is None:
        return ()
    closed = judged.locked_at(year, month)
    until = judged.person.as_of_ms if closed is None else closed
    found: list[Adjustment] = []
    while (locked := judged.locked_at(year_before, month_before)) is not None:
        start, end = max(opened, locked), max(until, locked)
        first, last = month_bounds(year_before, month_before)
        for day in span_of_dates(first, last):
            delta = _delta(judged.result(day, start), judged.result(day, end))
            if delta:
                found.append(Adjustment(day, delta))
        year_before, month_before = _before(year_before, month_before)
    return tuple(sorted(found, key=lambda adjustment: adjustment.date))


def _before(year: int, month: int) -> tuple[int, int]:
    return (year, month - 1) if month > 1 else (year - 1, DECEMBER)


def _delta(old: AttendanceDay, new: AttendanceDay) -> dict[str, Fraction]:
    """Changed numbers, in the order of M6."""
    before, after = adjustable(old), adjustable(new)
    names = list(after) + [name for name in before if name not in after]
    zero = Fraction(0)
    found = {name: after.get(name, zero) - before.get(name, zero) for name in names}
    return {name: change for name, change in found.items() if change}


def adjustable(day: AttendanceDay) -> dict[str, Fraction]:
    """The numbers of a result that an adjustment can change, in the order of M6."""
    found = {
        "late_min": Fraction(day.late_min),
        "serious_late_min": Fraction(day.serious_late_min),
        "early_min": Fraction(day.early_min),
        "absent_days": day.absent_days,
    }
    found |= {f"leave_min.{name}": Fraction(length) for name, length in sorted(day.leave_min.items())}
    found |= {f"leave_days.{name}": count for name, count in sorted(day.leave_days.items())}
    found |= {
        "trip_min": Fraction(day.trip_min),
        "trip_days": day.trip_days,
        "outing_min": Fraction(day.outing_min),
        "worked_min": Fraction(day.worked_min),
    }
    found |= {f"overtime_min.{kind.value}": Fraction(length) for kind, length in day.overtime_min.items()}
    found["corrections_n"] = Fraction(day.corrections_n)
    return found

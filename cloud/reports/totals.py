"""Totals of a person over a month (rules M1, M2). Days stay exact fractions; who shows them rounds (M7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from cloud.attendance.codec import DayBrief
from models.attendance import DayState, DayType, Duty, FindingCode

_NOTHING = Fraction(0)


@dataclass(slots=True)
class MonthTotals:
    """Sums over the dates of a month.

    Minutes and days are those of :class:`models.attendance.AttendanceDay`; ``*_n`` count findings.
    ``present_days`` is M2: trips count, rest days with punches do not. ``open_n``: days not final yet.
    """

    due_days: Fraction = Fraction(0)
    due_min: int = 0
    present_days: Fraction = Fraction(0)
    worked_min: int = 0
    presence_min: int = 0
    late_min: int = 0
    serious_late_min: int = 0
    early_min: int = 0
    absent_days: Fraction = Fraction(0)
    trip_min: int = 0
    trip_days: Fraction = Fraction(0)
    outing_min: int = 0
    statutory_min: int = 0
    corrections_n: int = 0
    waived_late_n: int = 0
    open_n: int = 0
    leave_min: dict[str, int] = field(default_factory=dict)
    leave_days: dict[str, Fraction] = field(default_factory=dict)
    overtime_min: dict[DayType, int] = field(default_factory=dict)
    findings: Counter[FindingCode] = field(default_factory=Counter)

    @property
    def late_n(self) -> int:
        """Times late within the first tier."""
        return self.findings[FindingCode.LATE]

    @property
    def serious_late_n(self) -> int:
        """Times seriously late."""
        return self.findings[FindingCode.SERIOUS_LATE]

    @property
    def early_n(self) -> int:
        """Times left early."""
        return self.findings[FindingCode.EARLY]

    @property
    def missing_n(self) -> int:
        """Punches missing at either end."""
        return self.findings[FindingCode.MISSING_IN] + self.findings[FindingCode.MISSING_OUT]

    @property
    def all_leave_days(self) -> Fraction:
        """Days of leave of every type."""
        return sum(self.leave_days.values(), Fraction(0))


def total(days: Iterable[DayBrief]) -> MonthTotals:
    """The sums over ``days``; each date must come once."""
    sums = MonthTotals()
    due = present = 0
    for day in days:
        _add(sums, day)
        # Whole days are counted apart: adding fractions would cost more than all the rest.
        if day.due_days == 1:
            due += 1
        elif day.due_days:
            sums.due_days += day.due_days
        came = present_days(day)
        if came == 1:
            present += 1
        elif came:
            sums.present_days += came
    sums.due_days += due
    sums.present_days += present
    return sums


def _add(sums: MonthTotals, day: DayBrief) -> None:
    if day.absent_days:
        sums.absent_days += day.absent_days
    if day.trip_days:
        sums.trip_days += day.trip_days
    if day.findings:
        sums.findings.update(day.findings)
    sums.due_min += day.required_min
    sums.worked_min += day.worked_min
    sums.presence_min += day.presence_min
    sums.late_min += day.late_min
    sums.serious_late_min += day.serious_late_min
    sums.early_min += day.early_min
    sums.trip_min += day.trip_min
    sums.outing_min += day.outing_min
    sums.statutory_min += day.statutory_min
    sums.corrections_n += day.corrections_n
    sums.waived_late_n += day.waived_late_n
    sums.open_n += day.state is not DayState.FINAL
    for leave, minutes in day.leave_min.items():
        sums.leave_min[leave] = sums.leave_min.get(leave, 0) + minutes
    for leave, days in day.leave_days.items():
        sums.leave_days[leave] = sums.leave_days.get(leave, Fraction(0)) + days
    for kind, minutes in day.overtime_min.items():
        sums.overtime_min[kind] = sums.overtime_min.get(kind, 0) + minutes


def present_days(day: DayBrief) -> Fraction:
    """Days present on one date (M2)."""
    if day.state is not DayState.FINAL or day.duty is not Duty.DUE:
        return _NOTHING
    if not (day.leave_days or day.absent_days):
        return day.due_days
    return max(Fraction(0), day.due_days - sum(day.leave_days.values(), Fraction(0)) - day.absent_days)

"""Columns of totals: the sets the month page offers, and all of them in exports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from cloud.reports.totals import MonthTotals
from models.attendance import DayType

_HOUR = 60


class Measure(StrEnum):
    """What a number counts: days, times, minutes or hours."""

    DAYS = "days"
    TIMES = "times"
    MINUTES = "minutes"
    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``key`` names its texts ``columns.{key}``; of a leave type, ``leave_type`` does."""

    key: str
    measure: Measure
    value: Callable[[MonthTotals], Fraction | int]
    leave_type: str | None = None


def _overtime(kind: DayType) -> Callable[[MonthTotals], Fraction]:
    return lambda totals: Fraction(totals.overtime_min.get(kind, 0), _HOUR)


def _leave(leave_type: str) -> Callable[[MonthTotals], Fraction]:
    return lambda totals: totals.leave_days.get(leave_type, Fraction(0))


_DAYS, _TIMES, _MINUTES, _HOURS = Measure
DUE = Column("due", _DAYS, lambda t: t.due_days)
PRESENT = Column("present", _DAYS, lambda t: t.present_days)
ABSENT = Column("absent", _DAYS, lambda t: t.absent_days)
LEAVE = Column("leave_days", _DAYS, lambda t: t.all_leave_days)
TRIP = Column("trip", _DAYS, lambda t: t.trip_days)
OUTING = Column("outing", _HOURS, lambda t: Fraction(t.outing_min, _HOUR))
LATE_ALL = Column("late_all", _TIMES, lambda t: t.late_n + t.serious_late_n)
MISSING = Column("missing_n", _TIMES, lambda t: t.missing_n)
LATENESS = (
    Column("late_n", _TIMES, lambda t: t.late_n),
    Column("late_min", _MINUTES, lambda t: t.late_min),
    Column("serious_n", _TIMES, lambda t: t.serious_late_n),
    Column("serious_min", _MINUTES, lambda t: t.serious_late_min),
    Column("early_n", _TIMES, lambda t: t.early_n),
    Column("early_min", _MINUTES, lambda t: t.early_min),
    MISSING,
    Column("corrections", _TIMES, lambda t: t.corrections_n),
)
OVERTIME = (
    Column("workday", _HOURS, _overtime(DayType.WORKDAY)),
    Column("rest", _HOURS, _overtime(DayType.REST)),
    Column("statutory", _HOURS, _overtime(DayType.STATUTORY)),
    Column("statutory_in_shift", _HOURS, lambda t: Fraction(t.statutory_min, _HOUR)),
    Column("worked", _HOURS, lambda t: Fraction(t.worked_min, _HOUR)),
)
SETS = ("overview", "days", "lateness", "leave", "overtime")


def columns_of(chosen: str, leave_types: Iterable[str]) -> tuple[Column, ...]:
    """The columns of one of ``SETS``; ``leave_types`` are those anybody took."""
    match chosen:
        case "days":
            return (DUE, PRESENT, ABSENT, LEAVE, TRIP)
        case "lateness":
            return LATENESS
        case "leave":
            return (*leave_columns(leave_types), TRIP, OUTING)
        case "overtime":
            return OVERTIME
        case _:
            return (PRESENT, LATE_ALL, MISSING, ABSENT, LEAVE)


def leave_columns(leave_types: Iterable[str]) -> tuple[Column, ...]:
    """A column of days for each leave type."""
    return tuple(Column("leave_of", _DAYS, _leave(leave), leave) for leave in leave_types)


def all_columns(leave_types: Iterable[str]) -> tuple[Column, ...]:
    """Every column, as exports have them."""
    return (
        DUE,
        PRESENT,
        ABSENT,
        *LATENESS,
        LEAVE,
        *leave_columns(leave_types),
        TRIP,
        OUTING,
        *OVERTIME,
        Column("open", _DAYS, lambda t: t.open_n),
    )

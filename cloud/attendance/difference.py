"""What a new result of a day changes for people who have seen the old one."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from models.attendance import AttendanceDay, DayState

_TELLING = (
    "state",
    "duty",
    "day_type",
    "due_days",
    "required_min",
    "shift",
    "findings",
    "flags",
    "late_min",
    "serious_late_min",
    "early_min",
    "absent_days",
    "leave_days",
    "trip_days",
    "outing_min",
    "worked_min",
    "overtime_min",
    "corrections_n",
    "in_at",
    "out_at",
)

Difference = dict[str, tuple[object, object]]


def difference(before: AttendanceDay, after: AttendanceDay) -> Difference:
    """Fields that differ, as (before, after) in JSON's words; empty while the day was not final yet.

    A day that is still going on changes with every punch; only what was once said for good has a history.
    """
    return changes(before, after) if before.state is DayState.FINAL else {}


def changes(before: AttendanceDay, after: AttendanceDay) -> Difference:
    """Fields of two results that differ, as (before, after) in JSON's words, whatever their state."""
    found: Difference = {}
    for name in _TELLING:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            found[name] = (_plain(old), _plain(new))
    return found


def _plain(value: object) -> object:
    return msgspec.to_builtins(value, enc_hook=_number, str_keys=True)


def _number(value: object) -> object:
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")

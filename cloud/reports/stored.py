"""Stored days, read for tables: no explanation and no partition, so that 10,000 people fit in a breath."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from functools import lru_cache

import msgspec

from models.attendance import AttendanceDay, DayState, DayType, Duty, FindingCode, Flag, TimelineSpan


class DayBrief(msgspec.Struct, frozen=True):
    """Part of a stored :class:`models.attendance.AttendanceDay`; the fields mean the same."""

    date: date
    state: DayState
    duty: Duty
    day_type: DayType
    due_days: Fraction = Fraction(0)
    required_min: int = 0
    shift: tuple[str, ...] = ()
    findings: tuple[FindingCode, ...] = ()
    flags: frozenset[Flag] = frozenset()
    late_min: int = 0
    serious_late_min: int = 0
    early_min: int = 0
    absent_days: Fraction = Fraction(0)
    leave_min: dict[str, int] = {}
    leave_days: dict[str, Fraction] = {}
    trip_min: int = 0
    trip_days: Fraction = Fraction(0)
    outing_min: int = 0
    worked_min: int = 0
    presence_min: int = 0
    overtime_min: dict[DayType, int] = {}
    statutory_min: int = 0
    corrections_n: int = 0
    in_at: str | None = None
    out_at: str | None = None
    timeline: tuple[TimelineSpan, ...] = ()
    waived_late_n: int = 0

    @property
    def plain(self) -> bool:
        """Nothing is to be said of the day but its state, duty and kind."""
        return not (
            self.findings
            or self.flags
            or self.leave_days
            or self.leave_min
            or self.trip_min
            or self.outing_min
            or any(self.overtime_min.values())
        )


@lru_cache(maxsize=4096)
def _fraction(text: str) -> Fraction:
    return Fraction(text)


def _from_json(kind: type, value: object) -> object:
    if kind is Fraction:
        return _fraction(str(value))
    raise NotImplementedError(f"no {kind.__name__} from JSON")


_decoder = msgspec.json.Decoder(DayBrief, dec_hook=_from_json)


def brief(stored: bytes) -> DayBrief:
    """What tables need of one ``attendance_days.result``."""
    return _decoder.decode(stored)


def brief_of(day: AttendanceDay) -> DayBrief:
    """The same of a whole result."""
    values = {name: getattr(day, name) for name in DayBrief.__struct_fields__}
    return DayBrief(**{**values, "flags": frozenset(day.flags)})

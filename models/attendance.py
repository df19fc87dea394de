"""AttendanceDay: the derived result of one person on one shift date.

Fields, codes and their order are those of docs/reference/rules.md section 2.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from fractions import Fraction

from msgspec import Struct, field

ArgValue = str | int | None


class DayState(StrEnum):
    """How far the day can be judged (S)."""

    IN_PROGRESS = "in_progress"
    PENDING_DATA = "pending_data"
    FINAL = "final"


class Duty(StrEnum):
    """What the person owes that day (D)."""

    DUE = "due"
    OFF = "off"
    EXEMPT = "exempt"
    NOT_EMPLOYED = "not_employed"


class DayType(StrEnum):
    """Kind of a calendar date (D2)."""

    WORKDAY = "workday"
    REST = "rest"
    STATUTORY = "statutory"


class FindingCode(StrEnum):
    """Events of a day, in the order in which they are listed."""

    LATE = "late"
    SERIOUS_LATE = "serious_late"
    ABSENT_HALF = "absent_half"
    EARLY = "early"
    MISSING_IN = "missing_in"
    MISSING_OUT = "missing_out"
    ABSENT = "absent"
    SHORT_HOURS = "short_hours"


class Flag(StrEnum):
    """Remarks that change no minute."""

    CONFLICT = "conflict"
    CORRECTED = "corrected"
    CORRECTION_REFUSED = "correction_refused"
    CORRECTION_OVER_LIMIT = "correction_over_limit"
    CORRECTION_TOO_OLD = "correction_too_old"
    DECIDED = "decided"
    WORKED_ON_LEAVE = "worked_on_leave"
    ON_TRIP = "on_trip"
    UNAPPROVED_OVERTIME = "unapproved_overtime"
    WORKED_WITHOUT_FORM = "worked_without_form"
    OVERTIME_UNPROVEN = "overtime_unproven"
    PENDING_APPROVAL = "pending_approval"
    LATE_WAIVED = "late_waived"
    LATE_START = "late_start"
    SITE_OTHER = "site_other"
    CLOCK_REPAIRED = "clock_repaired"
    UNTRUSTED_TIME = "untrusted_time"
    DUPLICATE_COLLAPSED = "duplicate_collapsed"
    DIRECTION_OVERRIDDEN = "direction_overridden"
    STRAY_PUNCH = "stray_punch"
    OVER_MAX_SHIFT = "over_max_shift"
    SHARED_PUNCH = "shared_punch"
    SYNTHETIC_OUT = "synthetic_out"
    UNSCHEDULED_PUNCH = "unscheduled_punch"
    NOT_EMPLOYED_PUNCH = "not_employed_punch"
    IMPOSSIBLE_TRAVEL = "impossible_travel"


class Part(StrEnum):
    """Parts of the minute partition; they sum to ``required_min``."""

    PRESENT = "present"
    GRACED = "graced"
    LEAVE = "leave"
    TRIP = "trip"
    OUTING = "outing"
    LATE = "late"
    EARLY = "early"
    ABSENT = "absent"
    MISSING = "missing"
    PENDING = "pending"


class Step(Struct, frozen=True):
    """One step of the explanation: which rule decided what, with the facts it used.

    ``code`` selects the sentence in the language files, ``args`` fills it. Times in ``args`` are local
    ``HH:MM``, with ``MM-DD`` before it on another date; durations are minutes.
    """

    rule: str
    code: str
    args: dict[str, ArgValue]


class ShiftResult(Struct, frozen=True):
    """What one shift of the day was judged to be, before L6-L9, S4 and C5."""

    findings: tuple[FindingCode, ...]
    in_at: str | None
    out_at: str | None


class TimelineSpan(Struct, frozen=True):
    """Consecutive minutes of one part, for the day's bar: instants in minutes since 1970 UTC, half-open."""

    part: Part
    start_min: int
    end_min: int


class AttendanceDay(Struct, frozen=True):
    """The result of one person-day. Days are exact fractions; round half up to 4 decimals when shown (M7).

    ``in_at`` and ``out_at``: site-local ISO time with seconds and offset, or None.
    ``partition``: minutes by part, all parts present. ``timeline``: the same minutes in place.
    ``waived_late_n``: lates waived (L9). ``outside_min``: minutes outside schedule, not on a statutory day;
    0 unless hours are comprehensive (O7).
    """

    date: date
    state: DayState
    duty: Duty
    day_type: DayType
    rule_version: str
    due_days: Fraction = Fraction(0)
    required_min: int = 0
    shift: tuple[str, ...] = ()
    shifts: dict[str, ShiftResult] = field(default_factory=dict)
    findings: tuple[FindingCode, ...] = ()
    flags: tuple[Flag, ...] = ()
    late_min: int = 0
    serious_late_min: int = 0
    early_min: int = 0
    absent_days: Fraction = Fraction(0)
    leave_min: dict[str, int] = field(default_factory=dict)
    leave_days: dict[str, Fraction] = field(default_factory=dict)
    trip_min: int = 0
    trip_days: Fraction = Fraction(0)
    outing_min: int = 0
    worked_min: int = 0
    presence_min: int = 0
    overtime_min: dict[DayType, int] = field(default_factory=dict)
    statutory_min: int = 0
    corrections_n: int = 0
    in_at: str | None = None
    out_at: str | None = None
    partition: dict[Part, int] = field(default_factory=dict)
    explanation: tuple[Step, ...] = ()
    timeline: tuple[TimelineSpan, ...] = ()
    waived_late_n: int = 0
    outside_min: int = 0

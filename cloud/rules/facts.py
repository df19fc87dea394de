"""What one person is judged on: frozen facts, as they are known, in any order.

Instants are integer ms since 1970 UTC, durations minutes. Clock times of shifts are minutes after 00:00 of
the shift date and may pass 24:00 (1440). Office records are :class:`models.office.OfficeRecord`, each version
one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from cloud.rules.policy import Policy
from models.ids import PersonId
from models.office import Half, OfficeRecord
from models.punch import Direction, Method

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

ClockMinutes = tuple[int, int]
"""Start and end of a clock span, minutes after 00:00, half-open."""


class FromPolicy(StrEnum):
    """Says that a shift leaves a threshold to the policy; ``None`` would switch it off (L7)."""

    FROM_POLICY = "from_policy"


FROM_POLICY: Final = FromPolicy.FROM_POLICY


@dataclass(frozen=True, slots=True)
class WorkShift:
    """Planned hours of a shift.

    Attributes:
        segments: clock spans in order; gaps between them are breaks. Free hours may have none.
        free: the segments are only nominal (D10).
        breaks: clock spans that are not required.
        flex_early_min, flex_late_min: how far start and end may move (D7).
        before_min, after_min: the window around the shift (A1); None: the policy's.
        half_day_below_min, absent_below_min: own thresholds (L7); None switches one off.
        in_punch, out_punch: False: the first IN or the last OUT is not asked for (J8).
    """

    name: str
    segments: tuple[ClockMinutes, ...]
    free: bool = False
    breaks: tuple[ClockMinutes, ...] = ()
    flex_early_min: int = 0
    flex_late_min: int = 0
    before_min: int | None = None
    after_min: int | None = None
    half_day_below_min: int | FromPolicy | None = FROM_POLICY
    absent_below_min: int | FromPolicy | None = FROM_POLICY
    in_punch: bool = True
    out_punch: bool = True


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A policy and the first date it holds for; None: since ever (D9)."""

    policy: Policy
    since: date | None = None


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """Names of the shifts of a date, none for a day off; ``zone`` if their clocks are not the site's (T2)."""

    shifts: tuple[str, ...] = ()
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class RosterChange:
    """A roster entry put in later; the newest known one of a date speaks (D1, T6)."""

    day: date
    entry: RosterEntry
    known_ms: int


class CalendarKind(StrEnum):
    """What the calendar can say of a date (D1, D2, D5)."""

    STATUTORY = "statutory"
    REST = "rest"
    MAKEUP = "makeup"
    HALF = "half"


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One entry of the calendar.

    Attributes:
        half: the half that is off, for ``HALF``.
        shift_of: weekday (Monday 0) whose shift a make-up day has; None: see D1.
    """

    kind: CalendarKind
    half: Half | None = None
    shift_of: int | None = None


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What a group of people is judged by; share one object among them, plans are kept per object.

    Attributes:
        zone: IANA name; attendance days, day types and record times are in it (T2).
        week: the weekly pattern by weekday (Monday 0); a missing weekday is off; empty: there is no pattern.
        travel_min: minutes between two sites, by the pair of names in sorted order.
        natural_leave_types: leave types that count on days off (J7).
        provisional_years: years without an official calendar (M3).
    """

    zone: str
    policies: tuple[PolicyVersion, ...]
    shifts: Mapping[str, WorkShift] = field(default_factory=dict)
    week: Mapping[int, RosterEntry] = field(default_factory=dict)
    calendar: Mapping[date, CalendarDay] = field(default_factory=dict)
    provisional_years: frozenset[int] = frozenset()
    natural_leave_types: frozenset[str] = frozenset()
    travel_min: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Employment:
    """First and last day of work, and the ranges (both ends in) in which the person is exempt (D3, D6)."""

    hire: date | None = None
    last_day: date | None = None
    exempt: tuple[tuple[date, date], ...] = ()


class PunchClock(StrEnum):
    """What is known of the clock that stamped a punch (T4, T5)."""

    OK = "ok"
    REPAIRED = "repaired"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True)
class PunchFact:
    """A punch as the rules see it.

    Attributes:
        at_ms: the instant the terminal stamped.
        device, epoch, seq: terminal, stream and number; a repeated number is the same fact (T6). Unnumbered
            punches (imports) have ``seq`` None.
        skew_s: clock of the terminal minus true time, seconds (T4).
        received_ms: when we learnt of it; None: at the corrected instant itself.
        method: by what evidence; only for the explanation.
    """

    at_ms: int
    direction: Direction = Direction.NONE
    device: str = ""
    epoch: str = ""
    seq: int | None = None
    site: str | None = None
    skew_s: float = 0
    clock: PunchClock = PunchClock.OK
    received_ms: int | None = None
    method: Method | None = None


@dataclass(frozen=True, slots=True)
class LockEvent:
    """A month closed or reopened (M4)."""

    year: int
    month: int
    at_ms: int
    reopen: bool = False


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """Everything one person is judged on.

    Give the facts of at least two days before and after the dates to judge; of whole months where waivers
    (L9), correction limits (C4) or locks are used.

    Attributes:
        watermarks: by terminal relevant to this person: every punch before it has been received (S3).
        as_of_ms: the view; facts that became known later do not exist for it (T6).
    """

    person_id: PersonId
    rules: RuleSet
    as_of_ms: int
    site: str | None = None
    employment: Employment = Employment()
    roster: Mapping[date, RosterEntry] = field(default_factory=dict)
    roster_changes: tuple[RosterChange, ...] = ()
    punches: tuple[PunchFact, ...] = ()
    records: tuple[OfficeRecord, ...] = ()
    locks: tuple[LockEvent, ...] = ()
    watermarks: Mapping[str, int] = field(default_factory=dict)

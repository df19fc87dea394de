"""Policy: the parameters of the rules, their defaults and their checks (rules section 4, V4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from cloud.rules.errors import RefusalCode, RefusedInput

MINUTES_PER_DAY: Final = 1440
CLOCK: Final = re.compile(r"(\d{1,2}):([0-5]\d)")
SPAN_PARTS: Final = 2


@dataclass(frozen=True, slots=True)
class LateStart:
    """A tier of late off, late on (D8): gone ``off_min`` after the end, may come ``on_min`` later."""

    off_min: int
    on_min: int


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the parameters, named and defaulted as in rules section 4.

    ``day_start`` is minutes after 00:00; ``overtime_breaks`` are clock spans in such minutes. ``group``, no
    parameter: whose policy it is, for the explanation to name.
    """

    version: str = "v1"
    before_min: int = 180
    after_min: int = 360
    day_start: int = 240
    shared_punch: bool = False
    dup_window_s: int = 60
    direction: str = "auto"
    pairing: str = "first_last"
    out_from: str = "midpoint"
    punch_per_segment: bool = False
    punch_at_leave_edges: bool = False
    max_shift_min: int = 960
    auto_out: str = "off"
    clock_skew_s: int = 30
    late_grace_min: int = 0
    early_grace_min: int = 0
    count_from: str = "expected"
    serious_late_over_min: int | None = None
    absent_over_min: int | None = None
    early_absent_over_min: int | None = None
    half_day_below_min: int | None = None
    absent_below_min: int | None = None
    no_punch: str = "absent"
    free_lates: int = 0
    free_late_max_min: int | None = None
    penalty_lates: int = 0
    penalty_days: Fraction = Fraction(1, 2)
    late_off_late_on: tuple[LateStart, ...] = ()
    half_day_split: str = "break"
    trip_edge_punch: str = "waived"
    worked_on_leave_min: int = 30
    overtime_mode: str = "approval_and_punch"
    overtime_minimum_min: int = 30
    overtime_unit_min: int = 30
    overtime_before_shift: bool = False
    overtime_on_trip: bool = False
    overtime_breaks: tuple[tuple[int, int], ...] = ()
    overtime_window_min: int = 60
    hours_system: str = "standard"
    period_standard_min: Fraction | None = None
    correction_limit: int | None = None
    correction_max_age_days: int | None = None
    group: str = ""

    @property
    def named(self) -> dict[str, str]:
        """What names the policy in a sentence."""
        return {"policy": self.version, "group": self.group} if self.group else {"policy": self.version}


CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "direction": ("auto", "trust"),
    "pairing": ("first_last", "alternate"),
    "out_from": ("midpoint", "start"),
    "auto_out": ("off", "at_end"),
    "count_from": ("expected", "grace_end"),
    "no_punch": ("absent", "missing"),
    "half_day_split": ("break", "half_net", "half_span"),
    "trip_edge_punch": ("waived", "required"),
    "overtime_mode": ("approval", "approval_and_punch", "punch", "min"),
    "hours_system": ("standard", "comprehensive"),
}
SWITCHES: Final = (
    "shared_punch",
    "punch_per_segment",
    "punch_at_leave_edges",
    "overtime_before_shift",
    "overtime_on_trip",
)
COUNTS: Final = (
    "before_min",
    "after_min",
    "dup_window_s",
    "clock_skew_s",
    "late_grace_min",
    "early_grace_min",
    "free_lates",
    "penalty_lates",
    "worked_on_leave_min",
    "overtime_minimum_min",
    "overtime_window_min",
    "max_shift_min",
)
NULLABLE_COUNTS: Final = (
    "serious_late_over_min",
    "absent_over_min",
    "early_absent_over_min",
    "half_day_below_min",
    "absent_below_min",
    "free_late_max_min",
    "correction_limit",
    "correction_max_age_days",
)


def _refuse(detail: str) -> RefusedInput:
    return RefusedInput(RefusalCode.BAD_POLICY, detail)


def clock_minutes(text: str) -> int:
    """Minutes after 00:00 of ``HH:MM``, which may pass 24:00.

    Raises:
        ValueError: not a clock time.
    """
    found = CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no clock time HH:MM")
    return int(found[1]) * 60 + int(found[2])


def clock_span(text: str) -> tuple[int, int]:
    """Minutes after 00:00 of both ends of ``HH:MM-HH:MM``.

    Raises:
        ValueError: not two clock times.
    """
    parts = text.split("-")
    if len(parts) != SPAN_PARTS:
        raise ValueError(f"{text!r} is no clock span HH:MM-HH:MM")
    return clock_minutes(parts[0].strip()), clock_minutes(parts[1].strip())


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _refuse(f"{name} is {value!r}, not a whole number from 0 on")
    return value


def _unit(name: str, value: object) -> int:
    found = _count(name, value)
    if found == 0:
        raise _refuse(f"{name} is 0; a unit has at least one minute")
    return found


def _nullable_count(name: str, value: object) -> int | None:
    return None if value is None else _count(name, value)


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refuse(f"{name} is {value!r}, not true or false")
    return value


def _choice(name: str, value: object) -> str:
    allowed = CHOICES[name]
    if not isinstance(value, str) or value not in allowed:
        raise _refuse(f"{name} is {value!r}, not one of {', '.join(allowed)}")
    return value


def _amount(name: str, value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction) or value < 0:
        raise _refuse(f"{name} is {value!r}, not a number from 0 on")
    # The decimal number that was written, not the nearest binary one.
    return Fraction(str(value))


def _nullable_amount(name: str, value: object) -> Fraction | None:
    return None if value is None else _amount(name, value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise _refuse(f"{name} is {value!r}, not a text")
    return str(value)


def _day_start(name: str, value: object) -> int:
    if isinstance(value, str):
        try:
            minutes = clock_minutes(value)
        except ValueError as error:
            raise _refuse(f"{name}: {error}") from error
        if minutes < MINUTES_PER_DAY:
            return minutes
    raise _refuse(f"{name} is {value!r}, not a clock time before 24:00")


def _breaks(name: str, value: object) -> tuple[tuple[int, int], ...]:
    if not isinstance(value, list | tuple):
        raise _refuse(f"{name} is {value!r}, not a list of clock spans")
    spans = []
    for item in value:
        try:
            start, end = clock_span(str(item))
        except ValueError as error:
            raise _refuse(f"{name}: {error}") from error
        if end <= start:
            raise _refuse(f"{name}: {item} does not end after it starts")
        spans.append((start, end))
    return tuple(spans)


def _late_starts(name: str, value: object) -> tuple[LateStart, ...]:
    if not isinstance(value, list | tuple):
        raise _refuse(f"{name} is {value!r}, not a list of off_min and on_min")
    tiers = []
    for item in value:
        if not isinstance(item, Mapping) or set(item) != {"off_min", "on_min"}:
            raise _refuse(f"{name}: {item!r} is no pair of off_min and on_min")
        tiers.append(LateStart(_count("off_min", item["off_min"]), _count("on_min", item["on_min"])))
    return tuple(tiers)


READERS: Final[Mapping[str, Callable[[str, object], object]]] = {
    "version": _text,
    "day_start": _day_start,
    "overtime_breaks": _breaks,
    "late_off_late_on": _late_starts,
    "penalty_days": _amount,
    "period_standard_min": _nullable_amount,
    "overtime_unit_min": _unit,
    **dict.fromkeys(CHOICES, _choice),
    **dict.fromkeys(SWITCHES, _switch),
    **dict.fromkeys(COUNTS, _count),
    **dict.fromkeys(NULLABLE_COUNTS, _nullable_count),
}


def policy_from(values: Mapping[str, object]) -> Policy:
    """The policy of plain named values; what is not named has its default.

    Clock times are ``HH:MM`` texts, clock spans ``HH:MM-HH:MM``.

    Raises:
        RefusedInput: ``bad_policy``: unknown name or value, or grace <= serious <= absent violated (V4).
    """
    unknown = sorted(name for name in values if name not in READERS)
    if unknown:
        raise _refuse(f"unknown parameter {', '.join(unknown)}; known are {', '.join(sorted(READERS))}")
    policy = Policy(**{name: READERS[name](name, value) for name, value in values.items()})  # type: ignore[arg-type]
    check_policy(policy)
    return policy


def check_policy(policy: Policy) -> None:
    """Refuse tiers that are out of order.

    Raises:
        RefusedInput: ``bad_policy`` (V4).
    """
    tiers = [policy.late_grace_min, policy.serious_late_over_min, policy.absent_over_min]
    known = [tier for tier in tiers if tier is not None]
    if known != sorted(known):
        raise _refuse(
            f"late_grace_min {tiers[0]}, serious_late_over_min {tiers[1]}, absent_over_min {tiers[2]} "
            "must not fall"
        )

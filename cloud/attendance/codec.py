"""AttendanceDay <-> the bytes kept of it: compact in ``attendance_days``, JSON in ``closed_days``.

The compact form is a MessagePack array of the fields of :class:`StoredDay`, a third of the JSON and faster
to make; the JSON is what an auditor can read and hash again. Both begin differently, so :func:`decode` takes
either. Fractions stay exact: "1/3".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Final, Literal

import msgspec

from models.attendance import (
    AttendanceDay,
    DayState,
    DayType,
    Duty,
    FindingCode,
    Flag,
    Part,
    ShiftResult,
    Step,
    TimelineSpan,
)

_DAY_MIN: Final = 1440
_EPOCH: Final = date(1970, 1, 1).toordinal()
HEAD_FIELDS: Final = 4
"""Date, IN, OUT and presence lead a stored day: nothing else in it says when exactly the punches were."""

_JSON: Final = ord("{")
_PARTS: Final = tuple(Part)

_Edge = Literal[True] | str | None
_StoredShift = tuple[tuple[FindingCode, ...], _Edge, _Edge]
"""Findings, IN and OUT of a shift; True: that of the day."""


class _StoredStep(msgspec.Struct, frozen=True, array_like=True):
    """A step of the explanation."""

    rule: str
    code: str
    args: dict[str, str | int | None]


class DayBrief(msgspec.Struct, frozen=True, array_like=True):
    """The first fields of a stored day: all that tables show. They mean what they do in AttendanceDay.

    Attributes:
        spans: the timeline: part, minutes since the end of the span before, length; the first is counted from
            00:00 UTC of the date.
    """

    date: date
    in_at: str | None
    out_at: str | None
    presence_min: int
    state: DayState
    duty: Duty
    day_type: DayType
    due_days: Fraction
    required_min: int
    shift: tuple[str, ...]
    findings: tuple[FindingCode, ...]
    flags: tuple[Flag, ...]
    late_min: int
    serious_late_min: int
    early_min: int
    absent_days: Fraction
    leave_min: dict[str, int]
    leave_days: dict[str, Fraction]
    trip_min: int
    trip_days: Fraction
    outing_min: int
    worked_min: int
    overtime_min: dict[DayType, int]
    statutory_min: int
    corrections_n: int
    waived_late_n: int
    outside_min: int
    spans: tuple[tuple[Part, int, int], ...]

    @property
    def timeline(self) -> tuple[TimelineSpan, ...]:
        """The minutes of the day in place."""
        found = []
        at = (self.date.toordinal() - _EPOCH) * _DAY_MIN
        for part, gap, length in self.spans:
            at += gap
            found.append(TimelineSpan(part, at, at + length))
            at += length
        return tuple(found)

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


class StoredDay(DayBrief, frozen=True, array_like=True):
    """A whole stored day. The partition is not kept: it counts the timeline. ``HEAD_FIELDS`` lead it."""

    rule_version: str
    shifts: dict[str, _StoredShift]
    explanation: tuple[_StoredStep, ...]


@lru_cache(maxsize=4096)
def _fraction(text: str) -> Fraction:
    return Fraction(text)


def _to_text(value: object) -> str:
    if isinstance(value, Fraction):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} cannot be stored")


def _from_text(kind: type, value: object) -> object:
    if kind is Fraction:
        return _fraction(str(value))
    raise NotImplementedError(f"no {kind.__name__} can be stored")


_json_encoder = msgspec.json.Encoder(enc_hook=_to_text)
_json_decoder = msgspec.json.Decoder(AttendanceDay, dec_hook=_from_text)
_encoder = msgspec.msgpack.Encoder(enc_hook=_to_text)
_decoder = msgspec.msgpack.Decoder(StoredDay, dec_hook=_from_text)
# Closed months are read for tables too: their JSON, without what tables do not show.
_FrozenBrief = msgspec.defstruct(
    "_FrozenBrief",
    [
        *((one.name, one.type) for one in msgspec.structs.fields(DayBrief)[:-1]),
        ("timeline", tuple[TimelineSpan, ...]),
    ],
)
_frozen_decoder = msgspec.json.Decoder(_FrozenBrief, dec_hook=_from_text)
_brief_decoder = msgspec.msgpack.Decoder(DayBrief, dec_hook=_from_text)


def encode(day: AttendanceDay) -> bytes:
    """The day in the compact form; equal days give equal bytes."""
    return _encoder.encode(stored_day(day))


def decode(stored: bytes) -> AttendanceDay:
    """The day in ``stored``, whichever form it has."""
    return _json_decoder.decode(stored) if stored[0] == _JSON else _whole(_decoder.decode(stored))


def brief(stored: bytes) -> DayBrief:
    """What tables show of ``stored``, without the cost of the whole."""
    if stored[0] != _JSON:
        return _brief_decoder.decode(stored)
    found = msgspec.structs.asdict(_frozen_decoder.decode(stored))
    spans = _spans(found["date"], found.pop("timeline"))
    return DayBrief(**found, spans=spans)


def brief_of(day: AttendanceDay) -> DayBrief:
    """The same of a whole result."""
    return _brief_decoder.decode(encode(day))


def frozen_json(stored: bytes) -> bytes:
    """The day in ``stored`` as JSON: what is frozen when a month is closed, and hashed."""
    return stored if stored[0] == _JSON else _json_encoder.encode(decode(stored))


def stored_day(day: AttendanceDay) -> StoredDay:
    """The day as its compact form has it."""
    return StoredDay(
        date=day.date,
        in_at=day.in_at,
        out_at=day.out_at,
        presence_min=day.presence_min,
        state=day.state,
        duty=day.duty,
        day_type=day.day_type,
        due_days=day.due_days,
        required_min=day.required_min,
        shift=day.shift,
        findings=day.findings,
        flags=day.flags,
        late_min=day.late_min,
        serious_late_min=day.serious_late_min,
        early_min=day.early_min,
        absent_days=day.absent_days,
        leave_min=day.leave_min,
        leave_days=day.leave_days,
        trip_min=day.trip_min,
        trip_days=day.trip_days,
        outing_min=day.outing_min,
        worked_min=day.worked_min,
        overtime_min=day.overtime_min,
        statutory_min=day.statutory_min,
        corrections_n=day.corrections_n,
        waived_late_n=day.waived_late_n,
        outside_min=day.outside_min,
        spans=_spans(day.date, day.timeline),
        rule_version=day.rule_version,
        shifts={name: _shift(day, one) for name, one in day.shifts.items()},
        explanation=tuple([_StoredStep(step.rule, step.code, step.args) for step in day.explanation]),
    )


def _spans(day: date, spans: Iterable[TimelineSpan]) -> tuple[tuple[Part, int, int], ...]:
    found = []
    at = (day.toordinal() - _EPOCH) * _DAY_MIN
    for span in spans:
        found.append((span.part, span.start_min - at, span.end_min - span.start_min))
        at = span.end_min
    return tuple(found)


def _shift(day: AttendanceDay, one: ShiftResult) -> _StoredShift:
    return (
        one.findings,
        True if one.in_at is not None and one.in_at == day.in_at else one.in_at,
        True if one.out_at is not None and one.out_at == day.out_at else one.out_at,
    )


def _edge(kept: _Edge, of_day: str | None) -> str | None:
    return of_day if kept is True else kept


def _whole(one: StoredDay) -> AttendanceDay:
    counts = dict.fromkeys(_PARTS, 0)
    for part, _, length in one.spans:
        counts[part] += length
    return AttendanceDay(
        date=one.date,
        state=one.state,
        duty=one.duty,
        day_type=one.day_type,
        rule_version=one.rule_version,
        due_days=one.due_days,
        required_min=one.required_min,
        shift=one.shift,
        shifts={
            name: ShiftResult(findings, _edge(in_at, one.in_at), _edge(out_at, one.out_at))
            for name, (findings, in_at, out_at) in one.shifts.items()
        },
        findings=one.findings,
        flags=one.flags,
        late_min=one.late_min,
        serious_late_min=one.serious_late_min,
        early_min=one.early_min,
        absent_days=one.absent_days,
        leave_min=one.leave_min,
        leave_days=one.leave_days,
        trip_min=one.trip_min,
        trip_days=one.trip_days,
        outing_min=one.outing_min,
        worked_min=one.worked_min,
        presence_min=one.presence_min,
        overtime_min=one.overtime_min,
        statutory_min=one.statutory_min,
        corrections_n=one.corrections_n,
        in_at=one.in_at,
        out_at=one.out_at,
        partition=counts,
        explanation=tuple([Step(step.rule, step.code, step.args) for step in one.explanation]),
        timeline=one.timeline,
        waived_late_n=one.waived_late_n,
        outside_min=one.outside_min,
    )

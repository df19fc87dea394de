"""A shift drawn as a bar over the hours of its date and the next: window, segments, breaks; in per cent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from cloud.rules import minutes
from cloud.rules.facts import WorkShift
from cloud.rules.faults import clock
from cloud.rules.policy import Policy
from cloud.rules.shifts import runs, window

_HOUR: Final = 60
_DAY: Final = 1440
_FIRST, _LAST = 0, 24 * _HOUR
_TICKS_AT: Final = 3
_MAJOR: Final = 6 * _HOUR
_LATEST: Final = 48 * _HOUR


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the bar; ``x`` and ``width`` in per cent."""

    x: float
    width: float
    css: str
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    """An hour on the scale; ``midnight``: where a date begins; ``minor``: told only where there is room."""

    x: float
    label: str
    midnight: bool
    minor: bool


@dataclass(frozen=True, slots=True)
class ShiftBar:
    """The bar; ``required_min``: minutes inside segments less breaks; ``span``: first start to last end."""

    pieces: tuple[Piece, ...]
    ticks: tuple[Tick, ...]
    required_min: int
    span: str


def scale_of(shifts: Iterable[WorkShift], policy: Policy) -> minutes.Span:
    """The hours that bars of all ``shifts`` need, so that they can be compared: a whole day or more."""
    step = _TICKS_AT * _HOUR
    windows = [_window(shift, policy) for shift in shifts]
    first = min([_FIRST, *(opens // step * step for opens, _ in windows)])
    last = max([_LAST, *(-(-closes // step) * step for _, closes in windows)])
    return first, min(last, first + _LATEST)


def _window(shift: WorkShift, policy: Policy) -> minutes.Span:
    """Free hours have no window of their own (D10)."""
    if not shift.segments:
        return 0, 0
    start, end = shift.segments[0][0], shift.segments[-1][1]
    before, after = (0, 0) if shift.free else window(shift, policy)
    return start - before, end + after


def shift_bar(shift: WorkShift, policy: Policy, scale: minutes.Span | None = None) -> ShiftBar:
    """The bar of a shift under a policy, whose window it has unless it has its own (A1)."""
    opens, closes = _window(shift, policy)
    first, last = scale_of((shift,), policy) if scale is None else scale

    def at(minute: int) -> float:
        return round(max(0.0, min(100.0, (minute - first) * 100 / (last - first))), 3)

    def piece(span: minutes.Span, css: str) -> Piece:
        return Piece(at(span[0]), round(at(span[1]) - at(span[0]), 3), css, _label(span))

    pieces = [piece((opens, closes), "window")] if closes > opens else []
    required = runs(shift)
    pieces += [piece((one[1], other[0]), "gap") for one, other in pairwise(required)]
    pieces += [piece(span, "work") for span in required]
    ticks = tuple(
        Tick(at(minute), clock(minute % _DAY), minute % _DAY == 0, minute % _MAJOR != 0)
        for minute in range(first, last + 1, _TICKS_AT * _HOUR)
    )
    span = _label((shift.segments[0][0], shift.segments[-1][1])) if shift.segments else ""
    return ShiftBar(tuple(pieces), ticks, minutes.count(required), span)


def _label(span: minutes.Span) -> str:
    """Both ends as clocks; a minute of the day before counts from there."""
    return f"{clock(span[0] % _DAY)}–{clock(span[1] % _DAY) if span[1] != _DAY else '24:00'}"

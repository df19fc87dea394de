"""The day as a bar: four tracks over the shift's window, in per cent, so that it fits any width.

Planned, punches, records, judgement. Text keeps its size because nothing is scaled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import pairwise
from typing import assert_never
from zoneinfo import ZoneInfo

from cloud.reports.day import DayReport, PunchRow
from cloud.reports.phrases import Phrases
from models.attendance import AttendanceDay, Part, TimelineSpan
from models.clock import from_ms, to_ms
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    DecisionBody,
    Half,
    OfficeRecord,
    RecordStatus,
)

MINUTE_MS = 60_000
_MARGIN_MIN = 45
_HOUR_MIN = 60
_TICK_HOURS = 2
_EMPTY_HOURS = (8, 19)
_CLOSE = 4.0
_LATE_ON_THE_BAR = 82.0
_SLIVER_MIN = 4


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a track. ``x`` and ``width`` in per cent; ``css`` its look; ``label`` its words."""

    x: float
    width: float
    css: str
    label: str
    start: str
    end: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Sum:
    """All minutes of one part of the judgement; those of all parts are the required ones."""

    css: str
    label: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A punch: ``mark`` says by what evidence, ``time`` when, ``door`` where; ``crowded``: no room."""

    x: float
    mark: str
    time: str
    door: str
    css: str
    label: str
    crowded: bool


@dataclass(frozen=True, slots=True)
class Hour:
    """A line of the scale."""

    x: float
    text: str
    minor: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """The four tracks of one day."""

    start: str
    end: str
    hours: list[Hour]
    planned: list[Block]
    presence: list[Block]
    ticks: list[Tick]
    records: list[Block]
    judgement: list[Block]
    sums: list[Sum]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Minutes since 1970 UTC to per cent of the bar."""

    first: int
    last: int
    zone: ZoneInfo

    def x(self, minute: float) -> float:
        """Place of a minute, held inside the bar."""
        share = (minute - self.first) / (self.last - self.first)
        return round(100 * min(max(share, 0.0), 1.0), 3)

    def clock(self, minute: float) -> str:
        """``08:58`` local."""
        return from_ms(int(minute * MINUTE_MS)).astimezone(self.zone).strftime("%H:%M")

    def block(self, start: float, end: float, css: str, label: str) -> Block:
        """A piece from minute to minute."""
        x = self.x(start)
        width = round(self.x(end) - x, 3)
        return Block(x, width, css, label, self.clock(start), self.clock(end), int(end - start))


def timeline(report: DayReport, phrases: Phrases, doors: dict[str, str], zone: ZoneInfo) -> Timeline:
    """The bar of a day."""
    spans = () if report.result is None else report.result.timeline
    record_spans = [(record, span) for record in report.records for span in _spans(record, report)]
    scale = _scale(report, [span for _, span in record_spans], zone)
    say = phrases.texts
    judgement = [
        scale.block(span.start_min, span.end_min, f"p-{span.part}", say(f"part.{span.part}"))
        for span in spans
    ]
    return Timeline(
        start=scale.clock(scale.first),
        end=scale.clock(scale.last),
        hours=_hours(scale),
        planned=_planned(spans, scale, phrases),
        presence=_presence(report.result, scale, phrases),
        ticks=_ticks(report.punches, scale, phrases, doors),
        records=[
            scale.block(*span, _record_css(record), record_label(record, phrases))
            for record, span in record_spans
        ],
        judgement=judgement,
        sums=_sums(judgement),
    )


def record_label(record: OfficeRecord, phrases: Phrases) -> str:
    """``年假``, ``出差`` ... with its state where it is not approved."""
    name = phrases.leave(record.leave_type) if record.leave_type else phrases.texts(f"kind.{record.kind}")
    if record.status is RecordStatus.APPROVED:
        return name
    return phrases.texts("say.joined").join((name, phrases.texts(f"status.{record.status}")))


def _record_css(record: OfficeRecord) -> str:
    return f"r-{record.kind}" + ("" if record.status is RecordStatus.APPROVED else " waiting")


def _scale(report: DayReport, records: Sequence[tuple[float, float]], zone: ZoneInfo) -> _Scale:
    midnight = to_ms(datetime.combine(report.date, time(), zone)) // MINUTE_MS
    marks: list[float] = [punch.at_ms / MINUTE_MS for punch in report.punches]
    if report.result is not None:
        marks += [edge for span in report.result.timeline for edge in (span.start_min, span.end_min)]
    latest = midnight + 48 * _HOUR_MIN
    marks += [edge for span in records for edge in span if midnight <= edge <= latest]
    if not marks:
        marks = [midnight + hour * _HOUR_MIN for hour in _EMPTY_HOURS]
    first = int((min(marks) - _MARGIN_MIN) // _HOUR_MIN * _HOUR_MIN)
    last = int(-(-(max(marks) + _MARGIN_MIN) // _HOUR_MIN) * _HOUR_MIN)
    return _Scale(first, last, zone)


def _hours(scale: _Scale) -> list[Hour]:
    hours = []
    for minute in range(scale.first, scale.last + 1, _HOUR_MIN):
        hour = int(scale.clock(minute)[:2])
        hours.append(Hour(scale.x(minute), scale.clock(minute), minor=hour % _TICK_HOURS == 1))
    return hours


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _planned(spans: Iterable[TimelineSpan], scale: _Scale, phrases: Phrases) -> list[Block]:
    """What is required, and the breaks between."""
    required = _joined((span.start_min, span.end_min) for span in spans)
    breaks = [(one[1], other[0]) for one, other in pairwise(required)]
    blocks = [(*span, "planned", phrases.texts("part.required")) for span in required]
    blocks += [(*span, "break", phrases.texts("part.break")) for span in breaks]
    return [scale.block(*block) for block in sorted(blocks)]


def _sums(judgement: Iterable[Block]) -> list[Sum]:
    sums: dict[str, Sum] = {}
    for block in judgement:
        before = sums[block.css].minutes if block.css in sums else 0
        sums[block.css] = Sum(block.css, block.label, before + block.minutes)
    return list(sums.values())


def _presence(result: AttendanceDay | None, scale: _Scale, phrases: Phrases) -> list[Block]:
    """From IN to OUT of each shift; without shifts, of the day. Who was away between pairs was not there."""
    if result is None:
        return []
    edges = [(one.in_at, one.out_at) for one in result.shifts.values()] or [(result.in_at, result.out_at)]
    away = _away(result)
    blocks = []
    for came, went in edges:
        if came is not None and went is not None:
            start, end = (to_ms(datetime.fromisoformat(edge)) / MINUTE_MS for edge in (came, went))
            gaps = [gap for gap in away if start <= gap[0] and gap[1] <= end]
            pieces = pairwise([start, *(edge for gap in gaps for edge in gap), end])
            blocks += [
                scale.block(*piece, "presence", phrases.texts("part.present")) for piece in list(pieces)[::2]
            ]
    return blocks


def _away(result: AttendanceDay) -> list[tuple[int, int]]:
    """Minutes between two pairs (P6), breaks within them too."""
    if all(step.code != "away" for step in result.explanation):
        return []
    found: list[tuple[int, int]] = []
    before: Part | None = None
    for span in result.timeline:
        if span.part is Part.ABSENT:
            start = found.pop()[0] if before is Part.ABSENT else span.start_min
            found.append((start, span.end_min))
        before = span.part
    return found


def _ticks(punches: Sequence[PunchRow], scale: _Scale, phrases: Phrases, doors: dict[str, str]) -> list[Tick]:
    ticks: list[Tick] = []
    say = phrases.texts
    for punch in punches:
        x = scale.x(punch.at_ms / MINUTE_MS)
        method = punch.method.name.lower()
        door = doors.get(punch.terminal_id, say("app.unknown_terminal"))
        at = scale.clock(punch.at_ms / MINUTE_MS)
        ticks.append(
            Tick(
                x=x,
                mark=say(f"method_mark.{method}"),
                time=at,
                door=door,
                css=f"m-{method}" + (" end" if x > _LATE_ON_THE_BAR else ""),
                label=say("say.joined").join((at, say(f"method.{method}"), door)),
                crowded=bool(ticks) and x - ticks[-1].x < _CLOSE and not ticks[-1].crowded,
            )
        )
    return ticks


def _spans(record: OfficeRecord, report: DayReport) -> list[tuple[float, float]]:
    """Where a record lies on the bar, minutes since 1970 UTC: by the clock, or over the planned hours."""
    match record.body:
        case ClockSpan(start_ms, end_ms):
            return [(start_ms / MINUTE_MS, end_ms / MINUTE_MS)]
        case CorrectionBody(at_ms=at_ms):
            return [(at_ms / MINUTE_MS - _SLIVER_MIN, at_ms / MINUTE_MS + _SLIVER_MIN)]
        case DateSpan():
            return _half_spans(record.body, report)
        case DecisionBody():
            return []
        case _:
            assert_never(record.body)


def _half_spans(body: DateSpan, report: DayReport) -> list[tuple[float, float]]:
    spans = () if report.result is None else report.result.timeline
    if not spans:
        return []
    start, end = spans[0].start_min, spans[-1].end_min
    middle = _middle(spans)
    if body.first == report.date and body.first_half is Half.PM:
        start = middle
    if body.last == report.date and body.last_half is Half.AM:
        end = middle
    return [(start, end)]


def _middle(spans: Sequence[TimelineSpan]) -> int:
    """The break nearest the middle of the day, as J5 splits it; without one, the middle itself."""
    joined = _joined((span.start_min, span.end_min) for span in spans)
    centre = (joined[0][0] + joined[-1][1]) / 2
    breaks = [(one[1] + next_[0]) // 2 for one, next_ in pairwise(joined)]
    return min(breaks, key=lambda at: abs(at - centre), default=int(centre))

"""The days of one person, answered from what the engine has said of days like them.

A day is answered where no punch of it can be anybody else's, no rule looks beyond it, and its punches come
down to edges: nearly all are. Every other day is judged by the engine, from the facts around it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import Final, NamedTuple

from cloud.attendance.answers import (
    CLAIM,
    DATES,
    DOUBLE,
    Answer,
    Claimed,
    Edges,
    Question,
    ask,
    clock,
    count,
    double,
    evidence,
    fill,
    form,
    side,
)
from cloud.attendance.codec import encode
from cloud.attendance.near import NearView, Row, between, row_of
from cloud.attendance.shapes import OFFSETS, Hours, Piece, Place, Shapes
from cloud.rules.assign import Seat, choose
from cloud.rules.clusters import Cluster
from cloud.rules.day import Days, result_of
from cloud.rules.engine import Judge
from cloud.rules.facts import PersonFacts, PunchFact
from cloud.rules.minutes import MS, Span
from cloud.rules.plan import DayPlan
from cloud.rules.records import KnownRecords, halves_on, known_records
from cloud.rules.view import View, span_of_dates
from models.attendance import DayState
from models.office import ClockSpan, DateSpan, OfficeRecord, RecordStatus
from models.punch import Direction, Method

_DAY_MS: Final = 86_400_000
_DAY_MIN: Final = 1440
_FINAL: Final = DayState.FINAL
_ANSWERS: Final = 20_000
"""Of a shape, some 30 MB; a service that runs for months may be asked for more."""
_NONE: Final = b"\xc0"
_CLOCKS: Final = tuple(b"%02d:%02d" % divmod(minute, 60) for minute in range(_DAY_MIN))
_SHOWN: Final = tuple(clock(text.decode()) for text in _CLOCKS)
_SECONDS: Final = tuple(b":%02d" % second for second in range(60))
_evidence: dict[tuple[str, Method | None], bytes] = {}


class QuickDay(NamedTuple):
    """A day as it is stored, and what is kept beside it; ``settles_ms``: None if it is final."""

    date: date
    stored: bytes
    state: str
    rule_version: str
    settles_ms: int | None


_Told = tuple[Answer, list[Answer]]
_Timed = tuple[int, int, OfficeRecord]
_NOTHING: Final[Sequence[OfficeRecord]] = ()


class Person:
    """One person's dates as known at ``facts.as_of_ms``: no month is locked, and none counts lates."""

    def __init__(self, facts: PersonFacts, shapes: Shapes) -> None:
        self.facts = facts
        self._shapes = shapes
        self._records = known_records(facts.records, facts.as_of_ms) if facts.records else KnownRecords()
        self._row = row_of(facts, shapes) if shapes.usable else None
        self._complete_ms = min(facts.watermarks.values(), default=facts.as_of_ms)
        self._common = not (facts.roster or facts.roster_changes or facts.employment.exempt)
        self._stretched = self._stretches() if self._records.overtime else ()
        self._bases: dict[date, DayPlan] = {}
        self._dated, self._timed = _by_date(self._records)

    def check(self, first: date, last: date) -> None:
        """As :meth:`Judge.check`; once for everybody who has the plans of all.

        Raises:
            RefusedInput: ``overlapping_shifts``.
        """
        common = self._common and self._employed_around(first) and self._employed_around(last)
        checked = self._shapes.checked
        if not (common and (first, last) in checked):
            Judge(self.facts, self._shapes.plans).check(first, last)
            if common:
                checked.add((first, last))

    def day(self, day: date) -> QuickDay:
        """The stored day of a date."""
        found = None
        if self._row is not None and (place := self._place(day)) is not None:
            found = self._answered(place, self._row)
        return found or self._judged(day)

    @cached_property
    def _view(self) -> View:
        return NearView(self.facts, self._shapes, self._row)

    @cached_property
    def _days(self) -> Days:
        return Days(self._view)

    def _employed_around(self, day: date) -> bool:
        employment = self.facts.employment
        if employment.hire is not None and day + OFFSETS[0] < employment.hire:
            return False
        return employment.last_day is None or day + OFFSETS[-1] <= employment.last_day

    def _stretches(self) -> tuple[Span, ...]:
        """Windows that overtime has made or widened, ms."""
        found = []
        for day in self._view.attached:
            base = {(i.opens, i.closes) for i in self._view.base(day).instances}
            windows = {(i.opens, i.closes) for i in self._view.plan(day).instances}
            found += [(opens * MS, closes * MS) for opens, closes in windows - base]
        return tuple(found)

    def _place(self, day: date) -> Place | None:
        """The place of a date, unless it is reached by a window that is this person's alone."""
        if self._common and self._employed_around(day):
            place = self._shapes.common(day)
        else:
            place = self._shapes.around(tuple([self._base(day + n) for n in OFFSETS]))
        if place is None or not self._records.overtime:
            return place
        if day in self._view.attached:
            return self._with_overtime(place)
        if any(opens < place.high_ms and closes > place.low_ms for opens, closes in self._stretched):
            return None
        return place

    def _with_overtime(self, place: Place) -> Place | None:
        """The place with the overtime of a form in it; None: of several."""
        forms = [one.body for one in self._records.overtime if isinstance(one.body, ClockSpan)]
        near = [
            one
            for one in forms
            if one.start_ms < place.high_ms + _DAY_MS and one.end_ms > place.low_ms - _DAY_MS
        ]
        if len(near) != 1 or len(forms) != len(self._records.overtime) or self._spoken(place):
            return None
        return self._shapes.with_overtime(place, self._view.plan(place.day))

    def _base(self, day: date) -> DayPlan:
        found = self._bases.get(day)
        if found is None:
            found = self._bases[day] = self._view.base(day)
        return found

    def _answered(self, place: Place, row: Row) -> QuickDay | None:
        own = _own(row, place)
        if own is None:
            return None
        records = self._spoken(place) if self.facts.records else _NOTHING
        state = self._state(place)
        if not own:
            return self._quiet(place, state, records)
        if records or state is not _FINAL or place.shape.hours is None:
            return None
        if row.odd and any(place.low_ms <= at_ms < place.high_ms for at_ms in row.odd):
            return None
        return self._worked(place, place.shape.hours, row, own)

    def _state(self, place: Place) -> DayState:
        """How far the date can be judged (S1-S3)."""
        settles_ms = place.settles_ms
        if settles_ms is None:
            return _FINAL
        if self.facts.as_of_ms < settles_ms:
            return DayState.IN_PROGRESS
        return DayState.PENDING_DATA if self._complete_ms < settles_ms else _FINAL

    def _spoken(self, place: Place) -> Sequence[OfficeRecord]:
        """Records that may touch the date, overtime in force aside: that has plans of its own."""
        found = self._dated.get(place.day, _NOTHING)
        if not self._timed:
            return found
        low_ms, high_ms = place.low_ms, place.high_ms
        return [*found, *(one for start, end, one in self._timed if start < high_ms and end > low_ms)]

    def _quiet(self, place: Place, state: DayState, records: Sequence[OfficeRecord]) -> QuickDay | None:
        claimed: Claimed | None = None
        record = None
        if records:
            record = records[0]
            if len(records) > 1 or record.status is not RecordStatus.APPROVED:
                return None
            if not isinstance(record.body, DateSpan):
                return None
            halves = sorted(halves_on(record, place.day))
            claimed = (record.kind.value, record.leave_type or "", tuple(halves))
        answer = self._answer(place, (state, (), False, claimed), record)
        if answer is None:
            return None
        values = (
            place.dates
            if record is None
            else {
                **place.dates,
                CLAIM: form(record.source, record.source_id),
            }
        )
        stored = fill(answer, [], place.head + _NONE + _NONE + b"\0", values)
        settles_ms = None if state is _FINAL else place.settles_ms
        return QuickDay(place.day, stored, answer.state, answer.rule_version, settles_ms)

    def _answer(self, place: Place, question: Question, record: OfficeRecord | None) -> Answer | None:
        answers = place.shape.answers
        try:
            return answers[question]
        except KeyError:
            if len(answers) >= _ANSWERS:
                answers.clear()
            found = answers[question] = ask(self._shapes.plans, place.around, place.plan, question, record)
            return found

    def _worked(self, place: Place, hours: Hours, row: Row, own: range) -> QuickDay | None:
        """A final day of clusters that are its own alone."""
        midnight_ms = place.midnight_ms
        edges: list[int | None] = []
        values = place.dates.copy()
        in_ms = out_ms = None
        paid_ms = 0
        for piece, came, left in _ends(hours, row, own, midnight_ms):
            if not _plain(hours, came, left, midnight_ms):
                return None
            if came is None:
                edges.append(None)
            else:
                at_ms = came.at_ms - midnight_ms
                minute = at_ms // MS
                values[len(edges)] = _named(place, len(edges), minute, came)
                edges.append(piece.first if minute <= piece.any_in else minute)
                in_ms = at_ms if in_ms is None else in_ms
            if left is None:
                edges.append(None)
            else:
                at_ms = left.at_ms - midnight_ms
                minute = at_ms // MS
                values[len(edges)] = _named(place, len(edges), minute, left)
                edges.append(piece.end if minute >= piece.any_out else minute)
                out_ms = at_ms
                if came is not None:
                    paid_ms += _paid_ms(hours.unpaid, came.at_ms - midnight_ms, at_ms)
        doubled = row.merged and self._doubled(place, row, own, values)
        told = self._told(place, hours, tuple(edges), doubled=doubled)
        if told is None:
            return None
        head = place.head + _iso(place, in_ms) + _iso(place, out_ms) + _COUNTS[paid_ms // MS]
        stored = fill(*told, head, values)
        return QuickDay(place.day, stored, told[0].state, told[0].rule_version, None)

    def _told(self, place: Place, hours: Hours, edges: Edges, *, doubled: bool) -> _Told | None:
        """What is said of the edges, and the remarks that are made besides where they can be told apart."""
        on_time = place.shape.on_time
        if hours.any_place:
            edges = _put_first(hours.pieces[0], edges)
        if on_time is None:
            return self._whole(place, edges, doubled=doubled)
        out, end = edges[-1], on_time[-1]
        moved = 0 if edges[0] is None else hours.moved_min(edges[0])
        end += moved
        over = out is not None and out > end and (not moved or out - min(moved, 0) < _DAY_MIN)
        if not (over or doubled):
            return self._whole(place, edges, doubled=False)
        core = self._answer(place, (_FINAL, (*edges[:-1], end) if over else edges, False, None), None)
        remarks: list[Answer | None] = []
        if doubled:
            remarks.append(self._answer(place, (_FINAL, on_time, True, None), None))
        # Time after the hours is outside schedule only if it belongs to a pair (O1).
        if over and out is not None and edges[-2] is not None:
            later = (*on_time[:-1], on_time[-1] + out - end)
            remarks.append(self._answer(place, (_FINAL, later, False, None), None))
        told = [one for one in remarks if one is not None and not one.events_n]
        if core is None or not core.plain or len(told) < len(remarks):
            return self._whole(place, edges, doubled=doubled)
        return core, told

    def _whole(self, place: Place, edges: Edges, *, doubled: bool) -> _Told | None:
        found = self._answer(place, (_FINAL, edges, doubled, None), None)
        return None if found is None else (found, [])

    @staticmethod
    def _doubled(place: Place, row: Row, own: range, values: dict[int, bytes]) -> bool:
        """Whether some cluster has several punches; the first is told of (P2)."""
        for number in own:
            if len(row.groups[number]) > 1:
                values[DOUBLE] = double(_shown(place, (row.firsts[number] - place.midnight_ms) // MS))
                return True
        return False

    def _judged(self, day: date) -> QuickDay:
        """The date as the engine judges it."""
        days = self._days
        sheet = days.sheet(day)
        result = result_of(sheet, days, [], [])
        settles_ms = None if result.state is _FINAL else sheet.plan.window_end * MS
        return QuickDay(day, encode(result), result.state.value, result.rule_version, settles_ms)


class Counting:
    """A person whose months count lates or corrections (L9, C4): the engine judges every date."""

    def __init__(self, facts: PersonFacts, shapes: Shapes) -> None:
        self._judge = Judge(facts, shapes.plans)
        self._as_of_ms = facts.as_of_ms

    def check(self, first: date, last: date) -> None:
        """As :meth:`Judge.check`."""
        self._judge.check(first, last)

    def day(self, day: date) -> QuickDay:
        """The stored day of a date."""
        result = self._judge.result(day, self._as_of_ms)
        settles_ms = None
        if result.state is not _FINAL:
            settles_ms = self._judge.at(self._as_of_ms).sheet(day).plan.window_end * MS
        return QuickDay(day, encode(result), result.state.value, result.rule_version, settles_ms)


def person_of(facts: PersonFacts, shapes: Shapes) -> Person | Counting:
    """The person, ready to be asked for days."""
    return Counting(facts, shapes) if shapes.counts_month else Person(facts, shapes)


def _own(row: Row, place: Place) -> range | None:
    """The clusters of the date; None if one is loose, or wanted by two windows."""
    firsts = row.firsts
    start = bisect_left(firsts, place.low_ms)
    near = range(start, bisect_left(firsts, place.high_ms, start))
    if not near:
        return near
    if len(place.own) == 1:
        opens_ms, closes_ms = place.own[0]
        if not place.others and firsts[near[0]] >= opens_ms and firsts[near[-1]] < closes_ms:
            return near
        found = between(row, opens_ms, closes_ms)
    elif any(_held(row.firsts[number], place.own) for number in near):
        return None
    else:
        found = near[:0]
    if len(found) == len(near) and not place.others:
        return found
    for number in near:
        if (number in found) == _held(row.firsts[number], place.others):
            return None
    return found


def _held(at_ms: int, windows: Sequence[Span]) -> bool:
    return any(opens <= at_ms < closes for opens, closes in windows)


def _by_date(records: KnownRecords) -> tuple[dict[date, list[OfficeRecord]], list[_Timed]]:
    """Records but overtime in force: of dates, and of instants."""
    dated: dict[date, list[OfficeRecord]] = {}
    timed: list[_Timed] = []
    every = [*records.claims, *records.pending]
    for of_day in (records.corrections, records.decisions):
        every += [one for of_date in (of_day or {}).values() for one in of_date]
    for record in every:
        body = record.body
        if isinstance(body, ClockSpan):
            timed.append((body.start_ms, body.end_ms, record))
            continue
        first, last = (body.first, body.last) if isinstance(body, DateSpan) else (body.day, body.day)
        for day in span_of_dates(first, last):
            dated.setdefault(day, []).append(record)
    return dated, timed


def _put_first(piece: Piece, edges: Edges) -> Edges:
    """The same stay from the first of free hours on, of which only the length counts (D10)."""
    came, left = edges
    if came is None or left is None:
        return (None if came is None else piece.first, None if left is None else piece.end)
    moved = piece.first + left - came
    # On another date it might count otherwise (O5).
    return (piece.first, moved) if came >= 0 and max(left, moved) < _DAY_MIN else edges


Ends = tuple[Piece, PunchFact | None, PunchFact | None]


def _ends(hours: Hours, row: Row, own: range, midnight_ms: int) -> list[Ends]:
    """The punches that are IN and OUT of each unit (P3, A4, D10)."""
    if len(hours.pieces) > 1:
        return [
            (piece, *_sides(row, seated, piece.mid2_ms, midnight_ms))
            for piece, seated in zip(hours.pieces, _seated(hours.pieces, row, own, midnight_ms), strict=True)
        ]
    piece = hours.pieces[0]
    if hours.free and len(own) > 1:
        return [(piece, row.groups[own[0]][0], row.groups[own[-1]][-1])]
    mid2_ms = piece.mid2_ms
    first_ms = row.firsts[own[0]] - midnight_ms
    if first_ms * 2 < mid2_ms:
        mid2_ms += 2 * MS * hours.moved_min(first_ms // MS)
    return [(piece, *_sides(row, own, mid2_ms, midnight_ms))]


def _sides(
    row: Row, seated: Sequence[int], mid2_ms: int, midnight_ms: int
) -> tuple[PunchFact | None, PunchFact | None]:
    if not seated:
        return None, None
    opening, closing = seated[0], seated[-1]
    came = row.groups[opening][0] if (row.firsts[opening] - midnight_ms) * 2 < mid2_ms else None
    left = row.groups[closing][-1] if (row.firsts[closing] - midnight_ms) * 2 >= mid2_ms else None
    return came, left


def _seated(pieces: Sequence[Piece], row: Row, own: range, midnight_ms: int) -> list[list[int]]:
    """Clusters to units (A4)."""
    midnight = midnight_ms // MS
    seats = [Seat(midnight + piece.first, midnight + piece.end, trust=False) for piece in pieces]
    found: list[list[int]] = [[] for _ in pieces]
    for number in own:
        group = row.groups[number]
        cluster = Cluster((), row.firsts[number], group[-1].at_ms, Direction.NONE)
        seat = choose(cluster, seats)
        seat.take(cluster)
        found[next(n for n, other in enumerate(seats) if other is seat)].append(number)
    return found


def _plain(hours: Hours, came: PunchFact | None, left: PunchFact | None, midnight_ms: int) -> bool:
    """Whether no rare rule is about these ends: P4, P7, or punches beyond the window."""
    if came is not None and came.direction is _OUT:
        return False
    if left is None:
        return True
    if left.direction is _IN or left.at_ms - midnight_ms >= hours.closes_ms:
        return False
    return came is None or left.at_ms - came.at_ms <= hours.longest_ms


def _paid_ms(unpaid: Sequence[Span], in_ms: int, out_ms: int) -> int:
    """What a pair lasts less unpaid time (P9)."""
    total = out_ms - in_ms
    for start, end in unpaid:
        low = max(start, in_ms)
        high = min(end, out_ms)
        if high > low:
            total -= high - low
    return total


def _named(place: Place, number: int, minute: int, fact: PunchFact) -> bytes:
    """The evidence of an edge."""
    key = (fact.device, fact.method)
    known = _evidence.get(key)
    if known is None:
        known = _evidence[key] = evidence(fact.device, fact.method or Method.PIN)
    return side(number, _shown(place, minute)) + known


def _shown(place: Place, minute: int) -> bytes:
    """A minute as steps show it."""
    if 0 <= minute < _DAY_MIN:
        return _SHOWN[minute]
    days, minute = divmod(minute, _DAY_MIN)
    return place.dates[DATES - days - 1] + _CLOCKS[minute]


def _iso(place: Place, at_ms: int | None) -> bytes:
    """A local ISO time as it is stored."""
    if at_ms is None:
        return _NONE
    minute, rest = divmod(at_ms, MS)
    days, minute = divmod(minute, _DAY_MIN)
    return place.iso[days + 1] + _CLOCKS[minute] + _SECONDS[rest // 1000] + place.offset


_IN: Final = Direction.IN
_OUT: Final = Direction.OUT
_COUNTS: Final = tuple(map(count, range(2 * _DAY_MIN)))

"""The days of one person, answered from what the engine has said of days like them.

A day is answered where no punch of it can be anybody else's, no rule looks beyond it, and its punches come
down to edges: nearly all are. Every other day is judged by the engine, from the facts around it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Final

from cloud.attendance.answers import (
    CLAIM,
    DATES,
    DOUBLE,
    Answer,
    Claimed,
    Edges,
    Question,
    Wording,
    ask,
    clock,
    count,
    form,
    wording,
)
from cloud.attendance.codec import encode
from cloud.attendance.ends import ends_of, own_of, plain, put_first
from cloud.attendance.exact import HALF_MS, ask_exactly, half_of
from cloud.attendance.hours import Hours
from cloud.attendance.near import NearView
from cloud.attendance.presses import TYPED, Clusters, Doors, Press, clusters_of
from cloud.attendance.shapes import Place, QuickDay, Shapes
from cloud.rules.day import Days, result_of
from cloud.rules.engine import Judge
from cloud.rules.facts import PersonFacts
from cloud.rules.minutes import MS, Span
from cloud.rules.records import KnownRecords, halves_on, known_records
from cloud.rules.view import View, span_of_dates
from models.attendance import DayState
from models.office import ClockSpan, CorrectionBody, DateSpan, OfficeRecord, RecordStatus

_DAY_MS: Final = 86_400_000
_DAY_MIN: Final = 1440
_FINAL: Final = DayState.FINAL
_ANSWERS: Final = 20_000
"""Of a shape, some 30 MB; a service that runs for months may be asked for more."""
_ANSWERS_EXACT: Final = 5_000
_NONE: Final = b"\xc0"
_CLOCKS: Final = tuple(b"%02d:%02d" % divmod(minute, 60) for minute in range(_DAY_MIN))
_SHOWN: Final = tuple(clock(text.decode()) for text in _CLOCKS)
_SECONDS: Final = tuple(text + b":%02d" % second for text in _CLOCKS for second in range(60))
_COUNTS: Final = tuple(map(count, range(2 * _DAY_MIN)))
_NOTHING: Final[Sequence[OfficeRecord]] = ()
_QUIET: Final[Question] = (_FINAL, (), False, None)

_Timed = tuple[int, int, OfficeRecord]


class Person:
    """One person's dates as known at ``facts.as_of_ms``: no month is locked, and none counts lates.

    Args:
        presses: the punches in order of time, which ``facts`` need not have.
    """

    def __init__(self, facts: PersonFacts, shapes: Shapes, presses: list[Press], doors: Doors) -> None:
        self._facts = facts
        self._shapes = shapes
        self._presses = presses
        self._doors = doors
        self._clusters = clusters_of(presses, shapes, doors) if shapes.usable else None
        self._settled_ms = min(facts.watermarks.values(), default=facts.as_of_ms)
        self._settled_ms = min(self._settled_ms, facts.as_of_ms)
        self._records = known_records(facts.records, facts.as_of_ms) if facts.records else KnownRecords()
        self._stretched: tuple[Span, ...] = ()
        self._beside: frozenset[int] = frozenset()
        if self._records.overtime:
            self._stretch()
        self._dated, self._timed = _by_date(self._records) if facts.records else ({}, [])

    def days(self, dates: Sequence[date]) -> list[QuickDay]:
        """The stored days of dates in order.

        Raises:
            RefusedInput: as :meth:`Judge.check`.
        """
        stretch = self._shapes.stretch(self._facts, dates[0], dates[-1])
        if stretch.refused is not None:
            raise stretch.refused.with_traceback(None)
        first, places, clusters = stretch.first, stretch.places, self._clusters
        if clusters is None:
            return [self._judged(day) for day in dates]
        found = []
        beside = self._beside
        for day in dates:
            ordinal = day.toordinal()
            place = places[ordinal - first]
            if ordinal in beside and place is not None:
                place = self._beside_overtime(place)
            answered = None if place is None else self._answered(place, clusters)
            found.append(answered or self._judged(day))
        return found

    @cached_property
    def _view(self) -> View:
        return NearView(self._facts, self._shapes, self._presses, self._doors, self._clusters)

    @cached_property
    def _days(self) -> Days:
        return Days(self._view)

    def _stretch(self) -> None:
        """Find the windows that overtime has made or widened, and the dates near them."""
        view, zone = self._view, self._shapes.plans.zone
        found: list[Span] = []
        near = {day.toordinal() for day in view.attached}
        for day in view.attached:
            base = {(i.opens, i.closes) for i in view.base(day).instances}
            for opens, closes in {(i.opens, i.closes) for i in view.plan(day).instances} - base:
                found.append((opens * MS, closes * MS))
                near.update(range(zone.ordinal_of(opens) - 2, zone.ordinal_of(closes) + 3))
        self._stretched = tuple(found)
        self._beside = frozenset(near)

    def _beside_overtime(self, place: Place) -> Place | None:
        """The place with its overtime, if any; None where a window that overtime has made reaches it."""
        if place.day in self._view.attached:
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

    def _answered(self, place: Place, clusters: Clusters) -> QuickDay | None:
        firsts = clusters.firsts
        start = bisect_left(firsts, place.low_ms)
        end = bisect_left(firsts, place.high_ms, start)
        loose = False
        if start < end and not (place.sole[0] <= firsts[start] and firsts[end - 1] < place.sole[1]):
            near = own_of(firsts, place, range(start, end))
            if near is None:
                return None
            start, end, loose = near
        records = self._spoken(place) if self._dated or self._timed else _NOTHING
        settles_ms = place.settles_ms
        final = settles_ms is None or settles_ms <= self._settled_ms
        if start == end:
            return self._quiet(place, final, records)
        if not final or (clusters.odd and clusters.remarked(place.low_ms, place.high_ms, end - 1)):
            return None
        hours, own = place.shape.hours, range(start, end)
        found = None
        if hours is not None and not records and not loose:
            found = self._worked(place, hours, clusters, own)
        return found or self._exactly(place, clusters, own, records)

    def _spoken(self, place: Place) -> Sequence[OfficeRecord]:
        """Records that may touch the date, overtime in force aside: that has plans of its own."""
        found = self._dated.get(place.day, _NOTHING)
        if not self._timed:
            return found
        low_ms, high_ms = place.low_ms, place.high_ms
        return [*found, *(one for start, end, one in self._timed if start < high_ms and end > low_ms)]

    def _quiet(self, place: Place, final: bool, records: Sequence[OfficeRecord]) -> QuickDay | None:  # noqa: FBT001
        """A day nobody punched on; as most are alike, it is kept whole."""
        if final and not records:
            if not place.kept:
                found = self._unpunched(place, _QUIET, None)
                if found is not None:
                    place.kept.append(found)
                return found
            return place.kept[0]
        state = _FINAL
        if not final:
            over = place.settles_ms is not None and self._facts.as_of_ms >= place.settles_ms
            state = DayState.PENDING_DATA if over else DayState.IN_PROGRESS
        if not records:
            return self._unpunched(place, (state, (), False, None), None)
        record = records[0]
        if len(records) > 1 or not isinstance(record.body, DateSpan):
            return None
        claimed = _claimed(record, place)
        return None if claimed is None else self._unpunched(place, (state, (), False, claimed), record)

    def _unpunched(self, place: Place, question: Question, record: OfficeRecord | None) -> QuickDay | None:
        said = place.shape.quiet
        if question not in said:
            answer = self._answer(place, question, record)
            said[question] = None if answer is None else wording(answer)
        found = said[question]
        if found is None:
            return None
        values = (
            place.dates if record is None else {**place.dates, CLAIM: form(record.source, record.source_id)}
        )
        stored = place.head + _NONE + _NONE + b"\0" + found.said(values)
        settles_ms = None if question[0] is _FINAL else place.settles_ms
        return QuickDay(place.day, stored, found.state, found.rule_version, settles_ms)

    def _answer(self, place: Place, question: Question, record: OfficeRecord | None) -> Answer | None:
        answers = place.shape.answers
        if question[1] and all(minute is None or 0 <= minute <= _DAY_MIN for minute in question[1]):
            answers = place.shape.within
        try:
            return answers[question]
        except KeyError:
            if len(answers) >= _ANSWERS:
                answers.clear()
            found = answers[question] = ask(self._shapes.plans, place.around, place.plan, question, record)
            return found

    def _worked(self, place: Place, hours: Hours, clusters: Clusters, own: range) -> QuickDay | None:
        """A final day of clusters that are its own alone."""
        found = self._ordinary(place, hours, clusters, own) if hours.ordinary else None
        if found is not None:
            return found
        midnight_ms = place.midnight_ms
        ends = ends_of(hours, clusters, own, midnight_ms)
        if not all(plain(hours, came, left, midnight_ms) for _, came, left in ends):
            return None
        edges: list[int | None] = []
        at_ms: list[int | None] = []
        values: dict[int, bytes] = {}
        for piece, *both in ends:
            for press in both:
                number = len(edges)
                if press is None:
                    edges.append(None)
                    at_ms.append(None)
                    continue
                since_ms = press[0] - midnight_ms
                minute = since_ms // MS
                values[number] = _shown(place, minute) + self._doors[press[1:3]]
                edges.append(piece.came(minute) if number % 2 == 0 else piece.left(minute))
                at_ms.append(since_ms)
        double = next((number for number in own if number in clusters.merged), None)
        if double is not None:
            values[DOUBLE] = _shown(place, (clusters.firsts[double] - midnight_ms) // MS)
        said = self._wording(place, hours, tuple(edges), doubled=double is not None)
        if said is None:
            return None
        if said.dated:
            values |= place.dates
        stored = _head(place, *hours.presence(at_ms)) + said.said(values)
        return QuickDay(place.day, stored, said.state, said.rule_version, None)

    def _exactly(
        self, place: Place, clusters: Clusters, own: range, records: Sequence[OfficeRecord]
    ) -> QuickDay | None:
        """A final day that does not come down to edges, or has a record."""
        shape = place.shape
        record = records[0] if records else None
        claimed = None if record is None else _claimed(record, place)
        presses = [press for number in own for press in (clusters.heads[number], clusters.tails[number])]
        # A question may be longer by half a minute (P7).
        longest_ms = place.plan.policy.max_shift_min * MS - HALF_MS
        if len(records) > 1 or (record and claimed is None) or shape.apart:
            return None
        if presses[-1][0] - presses[0][0] >= longest_ms or any(map(clusters.typed, own)):
            return None
        at_ms = [press[0] - place.midnight_ms for press in presses]
        halves = [half_of(one) for one in at_ms]
        if any(one >= other for one, other in pairwise(halves[::2])):
            return None
        several = [number in clusters.merged for number in own]
        asked = tuple(zip(halves[::2], halves[1::2], several, strict=True))
        key = asked, claimed
        if key not in shape.exact:
            if len(shape.exact) >= _ANSWERS_EXACT:
                shape.exact.clear()
            shape.exact[key] = ask_exactly(self._shapes.plans, place.around, place.plan, asked, record)
        found = shape.exact[key]
        if found is None:
            return None
        values = {number: self._doors[press[1:3]] for number, press in enumerate(presses)}
        if record is not None:
            values[CLAIM] = form(record.source, record.source_id)
            if isinstance(record.body, CorrectionBody):
                at_ms.append(record.body.at_ms - place.midnight_ms)
        in_ms = None if found.came is None else at_ms[found.came]
        out_ms = None if found.left is None else at_ms[found.left]
        said = found.wording
        stored = _head(place, in_ms, out_ms, found.paid_ms(at_ms)) + said.said(values | place.dates)
        return QuickDay(place.day, stored, said.state, said.rule_version, None)

    def _ordinary(self, place: Place, hours: Hours, clusters: Clusters, own: range) -> QuickDay | None:
        """The same of one unit with an IN and an OUT on the date itself: most days of most firms."""
        opening, closing = own[0], own[-1]
        came, left = clusters.heads[opening], clusters.tails[closing]
        midnight_ms, piece = place.midnight_ms, hours.pieces[0]
        in_ms, out_ms = came[0] - midnight_ms, left[0] - midnight_ms
        sides = in_ms * 2 < piece.mid2_ms <= (clusters.firsts[closing] - midnight_ms) * 2
        if not sides or in_ms < 0 or out_ms >= hours.same_day_ms or out_ms - in_ms > hours.longest_ms:
            return None
        if (came[2] | left[2]) & TYPED or (
            clusters.merged and any(number in clusters.merged for number in own)
        ):
            return None
        in_min, out_min = in_ms // MS, out_ms // MS
        edges = (
            piece.first if in_min <= piece.any_in else in_min,
            piece.end if out_min >= piece.any_out else out_min,
        )
        said = self._wording(place, hours, edges, doubled=False)
        if said is None or not said.of_both:
            return None
        doors = self._doors
        stored = place.plain_head % (
            _SECONDS[in_ms // 1000],
            _SECONDS[out_ms // 1000],
            _COUNTS[hours.paid_ms(in_ms, out_ms) // MS],
        ) + said.pattern % (
            _SHOWN[in_min] + doors[came[1:3]],
            _SHOWN[out_min] + doors[left[1:3]],
        )
        return QuickDay(place.day, stored, said.state, said.rule_version, None)

    def _wording(self, place: Place, hours: Hours, edges: Edges, *, doubled: bool) -> Wording | None:
        """What is said of the edges, kept."""
        worded = place.shape.worded
        if hours.any_place:
            edges = put_first(hours.pieces[0], edges)
        key = (edges, doubled)
        try:
            return worded[key]
        except KeyError:
            if len(worded) >= _ANSWERS:
                worded.clear()
            found = worded[key] = self._told(place, hours, edges, doubled=doubled)
            return found

    def _told(self, place: Place, hours: Hours, edges: Edges, *, doubled: bool) -> Wording | None:
        """What is said of the edges, and the remarks that are made besides where they can be told apart."""
        on_time = place.shape.on_time
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
        return wording(core, told)

    def _whole(self, place: Place, edges: Edges, *, doubled: bool) -> Wording | None:
        found = self._answer(place, (_FINAL, edges, doubled, None), None)
        return None if found is None else wording(found)

    def _judged(self, day: date) -> QuickDay:
        """The date as the engine judges it."""
        days = self._days
        sheet = days.sheet(day)
        result = result_of(sheet, days, [], [])
        settles_ms = None if result.state is _FINAL else sheet.plan.window_end * MS
        return QuickDay(day, encode(result), result.state.value, result.rule_version, settles_ms)


class Judged:
    """A person of whom the engine judges every date: their months count lates or corrections (L9, C4)."""

    def __init__(self, facts: PersonFacts, shapes: Shapes) -> None:
        self._judge = Judge(facts, shapes.plans)
        self._as_of_ms = facts.as_of_ms

    def days(self, dates: Sequence[date]) -> list[QuickDay]:
        """The stored days of dates in order.

        Raises:
            RefusedInput: as :meth:`Judge.check`.
        """
        self._judge.check(dates[0], dates[-1])
        return [self._day(day) for day in dates]

    def _day(self, day: date) -> QuickDay:
        result = self._judge.result(day, self._as_of_ms)
        settles_ms = None
        if result.state is not _FINAL:
            settles_ms = self._judge.at(self._as_of_ms).sheet(day).plan.window_end * MS
        return QuickDay(day, encode(result), result.state.value, result.rule_version, settles_ms)


def _claimed(record: OfficeRecord, place: Place) -> Claimed | None:
    """What the record says of the date, wherever in time it is; None: more."""
    body = record.body
    if record.status is not RecordStatus.APPROVED:
        return None
    if isinstance(body, DateSpan):
        return record.kind.value, record.leave_type or "", tuple(sorted(halves_on(record, place.day)))
    if isinstance(body, CorrectionBody) and not body.at_ms % HALF_MS:
        return body.side, body.shift or "", (str(body.at_ms - place.midnight_ms),)
    return None


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


def _head(place: Place, in_ms: int | None, out_ms: int | None, paid_ms: int) -> bytes:
    """The stored day up to its presence."""
    presence = _COUNTS[paid_ms // MS]
    if in_ms is not None and out_ms is not None and in_ms >= 0 and out_ms < _DAY_MS:
        return place.plain_head % (_SECONDS[in_ms // 1000], _SECONDS[out_ms // 1000], presence)
    return place.head + _iso(place, in_ms) + _iso(place, out_ms) + presence


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
    days, rest_ms = divmod(at_ms, _DAY_MS)
    return place.iso[days + 1] + _SECONDS[rest_ms // 1000] + place.offset

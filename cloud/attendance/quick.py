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

from cloud.attendance.answers import Claimed, Question, wording
from cloud.attendance.codec import encode
from cloud.attendance.corrected import corrected
from cloud.attendance.ends import ends_of, own_of
from cloud.attendance.exact import HALF_MS, ask_exactly, half_of
from cloud.attendance.filled import NONE, filled_plainly, head, named, shown, values
from cloud.attendance.hours import Hours
from cloud.attendance.near import NearView
from cloud.attendance.places import Place, QuickDay, Stretch
from cloud.attendance.presses import Clusters, Doors, Press, clusters_of
from cloud.attendance.shapes import Shapes
from cloud.attendance.told import NO_CLAIM, Claim, answer_to, plainly_worded, worded
from cloud.rules.day import Days, result_of
from cloud.rules.engine import Judge
from cloud.rules.facts import PersonFacts
from cloud.rules.minutes import MS, Span
from cloud.rules.records import KnownRecords, halves_on, known_records
from models.attendance import DayState
from models.office import ClockSpan, CorrectionBody, DateSpan, OfficeRecord, RecordStatus

_DAY_MS: Final = 86_400_000
_FINAL: Final = DayState.FINAL
_ANSWERS_EXACT: Final = 5_000
_NOTHING: Final[Sequence[OfficeRecord]] = ()
_NO_RECORDS: Final = KnownRecords()
_NOTHING_BESIDE: Final[dict[int, Place | None]] = {}
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
        self._records = known_records(facts.records, facts.as_of_ms) if facts.records else _NO_RECORDS
        self._dated, self._timed = _by_date(self._records) if facts.records else ({}, [])

    def days(self, dates: Sequence[date]) -> list[QuickDay]:
        """The stored days of dates in order.

        Raises:
            RefusedInput: as :meth:`Judge.check`.
        """
        stretch = self._shapes.stretch(self._facts, dates[0], dates[-1])
        if stretch.refused is not None:
            raise stretch.refused.with_traceback(None)
        clusters = self._clusters
        if clusters is None:
            return [self._judged(day) for day in dates]
        first, places = stretch.first, stretch.places
        beside = self._beside_overtime(stretch) if self._records.overtime else _NOTHING_BESIDE
        found = []
        for day in dates:
            ordinal = day.toordinal()
            place = beside[ordinal] if ordinal in beside else places[ordinal - first]
            answered = None if place is None else self._answered(place, ordinal, clusters)
            found.append(answered or self._judged(day))
        return found

    @cached_property
    def _days(self) -> Days:
        return Days(NearView(self._facts, self._shapes, self._presses, self._doors, self._clusters))

    def _beside_overtime(self, stretch: Stretch) -> dict[int, Place | None]:
        """The places of the dates with overtime; None for these and others where only the engine knows."""
        forms = self._records.overtime
        every = [self._shapes.overtime(stretch, self._facts, form) for form in forms]
        found: dict[int, Place | None] = dict.fromkeys([day for one in every for day in one.reached])
        spans = [(one.body.start_ms, one.body.end_ms) for one in forms if isinstance(one.body, ClockSpan)]
        contested = any(ends > begins for (_, ends), (begins, _) in pairwise(sorted(spans)))
        for one in every:
            if one.home is not None:
                place = stretch.place(one.home)
                alone = (
                    place is not None
                    and len(spans) == len(forms)
                    and not contested
                    and len(_reached(place.low_ms - _DAY_MS, place.high_ms + _DAY_MS, spans)) == 1
                    and not self._spoken(place, one.home)
                )
                found[one.home] = one.place if alone else None
        return found

    def _answered(self, place: Place, ordinal: int, clusters: Clusters) -> QuickDay | None:
        firsts = clusters.firsts
        start = bisect_left(firsts, place.low_ms)
        end = bisect_left(firsts, place.high_ms, start)
        loose = False
        if start < end and not (place.sole[0] <= firsts[start] and firsts[end - 1] < place.sole[1]):
            near = own_of(firsts, place, range(start, end))
            if near is None:
                return None
            start, end, loose = near
        records = self._spoken(place, ordinal) if self._timed else self._dated.get(ordinal, _NOTHING)
        settles_ms = place.settles_ms
        final = settles_ms is None or settles_ms <= self._settled_ms
        if start == end:
            return self._quiet(place, final, records)
        if not final or (clusters.odd and clusters.remarked(place.low_ms, place.high_ms, end - 1)):
            return None
        found = None
        if not loose and place.shape.hours is not None:
            if not records:
                found = self._worked(place, place.shape.hours, clusters, start, end)
            elif len(records) == 1 and isinstance(records[0].body, DateSpan):
                found = self._beside(place, clusters, range(start, end), records[0])
            elif len(records) == 1 and (claimed := _claimed(records[0], place)):
                found = corrected(self._shapes, place, clusters, range(start, end), records[0], claimed)
        return found or self._exactly(place, clusters, range(start, end), records)

    def _beside(self, place: Place, clusters: Clusters, own: range, record: OfficeRecord) -> QuickDay | None:
        """A final day of which a dated record has a part."""
        claimed = _claimed(record, place)
        hours = None if claimed is None else self._shapes.hours_beside(place, record, claimed)
        if hours is None or claimed is None or clusters.doubled(own.start, own.stop) is not None:
            return None
        # The first and the last punch say whether somebody worked on leave (J11): both must be edges.
        ends = ends_of(hours, clusters.firsts[own.start : own.stop], place.midnight_ms)
        if not {number for _, *both in ends for number in both} >= {0, len(own) - 1}:
            return None
        return self._of_units(place, hours, clusters, own.start, own.stop, (record, claimed))

    def _spoken(self, place: Place, ordinal: int) -> Sequence[OfficeRecord]:
        """Records that may touch the date, overtime in force aside: that has plans of its own."""
        low_ms, high_ms = place.low_ms, place.high_ms
        timed = [one for start, end, one in self._timed if start < high_ms and end > low_ms]
        return [*self._dated.get(ordinal, _NOTHING), *timed]

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
            answer = answer_to(self._shapes.plans, place, question, record)
            said[question] = None if answer is None else wording(answer)
        found = said[question]
        if found is None:
            return None
        stored = place.head + NONE + NONE + b"\0" + found.said((*place.dates, named(record), b""))
        settles_ms = None if question[0] is _FINAL else place.settles_ms
        return (place.day, stored, found.state, found.rule_version, settles_ms)

    def _worked(
        self, place: Place, hours: Hours, clusters: Clusters, start: int, end: int
    ) -> QuickDay | None:
        """A final day of clusters that are its own alone.

        Nearly all are of one unit, on one date, without a double punch: nothing else is done here for these
        than for others, but in fewer steps.
        """
        sole = hours.sole
        if sole is None or clusters.directed or not clusters.merged.keys().isdisjoint(range(start, end)):
            return self._of_units(place, hours, clusters, start, end)
        midnight_ms, last = place.midnight_ms, end - 1
        in_ms = clusters.heads[start][0] - midnight_ms
        out_ms = clusters.tails[last][0] - midnight_ms
        if not (
            0 <= in_ms < sole.mid_ms <= clusters.firsts[last] - midnight_ms
            and out_ms < hours.closes_on_date_ms
            and out_ms - in_ms <= hours.longest_ms
        ):
            return self._of_units(place, hours, clusters, start, end)
        in_min, out_min = in_ms // MS, out_ms // MS
        edges = (
            sole.first if in_min <= sole.any_in else in_min,
            sole.end if out_min >= sole.any_out else out_min,
        )
        said = place.shape.plain.get(edges)
        if said is None:
            said = plainly_worded(self._shapes.plans, place, hours, edges)
            if said is None:
                return self._of_units(place, hours, clusters, start, end)
        first_ms, last_ms = hours.unpaid_within
        if in_ms <= first_ms and last_ms <= out_ms:
            paid_ms = out_ms - in_ms - hours.unpaid_ms
        else:
            paid_ms = hours.paid_ms(in_ms, out_ms)
        by = clusters.came_by[start], clusters.left_by[last]
        stored = filled_plainly(place, said, (in_ms, out_ms), paid_ms, by)
        return (place.day, stored, said.state, said.rule_version, None)

    def _of_units(
        self, place: Place, hours: Hours, clusters: Clusters, start: int, end: int, claim: Claim = NO_CLAIM
    ) -> QuickDay | None:
        """The same of any units, of an IN or an OUT alone, and beside a record."""
        midnight_ms, closes_ms, longest_ms = place.midnight_ms, hours.closes_ms, hours.longest_ms
        edges: list[int | None] = []
        by_edge: list[bytes] = []
        first_ms = last_ms = None
        paid_ms = 0
        for piece, opening, closing in ends_of(hours, clusters.firsts[start:end], midnight_ms):
            came = left = None
            came_by = left_by = b""
            in_ms = 0
            if opening is not None:
                in_ms = clusters.heads[start + opening][0] - midnight_ms
                minute = in_ms // MS
                came = piece.first if minute <= piece.any_in else minute
                came_by = shown(place, minute) + clusters.came_by[start + opening]
                first_ms = in_ms if first_ms is None else first_ms
            if closing is not None:
                last_ms = clusters.tails[start + closing][0] - midnight_ms
                minute = last_ms // MS
                left = piece.end if minute >= piece.any_out else minute
                left_by = shown(place, minute) + clusters.left_by[start + closing]
                if last_ms >= closes_ms:
                    return None
                if opening is not None:
                    if last_ms - in_ms > longest_ms:
                        return None
                    paid_ms += hours.paid_ms(in_ms, last_ms)
            if clusters.directed and clusters.typed_against(start, opening, closing):
                return None
            edges += came, left
            by_edge += came_by, left_by
        double = clusters.doubled(start, end) if clusters.merged else None
        said = worded(self._shapes.plans, place, hours, tuple(edges), double is not None, claim)
        if said is None:
            return None
        if said.of_edges:
            text = said.said(by_edge)
        else:
            text = said.said(values(place, by_edge, clusters, double, named(claim[0])))
        stored = head(place, first_ms, last_ms, paid_ms) + text
        return (place.day, stored, said.state, said.rule_version, None)

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
        if len(records) > 1 or (record and claimed is None) or place.plan.policy.overtime_breaks:
            return None
        if presses[-1][0] - presses[0][0] >= longest_ms or (
            clusters.directed and any(map(clusters.typed, own))
        ):
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
            shape.exact[key] = ask_exactly(place.somebody(self._shapes.plans, _FINAL, record), asked)
        found = shape.exact[key]
        if found is None or found.presence is None:
            return None
        if record is not None and isinstance(record.body, CorrectionBody):
            at_ms.append(record.body.at_ms - place.midnight_ms)
        by = [name for number in own for name in (clusters.came_by[number], clusters.left_by[number])]
        text = found.said((*by, *place.dates, named(record), b""))
        stored = head(place, *found.presence.of(at_ms)) + text
        return (place.day, stored, found.state, found.rule_version, None)

    def _judged(self, day: date) -> QuickDay:
        """The date as the engine judges it."""
        days = self._days
        sheet = days.sheet(day)
        result = result_of(sheet, days, [], [])
        settles_ms = None if result.state is _FINAL else sheet.plan.window_end * MS
        return (day, encode(result), result.state.value, result.rule_version, settles_ms)


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
        return (day, encode(result), result.state.value, result.rule_version, settles_ms)


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


def _by_date(records: KnownRecords) -> tuple[dict[int, list[OfficeRecord]], list[_Timed]]:
    """Records but overtime in force: of dates, by their ordinal, and of instants."""
    dated: dict[int, list[OfficeRecord]] = {}
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
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            dated.setdefault(ordinal, []).append(record)
    return dated, timed


def _reached(low_ms: int, high_ms: int, spans: Sequence[Span]) -> list[Span]:
    """The spans that lie between two instants, even in part."""
    return [(start, end) for start, end in spans if start < high_ms and end > low_ms]

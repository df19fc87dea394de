"""Days whose punches do not come down to edges, asked by the half minute of each punch.

A forgotten punch put right, half a day of leave, a Sunday at work: what the engine says of them is kept as
that of other days is, though few days are asked so alike. All that rules compare punches with lies at whole
or half minutes; only presence counts the rest (P9).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cloud.attendance.answers import (
    CLAIM,
    DOOR,
    FORM,
    Given,
    Marks,
    Wording,
    answer_of,
    dated,
    evidence,
    form,
    punch_at,
    somebody,
    wording,
)
from cloud.rules import minutes
from cloud.rules.assign import Assigned
from cloud.rules.clusters import Cluster, Stamp
from cloud.rules.day import Days, edges_ms, result_of
from cloud.rules.judged import Sheet
from cloud.rules.minutes import MS, Minutes
from cloud.rules.plan import DayPlan, InstanceKind, PlanBook
from models.attendance import AttendanceDay, DayState
from models.office import CorrectionBody, OfficeRecord
from models.punch import Direction, Method

HALF_MS: Final = 30_000

Asked = tuple[tuple[int, int, bool], ...]
"""First and last punch of each cluster, as :func:`half_of` has them, and whether they are two."""


@dataclass(frozen=True, slots=True)
class Exact:
    """What is said of a date.

    Punches are numbered: the first and the last of each cluster in turn, then what a correction says.

    Attributes:
        came, left: number of the punch that is the IN, and the OUT, of the date.
        pairs: numbers of IN and OUT, and what of the time between is unpaid (P9), minutes after midnight.
    """

    wording: Wording
    came: int | None
    left: int | None
    pairs: tuple[tuple[int, int, Minutes], ...]

    def paid_ms(self, at_ms: Sequence[int]) -> int:
        """What the pairs last less unpaid time; ``at_ms`` by number, ms after midnight."""
        total = 0
        for came, left, unpaid in self.pairs:
            total += at_ms[left] - at_ms[came] - minutes.overlap_ms(at_ms[came], at_ms[left], unpaid)
        return total


def half_of(at_ms: int) -> int:
    """The half minute of an instant, and whether it is its very beginning or later."""
    halves, rest_ms = divmod(at_ms, HALF_MS)
    return 2 * halves + (rest_ms > 0)


def ask_exactly(
    plans: PlanBook, around: Sequence[DayPlan], plan: DayPlan, asked: Asked, record: OfficeRecord | None
) -> Exact | None:
    """What the engine says of a final date with such punches; None: it can be said of no other."""
    midnight = plans.zone.midnight(plan.day.toordinal())
    clusters = [_cluster(midnight * MS, number, *both) for number, both in enumerate(asked)]
    assigned = _assigned(plan, clusters)
    days = Days(Given(somebody(plans, plan, DayState.FINAL, record), plans, around, plan.day, assigned))
    sheet = days.sheet(plan.day)
    result = result_of(sheet, days, [], [])
    marks: Marks = {number: (b"", evidence(DOOR % number, Method.FACE)) for number in range(2 * len(asked))}
    if record is not None:
        marks[CLAIM] = b"", form(FORM, FORM)
    answer = answer_of(result, marks | dated(plan.day), 0)
    said = answer.told[0] + answer.extra[0] + answer.events[0]
    firsts = {cluster.first_ms: 2 * number for number, cluster in enumerate(clusters)}
    lasts = {cluster.last_ms: 2 * number + 1 for number, cluster in enumerate(clusters)}
    if record is not None and isinstance(record.body, CorrectionBody):
        at_ms = record.body.at_ms
        if at_ms in firsts or at_ms in lasts:
            return None
        firsts[at_ms] = lasts[at_ms] = 2 * len(asked)
    # What cannot be told apart, or is told of more than the day and its own shift, is told of this day alone.
    alike = any(len({at_ms // 1000 for at_ms in times}) < len(times) for times in (firsts, lasts))
    if alike or any(mark in said for mark in _UNCUT) or result.state is not DayState.FINAL or _splits(result):
        return None
    pairs = [
        (firsts[start], lasts[end], _unpaid(sheet, midnight, free=free))
        for (start, end), free in sheet.roles.pairs()
    ]
    in_ms, out_ms = edges_ms(sheet, days.view)
    return Exact(
        wording(answer),
        None if in_ms is None else firsts[in_ms],
        None if out_ms is None else lasts[out_ms],
        tuple(pairs),
    )


def _cluster(midnight_ms: int, number: int, first: int, last: int, several: bool) -> Cluster:  # noqa: FBT001
    # Two in one half minute are still two, in order.
    later = (0, int(several))
    at_ms = [
        midnight_ms + half // 2 * HALF_MS + half % 2 * (1 + n)
        for n, half in zip(later, (first, last), strict=True)
    ]
    stamps = tuple([Stamp(at, punch_at(2 * number + n), repaired=False) for n, at in enumerate(at_ms)])
    return Cluster(stamps if several else stamps[:1], at_ms[0], at_ms[-1], Direction.NONE)


def _assigned(plan: DayPlan, clusters: Sequence[Cluster]) -> Assigned:
    """The clusters in the windows of the date, no two of which hold the same, and those in none."""
    by_instance: list[list[Cluster]] = [[] for _ in plan.instances]
    loose = []
    for cluster in clusters:
        minute = cluster.first_ms // MS
        holders = [n for n, i in enumerate(plan.instances) if i.opens <= minute < i.closes]
        if holders:
            by_instance[holders[0]].append(cluster)
        else:
            loose.append(cluster)
    return Assigned(tuple(by_instance), tuple(loose))


def _splits(result: AttendanceDay) -> bool:
    """Whether a shift has an IN or an OUT that is not the day's."""
    return any(
        one.in_at not in {None, result.in_at} or one.out_at not in {None, result.out_at}
        for one in result.shifts.values()
    )


def _unpaid(sheet: Sheet, midnight: int, *, free: bool) -> Minutes:
    """The time without presence in a pair (P9); there are no overtime breaks."""
    spans = sheet.plan.gaps
    if free:
        spans = minutes.normalise(
            [span for i in sheet.plan.instances if i.kind is InstanceKind.FREE for span in i.breaks]
        )
    return tuple([(start - midnight, end - midnight) for start, end in spans])


_UNCUT: Final = (b"device\xa2\0", b"device\xa3\0", b"source\xa1\0")

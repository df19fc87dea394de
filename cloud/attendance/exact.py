"""Days whose punches do not come down to edges, asked by the half minute of each punch.

A forgotten punch put right, half a day of leave, a Sunday at work: what the engine says of them is kept as
that of other days is, though few days are asked so alike. All that rules compare punches with lies at whole
or half minutes; only presence counts the rest (P9).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import structs

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
    wording,
)
from cloud.attendance.presence import presence_of
from cloud.rules.assign import Assigned
from cloud.rules.clusters import Cluster, Stamp
from cloud.rules.day import result_of
from cloud.rules.minutes import MS
from cloud.rules.plan import DayPlan
from models.attendance import AttendanceDay, DayState
from models.office import CorrectionBody
from models.punch import Direction, Method

HALF_MS: Final = 30_000

Asked = tuple[tuple[int, int, bool], ...]
"""First and last punch of each cluster, as :func:`half_of` has them, and whether they are two."""


def half_of(at_ms: int) -> int:
    """The half minute of an instant, and whether it is its very beginning or later."""
    halves, rest_ms = divmod(at_ms, HALF_MS)
    return 2 * halves + (rest_ms > 0)


def ask_exactly(given: Given, asked: Asked) -> Wording | None:
    """What the engine says of somebody's final date with such punches; None: it can be said of no other."""
    plan = given.plan(given.day)
    midnight = given.plans.zone.midnight(plan.day.toordinal())
    clusters = [_cluster(midnight * MS, number, *both) for number, both in enumerate(asked)]
    days = given.days(_assigned(plan, clusters))
    sheet = days.sheet(plan.day)
    result = result_of(sheet, days, [], [])
    record = given.person.records[0] if given.person.records else None
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
    return wording(structs.replace(answer, presence=presence_of(sheet, days, midnight, firsts, lasts)))


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


_UNCUT: Final = (b"device\xa2\0", b"device\xa3\0", b"source\xa1\0")

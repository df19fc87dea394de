"""The punches of one person in clusters, and a view that finds those of a date by looking near it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Final

from cloud.attendance.shapes import OFFSETS, SELF, Shapes
from cloud.rules.assign import Assigned
from cloud.rules.clusters import Cluster, Stamp
from cloud.rules.facts import PersonFacts, PunchClock, PunchFact
from cloud.rules.minutes import MS
from cloud.rules.view import View
from models.punch import Direction

_AT: Final = attrgetter("at_ms")
_OK: Final = PunchClock.OK
_NEVER: Final = -(1 << 60)


@dataclass(frozen=True, slots=True)
class Row:
    """Clusters in time order: the first instant of each, and its punches.

    ``odd``: instants of punches to be remarked on. ``merged``: some cluster has several punches.
    """

    firsts: list[int]
    groups: list[tuple[PunchFact, ...]]
    odd: list[int]
    merged: bool


def row_of(facts: PersonFacts, shapes: Shapes) -> Row | None:
    """The known punches in clusters (T4-T6, P2).

    None where only the engine knows: skewed or untrusted clocks, redelivery, equal instants.
    """
    known: list[PunchFact] = []
    as_of_ms = facts.as_of_ms
    for fact in facts.punches:
        if fact.skew_s or fact.clock is PunchClock.UNTRUSTED:
            return None
        received = fact.received_ms
        if (fact.at_ms if received is None else received) <= as_of_ms:
            known.append(fact)
    if _repeated(known):
        return None
    known.sort(key=_AT)
    firsts: list[int] = []
    groups: list[tuple[PunchFact, ...]] = []
    longest_ms, before_ms = shapes.longest_dup_ms, _NEVER
    for fact in known:
        at_ms = fact.at_ms
        gap_ms = at_ms - before_ms
        if gap_ms == 0:
            return None
        if gap_ms < longest_ms and gap_ms < shapes.dup_ms(at_ms):
            groups[-1] = (*groups[-1], fact)
        else:
            firsts.append(at_ms)
            groups.append((fact,))
        before_ms = at_ms
    return Row(firsts, groups, _odd(known, facts), merged=len(groups) < len(known))


def _repeated(facts: list[PunchFact]) -> bool:
    """Whether some number came twice (T6)."""
    if len({fact.seq for fact in facts}) == len(facts):
        return False
    numbers = [(fact.device, fact.epoch, fact.seq) for fact in facts if fact.seq is not None]
    return len(set(numbers)) != len(numbers)


def _odd(known: list[PunchFact], facts: PersonFacts) -> list[int]:
    """Instants of punches a day has to remark on, or cannot name: repaired, elsewhere, without a terminal."""
    home = facts.site
    travels = bool(facts.rules.travel_min)
    return [
        fact.at_ms
        for fact in known
        if fact.clock is not _OK
        or not fact.device
        or fact.method is None
        or (fact.site != home and fact.site is not None and (home is not None or travels))
    ]


def between(row: Row, start_ms: int, end_ms: int) -> range:
    """Numbers of the clusters from an instant on and before another."""
    start = bisect_left(row.firsts, start_ms)
    return range(start, bisect_left(row.firsts, end_ms, start))


def _cluster(row: Row, number: int) -> Cluster:
    """A cluster as the engine wants it."""
    group = row.groups[number]
    typed = next((fact.direction for fact in group if fact.direction is not Direction.NONE), Direction.NONE)
    stamps = tuple([Stamp(fact.at_ms, fact, fact.clock is PunchClock.REPAIRED) for fact in group])
    return Cluster(stamps, group[0].at_ms, group[-1].at_ms, typed)


class NearView(View):
    """The same answers as :class:`View`; all punches are walked only where windows compete for one."""

    def __init__(self, facts: PersonFacts, shapes: Shapes, row: Row | None) -> None:
        super().__init__(facts, shapes.plans, facts.as_of_ms)
        self._shapes = shapes
        self._row = row
        self._near: dict[date, Assigned] = {}

    @property
    def untrusted(self) -> frozenset[date]:
        """Attendance days of punches whose time cannot be trusted (T5)."""
        return super().untrusted if self._row is None else frozenset()

    def assigned(self, day: date) -> Assigned:
        """The clusters of a date (A2-A5)."""
        found = self._near.get(day)
        if found is None:
            row = self._row
            found = self._near[day] = (row and self._assigned_near(row, day)) or super().assigned(day)
        return found

    def _assigned_near(self, row: Row, day: date) -> Assigned | None:
        """The clusters in the windows of the date; None if one lies in two, or windows reach too far."""
        around = [self.plan(day + n) for n in OFFSETS]
        if not self._shapes.bounded(around):
            return None
        plan = around[SELF]
        low = min([plan.opens, *(i.opens for i in plan.instances)])
        high = max([plan.closes, *(i.closes for i in plan.instances)])
        others = [i for n, other in enumerate(around) if n != SELF for i in other.instances]
        others = [i for i in others if i.opens < high and low < i.closes]
        by_instance: tuple[list[Cluster], ...] = tuple([[] for _ in plan.instances])
        loose: list[Cluster] = []
        for number in between(row, low * MS, high * MS):
            minute = row.firsts[number] // MS
            holders = [n for n, i in enumerate(plan.instances) if i.opens <= minute < i.closes]
            elsewhere = any(i.opens <= minute < i.closes for i in others)
            if len(holders) + elsewhere > 1:
                return None
            if holders:
                by_instance[holders[0]].append(_cluster(row, number))
            elif not elsewhere and plan.opens <= minute < plan.closes:
                loose.append(_cluster(row, number))
        return Assigned(by_instance, tuple(loose))

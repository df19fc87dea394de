"""What the engine needs to judge one date: the punches in its windows, and all only where windows compete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property

from cloud.attendance.places import OFFSETS, SELF
from cloud.attendance.presses import CLOCK, REPAIRED, Clusters, Doors, Press, fact_of
from cloud.attendance.shapes import Shapes
from cloud.rules.assign import Assigned
from cloud.rules.clusters import Cluster, KnownPunches, Stamp, known_punches
from cloud.rules.facts import PersonFacts
from cloud.rules.minutes import MS
from cloud.rules.view import View
from models.punch import Direction


class NearView(View):
    """The same answers as :class:`View`.

    Args:
        presses: the punches; those of ``facts`` are not looked at.
        clusters: of the punches; None: only the engine can tell.
    """

    def __init__(
        self,
        facts: PersonFacts,
        shapes: Shapes,
        presses: Sequence[Press],
        doors: Doors,
        clusters: Clusters | None,
    ) -> None:
        super().__init__(facts, shapes.plans, facts.as_of_ms)
        self._shapes = shapes
        self._presses = presses
        self._doors = doors
        self._clusters = clusters
        self._near: dict[date, Assigned] = {}

    @cached_property
    def punches(self) -> KnownPunches:
        """The known punches, clustered (T4-T6, P2)."""
        facts = [fact_of(press, self._doors.sites) for press in self._presses]
        return known_punches(facts, self.plans, self.as_of_ms)

    @property
    def untrusted(self) -> frozenset[date]:
        """Attendance days of punches whose time cannot be trusted (T5)."""
        return super().untrusted if self._clusters is None else frozenset()

    def assigned(self, day: date) -> Assigned:
        """The clusters of a date (A2-A5)."""
        found = self._near.get(day)
        if found is None:
            clusters = self._clusters
            near = None if clusters is None else self._assigned_near(clusters, day)
            found = self._near[day] = near or super().assigned(day)
        return found

    def _assigned_near(self, clusters: Clusters, day: date) -> Assigned | None:
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
        for number in clusters.between(low * MS, high * MS):
            minute = clusters.firsts[number] // MS
            holders = [n for n, i in enumerate(plan.instances) if i.opens <= minute < i.closes]
            elsewhere = any(i.opens <= minute < i.closes for i in others)
            if len(holders) + elsewhere > 1:
                return None
            if holders:
                by_instance[holders[0]].append(self._cluster(clusters, number))
            elif not elsewhere and plan.opens <= minute < plan.closes:
                loose.append(self._cluster(clusters, number))
        return Assigned(by_instance, tuple(loose))

    def _cluster(self, clusters: Clusters, number: int) -> Cluster:
        """A cluster as the engine wants it."""
        group = clusters.group(number)
        facts = [fact_of(press, self._doors.sites) for press in group]
        typed = next(
            (fact.direction for fact in facts if fact.direction is not Direction.NONE), Direction.NONE
        )
        stamps = tuple(
            [
                Stamp(fact.at_ms, fact, press[2] // CLOCK == REPAIRED)
                for fact, press in zip(facts, group, strict=True)
            ]
        )
        return Cluster(stamps, group[0][0], group[-1][0], typed)

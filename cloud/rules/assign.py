"""Whose punch it is: clusters to instances and to units (A2-A6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from msgspec import Struct, field

from cloud.rules.clusters import Cluster
from cloud.rules.minutes import MS
from cloud.rules.plan import Instance, InstanceKind
from models.punch import Direction


class Seat(Struct):
    """A place that takes clusters: an instance or a unit.

    Attributes:
        trust: punches' directions count (policy ``direction``).
        took_in, took_out: already took a cluster of that side (A4).
    """

    start: int
    end: int
    trust: bool
    clusters: list[Cluster] = field(default_factory=list)
    took_in: bool = False
    took_out: bool = False

    def precedes_mid(self, at_ms: int) -> bool:
        """Whether an instant lies before the middle of the seat."""
        return at_ms * 2 < (self.start + self.end) * MS

    def take(self, cluster: Cluster) -> None:
        """Seat the cluster and remember its side."""
        self.clusters.append(cluster)
        if self.trust and cluster.typed is not Direction.NONE:
            is_in = cluster.typed is Direction.IN
        else:
            is_in = self.precedes_mid(cluster.first_ms)
        if is_in:
            self.took_in = True
        else:
            self.took_out = True


def choose(cluster: Cluster, seats: Sequence[Seat]) -> Seat:
    """The one of several seats, given in order, that takes the cluster (A4)."""
    at_ms = cluster.first_ms
    if seats[0].precedes_mid(at_ms):
        return seats[0]
    if not seats[-1].precedes_mid(at_ms):
        return seats[-1]
    index = next(i for i, seat in enumerate(seats) if seat.precedes_mid(at_ms))
    return _between(cluster, seats[index - 1], seats[index])


def _between(cluster: Cluster, earlier: Seat, later: Seat) -> Seat:
    if earlier.trust and cluster.typed is not Direction.NONE:
        return earlier if cluster.typed is Direction.OUT else later
    if earlier.took_in and not earlier.took_out:
        return earlier
    if earlier.took_out and not later.took_in:
        return later
    at_ms = cluster.first_ms
    to_end, to_start = abs(at_ms - earlier.end * MS), abs(at_ms - later.start * MS)
    return earlier if to_end <= to_start else later


class Place(Struct):
    """An instance of a date as a seat; ``index`` is its place among the instances of the date."""

    day: date
    index: int
    instance: Instance
    seat: Seat


class Assigned(Struct, frozen=True):
    """Clusters of a date.

    Attributes:
        by_instance: one list per instance, in order.
        loose: clusters of the attendance day that no window holds (A5).
    """

    by_instance: tuple[list[Cluster], ...] = ()
    loose: tuple[Cluster, ...] = ()

    def all(self) -> list[Cluster]:
        """Every cluster of the date, in time order."""
        if not self.loose and len(self.by_instance) == 1:
            return self.by_instance[0]
        found = [cluster for clusters in self.by_instance for cluster in clusters]
        found.extend(self.loose)
        return sorted(found, key=lambda cluster: cluster.first_ms)


def walk(clusters: Sequence[Cluster], places: Sequence[Place]) -> list[Cluster]:
    """Seat clusters, given in time order, in the windows that hold them; returns those left over (A2, A3)."""
    ordered = sorted(places, key=lambda p: p.instance.order)
    rank = {id(place): i for i, place in enumerate(ordered)}
    waiting = sorted(places, key=lambda p: p.instance.opens)
    opened: list[Place] = []
    left: list[Cluster] = []
    at = 0
    for cluster in clusters:
        minute = cluster.first_ms // MS
        while at < len(waiting) and waiting[at].instance.opens <= minute:
            opened.append(waiting[at])
            at += 1
        opened = [place for place in opened if minute < place.instance.closes]
        holders = [place for place in opened if place.instance.kind is not InstanceKind.FREE] or opened
        if not holders:
            left.append(cluster)
        elif len(holders) == 1:
            holders[0].seat.take(cluster)
        else:
            holders.sort(key=lambda place: rank[id(place)])
            choose(cluster, [place.seat for place in holders]).take(cluster)
    return left


def dates_around(day: date) -> tuple[date, ...]:
    """Dates whose windows can hold an instant of ``day``."""
    return tuple(day + timedelta(days=offset) for offset in (-2, -1, 0, 1))


def overtime_home(start: int, places: Sequence[tuple[date, int, Instance]]) -> tuple[date, int] | None:
    """The shift that overtime starting at that minute belongs to: its date and place; None: to none (A6)."""
    holders = [place for place in places if place[2].opens <= start < place[2].closes]
    if not holders:
        return None

    def distance(place: tuple[date, int, Instance]) -> tuple[int, tuple[int, int, str]]:
        instance = place[2]
        return (min(abs(start - instance.start), abs(start - instance.end)), instance.order)

    nearest = min(holders, key=distance)
    return nearest[0], nearest[1]

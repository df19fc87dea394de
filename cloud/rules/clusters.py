"""Punches with corrected instants, and the clusters they form (T4-T6, P2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from cloud.rules.facts import PunchClock, PunchFact
from cloud.rules.minutes import MS
from cloud.rules.plan import PlanBook
from models.punch import Direction

_SORT = {Direction.OUT: 0, Direction.NONE: 1, Direction.IN: 2}


class Stamp(Struct, frozen=True):
    """A punch at its corrected instant; ``repaired`` if its clock was wrong (T4)."""

    at_ms: int
    fact: PunchFact
    repaired: bool


class Cluster(Struct, frozen=True):
    """Punches that count as one (P2): as IN at ``first_ms``, as OUT at ``last_ms``.

    ``typed`` is the direction somebody gave, of the first punch that has one.
    """

    stamps: tuple[Stamp, ...]
    first_ms: int
    last_ms: int
    typed: Direction

    @property
    def first_fact(self) -> PunchFact:
        """The punch used when the cluster is an IN."""
        return self.stamps[0].fact

    @property
    def last_fact(self) -> PunchFact:
        """The punch used when the cluster is an OUT."""
        return self.stamps[-1].fact


class KnownPunches(Struct, frozen=True):
    """What is known of the punches at some instant.

    Attributes:
        clusters: in time order.
        untrusted: attendance days on which a punch without a trusted time was received (T5).
    """

    clusters: tuple[Cluster, ...]
    untrusted: frozenset[date]


def known_punches(punches: Iterable[PunchFact], plans: PlanBook, as_of_ms: int) -> KnownPunches:
    """The punches received by ``as_of_ms``, each numbered one once, clustered (T4-T6, P2)."""
    stamps: list[Stamp] = []
    untrusted: set[date] = set()
    for fact in _once(punches, plans, as_of_ms):
        stamp = _stamp(fact, plans)
        if fact.clock is PunchClock.UNTRUSTED:
            untrusted.add(plans.attendance_day(_received(fact, stamp.at_ms) // MS))
        else:
            stamps.append(stamp)
    stamps.sort(key=_order)
    return KnownPunches(tuple(_clusters(stamps, plans)), frozenset(untrusted))


def _received(fact: PunchFact, corrected_ms: int) -> int:
    return corrected_ms if fact.received_ms is None else fact.received_ms


def _once(punches: Iterable[PunchFact], plans: PlanBook, as_of_ms: int) -> Iterable[PunchFact]:
    """Known punches; of several with one number the one received first speaks, whatever their order (T6)."""
    numbered: dict[tuple[str, str, int], tuple[int, PunchFact]] = {}
    for fact in punches:
        received = fact.received_ms
        if received is None:
            received = _stamp(fact, plans).at_ms
        if received > as_of_ms:
            continue
        if fact.seq is None:
            yield fact
            continue
        key = (fact.device, fact.epoch, fact.seq)
        first = numbered.get(key)
        if first is None or (received, repr(fact)) < (first[0], repr(first[1])):
            numbered[key] = (received, fact)
    for _, fact in numbered.values():
        yield fact


def _stamp(fact: PunchFact, plans: PlanBook) -> Stamp:
    if fact.skew_s:
        policy = plans.policy(plans.zone.date_of(fact.at_ms // MS))
        if abs(fact.skew_s) > policy.clock_skew_s:
            return Stamp(fact.at_ms - round(fact.skew_s * 1000), fact, repaired=True)
    return Stamp(fact.at_ms, fact, fact.clock is PunchClock.REPAIRED)


def _order(stamp: Stamp) -> tuple[int, int, str, str, int, str]:
    fact = stamp.fact
    seq = -1 if fact.seq is None else fact.seq
    return (stamp.at_ms, _SORT[fact.direction], fact.device, fact.epoch, seq, fact.site or "")


def _clusters(stamps: list[Stamp], plans: PlanBook) -> Iterable[Cluster]:
    group: list[Stamp] = []
    typed = Direction.NONE
    for stamp in stamps:
        direction = stamp.fact.direction
        if group and not _joins(stamp, group[-1], typed, plans):
            yield Cluster(tuple(group), group[0].at_ms, group[-1].at_ms, typed)
            group, typed = [], Direction.NONE
        group.append(stamp)
        if typed is Direction.NONE:
            typed = direction
    if group:
        yield Cluster(tuple(group), group[0].at_ms, group[-1].at_ms, typed)


def _joins(stamp: Stamp, before: Stamp, typed: Direction, plans: PlanBook) -> bool:
    gap_ms = stamp.at_ms - before.at_ms
    policy = plans.policy(plans.zone.date_of(stamp.at_ms // MS))
    if gap_ms >= policy.dup_window_s * 1000:
        return False
    direction = stamp.fact.direction
    opposite = Direction.NONE not in {typed, direction} and typed is not direction
    return not (opposite and policy.direction == "trust")

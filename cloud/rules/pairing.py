"""Clusters of a unit to IN, OUT and pairs (P3-P7), and corrections of the edges (C1, C2)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from cloud.rules.clusters import Cluster
from cloud.rules.minutes import MS
from cloud.rules.policy import Policy
from models.attendance import Flag
from models.office import OfficeRecord
from models.punch import Direction

MsSpan = tuple[int, int]
Evidence = Cluster | OfficeRecord


class Pairing(Struct):
    """What proves presence.

    Attributes:
        in_ms, out_ms: first opening and last closing; None: not known.
        in_by, out_by: the cluster or correction they come from.
        pairs: spans of instants between an IN and its OUT.
        open_ms: an opening left without closing although there are more punches (P6): OUT is missing.
        outs: clusters on the OUT side, for A7.
        flags: what was noticed on the way.
    """

    in_ms: int | None = None
    out_ms: int | None = None
    in_by: Evidence | None = None
    out_by: Evidence | None = None
    pairs: list[MsSpan] = field(default_factory=list)
    open_ms: int | None = None
    outs: list[Cluster] = field(default_factory=list)
    flags: set[Flag] = field(default_factory=set)

    def direction_overridden(self) -> bool:
        """Whether the IN was typed out or the OUT typed in (P4)."""
        return (isinstance(self.in_by, Cluster) and self.in_by.first_fact.direction is Direction.OUT) or (
            isinstance(self.out_by, Cluster) and self.out_by.last_fact.direction is Direction.IN
        )


class Rules(Struct, frozen=True):
    """What pairing needs to know of the policy and the unit.

    Attributes:
        first: first minute of the unit; None without a unit.
        mid2: twice the middle of the unit.
    """

    policy: Policy
    first: int | None = None
    mid2: int = 0

    @property
    def trust(self) -> bool:
        """Whether typed directions count."""
        return self.policy.direction == "trust"

    def too_long(self, start_ms: int, end_ms: int) -> bool:
        """Whether a pair would be longer than allowed (P7)."""
        return end_ms - start_ms > self.policy.max_shift_min * MS


def pair(clusters: Sequence[Cluster], rules: Rules) -> Pairing:
    """IN, OUT and pairs of the clusters of a unit, or of a window or day off without one."""
    if not clusters:
        return Pairing()
    if rules.policy.pairing == "alternate" and len(clusters) > 1:
        return _alternate(clusters, rules)
    ins, outs = _sides(clusters, rules)
    return _first_last(ins, outs, rules)


def pair_free(clusters: Sequence[Cluster], rules: Rules) -> Pairing:
    """First punch IN, last OUT; a lone one is OUT from the middle on (D10)."""
    if not clusters:
        return Pairing()
    if len(clusters) == 1 and rules.first is not None and not _precedes(clusters[0], rules.mid2):
        return _first_last([], list(clusters), rules)
    return _first_last([clusters[0]], list(clusters[1:]), rules)


def _precedes(cluster: Cluster, mid2: int) -> bool:
    return cluster.first_ms * 2 < mid2 * MS


def _sides(clusters: Sequence[Cluster], rules: Rules) -> tuple[list[Cluster], list[Cluster]]:
    """The clusters of the IN side and of the OUT side (P3)."""
    ins: list[Cluster] = []
    outs: list[Cluster] = []
    for index, cluster in enumerate(clusters):
        if rules.trust and cluster.typed is not Direction.NONE:
            is_in = cluster.typed is Direction.IN
        elif rules.first is None:
            # Without a unit first and last pair (P9): the earliest that is no OUT opens.
            is_in = not ins
        elif rules.policy.out_from == "start" and len(clusters) > 1:
            is_in = index == 0 or cluster.first_ms < rules.first * MS
        else:
            is_in = _precedes(cluster, rules.mid2)
        (ins if is_in else outs).append(cluster)
    return ins, outs


def _first_last(ins: list[Cluster], outs: list[Cluster], rules: Rules) -> Pairing:
    """Earliest IN, latest OUT after it that is not too far (P5, P7)."""
    found = Pairing(outs=outs)
    if not ins:
        if outs:
            found.out_by, found.out_ms = outs[-1], outs[-1].last_ms
        return found
    opening = ins[0]
    found.in_by, found.in_ms = opening, opening.first_ms
    for closing in reversed(outs):
        if closing.last_ms <= opening.first_ms:
            if rules.trust:
                found.flags.add(Flag.STRAY_PUNCH)
        elif found.out_by is not None:
            continue
        elif rules.too_long(opening.first_ms, closing.last_ms):
            found.flags.add(Flag.OVER_MAX_SHIFT)
        else:
            found.out_by, found.out_ms = closing, closing.last_ms
            found.pairs.append((opening.first_ms, closing.last_ms))
    return found


def _alternate(clusters: Sequence[Cluster], rules: Rules) -> Pairing:
    """Openings and closings in turn (P6, P7)."""
    found = Pairing()
    opening: Cluster | None = None
    first: Cluster | None = None
    for cluster in clusters:
        if opening is None:
            if rules.trust and cluster.typed is Direction.OUT:
                found.flags.add(Flag.STRAY_PUNCH)
            else:
                opening = cluster
        elif rules.trust and cluster.typed is Direction.IN:
            found.flags.add(Flag.STRAY_PUNCH)
        elif rules.too_long(opening.first_ms, cluster.last_ms):
            found.flags.add(Flag.OVER_MAX_SHIFT)
            opening = None
        else:
            first = first or opening
            found.pairs.append((opening.first_ms, cluster.last_ms))
            found.outs.append(cluster)
            found.out_by, found.out_ms = cluster, cluster.last_ms
            opening = None
    if opening is not None and rules.first is None:
        found.flags.add(Flag.STRAY_PUNCH)
        opening = None
    if opening is not None:
        found.open_ms = opening.first_ms
        first = first or opening
    if first is not None:
        found.in_by, found.in_ms = first, first.first_ms
    return found


def share_in(pairing: Pairing, cluster: Cluster, rules: Rules) -> Pairing:
    """The pairing with the OUT of the instance before as its IN (A7)."""
    found = _first_last([cluster], pairing.outs, rules)
    found.flags |= pairing.flags | {Flag.SHARED_PUNCH}
    return found


def correct(pairing: Pairing, side: str, at_ms: int, record: OfficeRecord) -> bool:
    """Set one edge; False if IN would not come before OUT (C2): then nothing changes."""
    if side == "in":
        return _correct_in(pairing, at_ms, record)
    return _correct_out(pairing, at_ms, record)


def _correct_in(pairing: Pairing, at_ms: int, record: OfficeRecord) -> bool:
    if pairing.out_ms is not None and at_ms >= pairing.out_ms:
        return False
    pairing.in_ms, pairing.in_by = at_ms, record
    if pairing.pairs:
        rest = [p for p in pairing.pairs if p[1] > at_ms]
        rest[0] = (at_ms, rest[0][1])
        pairing.pairs = rest
    elif pairing.open_ms is not None:
        pairing.open_ms = at_ms
    elif pairing.out_ms is not None:
        pairing.pairs = [(at_ms, pairing.out_ms)]
    return True


def _correct_out(pairing: Pairing, at_ms: int, record: OfficeRecord) -> bool:
    if pairing.in_ms is not None and pairing.in_ms >= at_ms:
        return False
    pairing.out_ms, pairing.out_by = at_ms, record
    if pairing.open_ms is not None and pairing.open_ms < at_ms:
        pairing.pairs.append((pairing.open_ms, at_ms))
    elif pairing.pairs:
        rest = [p for p in pairing.pairs if p[0] < at_ms]
        rest[-1] = (rest[-1][0], at_ms)
        pairing.pairs = rest
    elif pairing.in_ms is not None:
        pairing.pairs = [(pairing.in_ms, at_ms)]
    pairing.open_ms = None
    return True

"""Steps 4 to 7 of a date: claims, flex, units, roles of the clusters, corrections.

Rules J, D7, P1, J8, A4, A7, C1-C3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise

from msgspec import Struct, field

from cloud.rules import minutes
from cloud.rules.assign import Seat, choose
from cloud.rules.claims import Claims, claim
from cloud.rules.clusters import Cluster
from cloud.rules.minutes import MS, Minutes
from cloud.rules.pairing import MsSpan, Pairing, Rules, correct, pair, pair_free, share_in
from cloud.rules.plan import ONE_DAY, DayPlan, Instance, InstanceKind
from cloud.rules.policy import Policy
from cloud.rules.view import View
from models.attendance import Duty, Flag
from models.office import CorrectionBody, OfficeRecord


class Unit(Struct):
    """The part of the residual judged with one IN and one OUT (P1).

    Attributes:
        in_waived, out_waived: that end needs no punch (J8).
        bare: no cluster, correction or shared punch (L5).
    """

    minutes: Minutes
    seat: Seat
    pairing: Pairing = field(default_factory=Pairing)
    in_waived: bool = False
    out_waived: bool = False
    corrected: bool = False

    @property
    def first(self) -> int:
        """First minute: the expected IN (J4)."""
        return self.minutes[0][0]

    @property
    def end(self) -> int:
        """End of the last minute: the expected OUT (J4)."""
        return self.minutes[-1][1]

    @property
    def bare(self) -> bool:
        """Nothing speaks for the unit."""
        return not (self.seat.clusters or self.corrected or self.pairing.flags)


class InstanceRoles(Struct):
    """An instance with its clusters in their roles.

    Attributes:
        units: of a shift with fixed hours, in order.
        whole: free hours, or a window without units; None where units are.
        residual: of this instance.
    """

    instance: Instance
    clusters: list[Cluster]
    residual: Minutes
    units: list[Unit] = field(default_factory=list)
    whole: Pairing | None = None

    def pairings(self) -> list[Pairing]:
        """Every pairing of the instance."""
        return [unit.pairing for unit in self.units] if self.whole is None else [self.whole]

    def in_ms(self) -> int | None:
        """Earliest IN."""
        return min((p.in_ms for p in self.pairings() if p.in_ms is not None), default=None)

    def out_ms(self) -> int | None:
        """Latest OUT."""
        return max((p.out_ms for p in self.pairings() if p.out_ms is not None), default=None)


class Correction(Struct, frozen=True):
    """A correction that was applied."""

    record: OfficeRecord
    submitted: date | None


class DayRoles(Struct):
    """A date after step 7, on the moved plan."""

    plan: DayPlan
    claims: Claims
    residual: Minutes
    instances: list[InstanceRoles]
    corrections: list[Correction] = field(default_factory=list)
    refused: list[OfficeRecord] = field(default_factory=list)
    repeated: list[OfficeRecord] = field(default_factory=list)
    loose: Pairing | None = None
    delta: dict[str, int] = field(default_factory=dict)

    def pairs(self) -> list[tuple[MsSpan, bool]]:
        """Every pair of the date, and whether it is of free hours."""
        found = [
            (span, roles.instance.kind is InstanceKind.FREE)
            for roles in self.instances
            for pairing in roles.pairings()
            for span in pairing.pairs
        ]
        if self.loose is not None:
            found.extend((span, False) for span in self.loose.pairs)
        return found

    def pairings(self) -> list[Pairing]:
        """Every pairing of the date."""
        found = [pairing for roles in self.instances for pairing in roles.pairings()]
        return found if self.loose is None else [*found, self.loose]


RolesOf = Callable[[date], DayRoles]


def day_roles(view: View, day: date, roles_of: RolesOf) -> DayRoles:
    """Roles of a date; ``roles_of`` gives those of earlier dates where a rule needs them."""
    plan = view.plan(day)
    found = _build(view, plan, roles_of)
    if plan.flexible and plan.duty is Duty.DUE:
        moved, delta = _flex(plan, found)
        if delta:
            found = _build(view, moved, roles_of)
            found.delta = delta
    if not plan.instances and plan.duty is not Duty.NOT_EMPLOYED:
        loose = view.assigned(day).loose
        if len(loose) > 1:
            found.loose = pair(loose, Rules(plan.policy))
    return found


def _flex(plan: DayPlan, roles: DayRoles) -> tuple[DayPlan, dict[str, int]]:
    """The plan moved by the IN of each flexible shift whose first minute is residual (D7)."""
    delta: dict[str, int] = {}
    instances: list[Instance] = []
    for item in roles.instances:
        instance, shift = item.instance, item.instance.shift
        if shift is not None and item.units and item.units[0].first == instance.start:
            in_ms = item.units[0].pairing.in_ms
            if in_ms is not None:
                came = in_ms // MS - instance.start
                moved = min(max(came, -shift.flex_early_min), shift.flex_late_min)
                if moved:
                    delta[instance.name] = moved
                    instance = instance.moved(moved)
        instances.append(instance)
    return plan.with_instances(tuple(instances)), delta


def _build(view: View, plan: DayPlan, roles_of: RolesOf) -> DayRoles:
    records = view.records
    if records.claims:
        claims = claim(plan, records.claims, view.plans.rules.natural_leave_types)
        residual = minutes.subtract(plan.required, claims.covered)
    else:
        claims, residual = Claims(), plan.required
    assigned = view.assigned(plan.day).by_instance
    found = DayRoles(plan, claims, residual, [])
    for index, instance in enumerate(plan.instances):
        clusters = assigned[index] if index < len(assigned) else []
        found.instances.append(_instance_roles(plan, instance, clusters, found))
    if plan.policy.shared_punch:
        _share(view, found, roles_of)
    if records.corrections:
        for record in records.corrections.get(plan.day, ()):
            _apply(found, record)
    return found


def _instance_roles(
    plan: DayPlan, instance: Instance, clusters: list[Cluster], day: DayRoles
) -> InstanceRoles:
    policy = plan.policy
    residual = _own_residual(plan, instance, day.residual)
    found = InstanceRoles(instance, clusters, residual)
    if instance.kind is InstanceKind.FREE:
        # Free hours have no units: the middle is that of the instance.
        first = instance.start if residual else None
        found.whole = pair_free(clusters, Rules(policy, first, instance.mid2))
        return found
    if not residual:
        found.whole = pair(clusters, Rules(policy))
        return found
    found.units = _units(policy, instance, residual, day.claims)
    _seat(found.units, clusters)
    for unit in found.units:
        rules = Rules(policy, unit.first, unit.first + unit.end)
        unit.pairing = pair(unit.seat.clusters, rules)
    _waive(plan, instance, found.units, day.claims)
    return found


def _own_residual(plan: DayPlan, instance: Instance, residual: Minutes) -> Minutes:
    if not residual or len(plan.instances) == 1:
        return residual
    return minutes.intersect(residual, instance.required)


def _units(policy: Policy, instance: Instance, residual: Minutes, claims: Claims) -> list[Unit]:
    """The residual, cut at segments and around leave as the policy asks (P1)."""
    parts = [residual]
    if policy.punch_per_segment:
        parts = [minutes.clip(residual, start, end) for start, end in instance.segments]
    if policy.punch_at_leave_edges and claims.leave:
        parts = [piece for part in parts for piece in _cut_at_leave(part, claims.leave)]
    trust = policy.direction == "trust"
    return [Unit(part, Seat(part[0][0], part[-1][1], trust)) for part in parts if part]


def _cut_at_leave(part: Minutes, leave: Minutes) -> list[Minutes]:
    if not part:
        return []
    pieces: list[list[minutes.Span]] = [[part[0]]]
    for before, after in pairwise(part):
        if minutes.clip(leave, before[1], after[0]):
            pieces.append([])
        pieces[-1].append(after)
    return [tuple(piece) for piece in pieces]


def _seat(units: list[Unit], clusters: Sequence[Cluster]) -> None:
    """Clusters of a shift to its units (A4)."""
    seats = [unit.seat for unit in units]
    if len(seats) == 1:
        seats[0].clusters.extend(clusters)
        return
    for cluster in clusters:
        choose(cluster, seats).take(cluster)


def _waive(plan: DayPlan, instance: Instance, units: list[Unit], claims: Claims) -> None:
    """Ends that need no punch: beside a trip or outing, or by the shift (J8)."""
    shift = instance.shift
    if shift is not None:
        units[0].in_waived = not shift.in_punch
        units[-1].out_waived = not shift.out_punch
    if plan.policy.trip_edge_punch != "waived" or not (claims.trip or claims.outing):
        return
    away = claims.away
    required = minutes.intersect(plan.required, instance.required)
    for unit in units:
        earlier = minutes.before(required, unit.first)
        if earlier and minutes.clip(away, earlier[-1][1] - 1, earlier[-1][1]):
            unit.in_waived = True
        later = minutes.since(required, unit.end)
        if later and minutes.clip(away, later[0][0], later[0][0] + 1):
            unit.out_waived = True


def _share(view: View, day: DayRoles, roles_of: RolesOf) -> None:
    """The OUT of the instance before as IN of a first unit that has none (A7)."""
    for index, roles in enumerate(day.instances):
        if not roles.units or roles.units[0].pairing.in_ms is not None:
            continue
        instance = roles.instance
        before = day.instances[index - 1] if index else _last_before(view, day.plan.day, instance, roles_of)
        shared = [] if before is None else [c for c in _took_out(before) if _may_share(c, instance)]
        if shared:
            unit, latest = roles.units[0], max(shared, key=lambda c: c.first_ms)
            unit.pairing = share_in(unit.pairing, latest, Rules(day.plan.policy))


def _may_share(cluster: Cluster, instance: Instance) -> bool:
    """Whether a cluster lies in the window of an instance and before its middle, which the window holds."""
    return instance.opens * MS <= cluster.first_ms and cluster.first_ms * 2 < instance.mid2 * MS


def _last_before(view: View, day: date, instance: Instance, roles_of: RolesOf) -> InstanceRoles | None:
    """The last instance of the two dates before, if a cluster of it could be shared.

    A window reaches no further. Asking for its roles only then keeps a row of dates without any IN from
    asking each other back to the beginning of time.
    """
    for earlier in (day - ONE_DAY, day - 2 * ONE_DAY):
        if view.plan(earlier).instances:
            assigned = view.assigned(earlier).by_instance
            if assigned and any(_may_share(cluster, instance) for cluster in assigned[-1]):
                return roles_of(earlier).instances[-1]
            return None
    return None


def _took_out(roles: InstanceRoles) -> list[Cluster]:
    if roles.units:
        return [cluster for unit in roles.units for cluster in unit.pairing.outs]
    return [c for c in roles.clusters if c.first_ms * 2 >= roles.instance.mid2 * MS]


class _Edge(Struct, frozen=True):
    """An edge a correction can set."""

    at: int
    pairing: Pairing
    unit: Unit | None


def _apply(day: DayRoles, record: OfficeRecord) -> None:
    """Set the nearest edge, unless it has a correction already or IN would not precede OUT (C1-C3)."""
    body = record.body
    if not isinstance(body, CorrectionBody):
        return
    edges = _edges(day, body.side, body.shift)
    if not edges:
        return
    edge = min(edges, key=lambda e: (abs(body.at_ms - e.at * MS), e.at))
    held = edge.pairing.in_by if body.side == "in" else edge.pairing.out_by
    if isinstance(held, OfficeRecord):
        day.repeated.append(record)
    elif correct(edge.pairing, body.side, body.at_ms, record):
        day.corrections.append(Correction(record, body.submitted))
        if edge.unit is not None:
            edge.unit.corrected = True
    else:
        day.refused.append(record)


def _edges(day: DayRoles, side: str, shift: str | None) -> list[_Edge]:
    found: list[_Edge] = []
    for roles in day.instances:
        instance = roles.instance
        if shift is not None and shift != instance.name:
            continue
        if roles.whole is not None:
            found.append(_Edge(instance.start if side == "in" else instance.end, roles.whole, None))
        found.extend(_Edge(u.first if side == "in" else u.end, u.pairing, u) for u in roles.units)
    return found


def flags_of(day: DayRoles) -> set[Flag]:
    """What claims and pairings leave on the day."""
    found: set[Flag] = set()
    auto = day.plan.policy.direction == "auto"
    for pairing in day.pairings():
        found |= pairing.flags
        if auto and pairing.direction_overridden():
            found.add(Flag.DIRECTION_OVERRIDDEN)
    if day.claims.conflict:
        found.add(Flag.CONFLICT)
    return found

"""What leave, trips and outings take of a day, and what they keep from overtime (J5-J10)."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from msgspec import Struct, field

from cloud.rules import minutes
from cloud.rules.minutes import NONE, Minutes
from cloud.rules.plan import DayPlan
from cloud.rules.records import BOTH, halves_on, hour_minutes
from models.attendance import Duty
from models.office import DateSpan, Half, OfficeRecord, RecordKind

HALF = Fraction(1, 2)


class Claim(Struct, frozen=True):
    """What one record won on a date."""

    record: OfficeRecord
    won: Minutes
    won_min: int
    days: Fraction


class Claims(Struct):
    """What all records won on a date.

    Attributes:
        covered: minutes with an owner.
        away: those of trips and outings.
        conflict: some minute was asked twice (J9).
    """

    claims: list[Claim] = field(default_factory=list)
    covered: Minutes = NONE
    leave: Minutes = NONE
    trip: Minutes = NONE
    outing: Minutes = NONE
    conflict: bool = False
    leave_min: dict[str, int] = field(default_factory=dict)
    leave_days: dict[str, Fraction] = field(default_factory=dict)
    trip_min: int = 0
    trip_days: Fraction = Fraction(0)
    outing_min: int = 0

    @property
    def away(self) -> Minutes:
        """Minutes of trips and outings."""
        return minutes.union(self.trip, self.outing)

    @property
    def days(self) -> Fraction:
        """Days of leave and trips together."""
        return sum(self.leave_days.values(), self.trip_days)

    def add(self, claim: Claim) -> None:
        """Book what a record won."""
        kind, name = claim.record.kind, claim.record.leave_type or ""
        self.claims.append(claim)
        if kind is RecordKind.LEAVE:
            self.leave = minutes.union(self.leave, claim.won)
            self.leave_min[name] = self.leave_min.get(name, 0) + claim.won_min
            self.leave_days[name] = self.leave_days.get(name, Fraction(0)) + claim.days
        elif kind is RecordKind.TRIP:
            self.trip = minutes.union(self.trip, claim.won)
            self.trip_min += claim.won_min
            self.trip_days += claim.days
        else:
            self.outing = minutes.union(self.outing, claim.won)
            self.outing_min += claim.won_min


def claim(plan: DayPlan, records: Iterable[OfficeRecord], natural: frozenset[str]) -> Claims:
    """The claims of records, given in the order of J9; ``natural`` leave types count on days off."""
    found = Claims()
    if plan.duty is Duty.OFF:
        _claim_day_off(found, plan, records, natural)
    elif plan.required:
        for record in records:
            _claim_minutes(found, plan, record)
    return found


def _claim_minutes(found: Claims, plan: DayPlan, record: OfficeRecord) -> None:
    halves = halves_on(record, plan.day)
    if isinstance(record.body, DateSpan):
        if not halves:
            return
        asked = _asked_halves(plan, halves)
    else:
        asked = minutes.intersect(plan.required, hour_minutes(record))
    if not asked:
        return
    won = minutes.subtract(asked, found.covered)
    if won != asked:
        found.conflict = True
    won_min = minutes.count(won)
    if not won_min:
        return
    days = _half_days(plan, halves, won) if halves else Fraction(won_min, plan.full)
    found.covered = minutes.union(found.covered, asked)
    found.add(Claim(record, won, won_min, days))


def _asked_halves(plan: DayPlan, halves: frozenset[Half]) -> Minutes:
    if halves == BOTH:
        return plan.required
    (half,) = halves
    return minutes.intersect(plan.required, plan.halves[half])


def _half_days(plan: DayPlan, halves: frozenset[Half], won: Minutes) -> Fraction:
    """Half a day per half in which required minutes are asked, in the share won (J6)."""
    days = Fraction(0)
    for half in halves:
        asked = minutes.intersect(plan.required, plan.halves[half])
        asked_min = minutes.count(asked)
        if asked_min:
            days += Fraction(minutes.count(minutes.intersect(won, asked)), 2 * asked_min)
    return days


def _claim_day_off(
    found: Claims, plan: DayPlan, records: Iterable[OfficeRecord], natural: frozenset[str]
) -> None:
    """Leave of natural types: half a day per half, each half once (J7)."""
    taken: set[Half] = set()
    for record in records:
        if record.kind is not RecordKind.LEAVE or record.leave_type not in natural:
            continue
        halves = halves_on(record, plan.day)
        if halves & taken:
            found.conflict = True
        won = halves - taken
        if won:
            found.add(Claim(record, NONE, 0, HALF * len(won)))
        taken |= halves


def overtime_losses(plan: DayPlan, records: Iterable[OfficeRecord]) -> Minutes:
    """Minutes that no overtime gets because another record has them (J9)."""
    lost: list[minutes.Span] = []
    for record in records:
        if plan.policy.overtime_on_trip and record.kind is not RecordKind.LEAVE:
            continue
        if not isinstance(record.body, DateSpan):
            lost.extend(hour_minutes(record))
        elif plan.duty is Duty.OFF and halves_on(record, plan.day):
            lost.append((plan.opens, plan.closes))
    return minutes.normalise(lost)


def touches(plan: DayPlan, record: OfficeRecord) -> bool:
    """Whether a leave, trip, outing or overtime touches the date (J2)."""
    if isinstance(record.body, DateSpan):
        return bool(halves_on(record, plan.day))
    on_clock = hour_minutes(record)
    if record.kind is RecordKind.OVERTIME and plan.shifts:
        return any(minutes.clip(on_clock, shift.opens, shift.closes) for shift in plan.shifts)
    if plan.required:
        return bool(minutes.intersect(plan.required, on_clock))
    return bool(minutes.clip(on_clock, plan.opens, plan.closes))

"""What a date asks, put so that dates and people who are asked the same have the same question.

A :class:`Place` is one date among its neighbours; its :class:`Shape` says the same in minutes after local
midnight, so that all plain Tuesdays of a firm share one, and with it the answers that the rules engine has
given: :mod:`cloud.attendance.answers`. Nothing here judges; where a rule could reach beyond what a shape
says, there is no shape, and the engine is asked about that very day.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from cloud.attendance.answers import DATES, Answer, Question, dates_around
from cloud.rules import minutes
from cloud.rules.localtime import DAY_MIN, EPOCH_ORDINAL
from cloud.rules.minutes import MS, Minutes, Span
from cloud.rules.plan import DayPlan, Instance, InstanceKind, PlanBook
from cloud.rules.policy import Policy
from models.attendance import Duty

OFFSETS: Final = tuple(timedelta(days=days) for days in (-3, -2, -1, 0, 1, 2))
"""Dates whose windows can hold a punch of the date in the middle; see :func:`_bounded`."""
SELF: Final = 3
_REACH: Final = range(-1, 4)
_DATED: Final = re.compile(r"\d\d-\d\d ")

Plans = tuple[DayPlan, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit of the shift, judged with one IN and one OUT (P1): minutes after midnight.

    Attributes:
        mid2_ms: twice its middle, ms after midnight.
        any_in: up to this minute it does not matter when the IN was; any_out: from this one on the OUT.
    """

    first: int
    end: int
    mid2_ms: int
    any_in: int
    any_out: int


@dataclass(frozen=True, slots=True)
class Hours:
    """One due shift whose punches come down to an IN and an OUT a unit.

    Attributes:
        free: free hours: the first punch is the IN, the last the OUT (D10).
        any_place: of free hours, only the length of the stay matters.
        early_counts: time before the hours may count as overtime.
        flex: how far the hours may move with the IN, earlier and later (D7).
        unpaid: spans without presence (P9), ms after midnight.
        closes_ms: where punches stop being plainly of this date, ms after midnight.
        longest_ms: what a pair may last (P7).
    """

    pieces: tuple[Piece, ...]
    free: bool
    any_place: bool
    early_counts: bool
    flex: tuple[int, int]
    unpaid: tuple[Span, ...]
    closes_ms: int
    longest_ms: int

    def moved_min(self, came: int) -> int:
        """By how much an IN at that minute moves the hours (D7)."""
        early, late = self.flex
        return min(max(came - self.pieces[0].first, -early), late) if early or late else 0


@dataclass(slots=True)
class Shape:
    """A question but for the punches.

    Attributes:
        on_time: the edges of a day on which nobody is late or leaves early, if how late somebody came and how
            long they stayed have nothing to do with each other.
        answers: to the questions asked so far, None where none can be shared.
    """

    hours: Hours | None
    on_time: tuple[int, ...] | None
    answers: dict[Question, Answer | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """A date for everybody with the same plans around it. Instants in ms since 1970.

    Attributes:
        low_ms, high_ms: attendance day and own windows together: punches elsewhere do not concern the date.
        own: windows of its instances; others: those of neighbours that reach into ``low_ms`` to ``high_ms``.
        settles_ms: end of its last window (S1); None: nobody waits for it.
        head: the stored day up to its date; iso, dates: the day before, the date and the two after, as they
            begin ISO times and, by number, clock times of another date; offset: how ISO times end.
    """

    day: date
    around: Plans
    shape: Shape
    midnight_ms: int
    low_ms: int
    high_ms: int
    own: tuple[Span, ...]
    others: tuple[Span, ...]
    settles_ms: int | None
    head: bytes
    iso: tuple[bytes, ...]
    dates: dict[int, bytes]
    offset: bytes

    @property
    def plan(self) -> DayPlan:
        """The plan of the date itself."""
        return self.around[SELF]


class Shapes:
    """Places and shapes of one rule set, kept with its plans."""

    def __init__(self, plans: PlanBook) -> None:
        self.plans = plans
        policies = [version.policy for version in plans.rules.policies]
        self.usable = not any(_chained(policy) for policy in policies)
        self.counts_month = any(_counting(policy) for policy in policies)
        self.longest_dup_ms = max(policy.dup_window_s for policy in policies) * 1000
        names = [*plans.rules.shifts, *(name for policy in policies for name in policy.named.values())]
        self._named_like_dates = any(_DATED.match(name) for name in names)
        self.checked: set[tuple[date, date]] = set()
        """Dates whose planned hours do not overlap for those of ``common`` (V3)."""
        self._common: dict[date, Place | None] = {}
        self._around: dict[tuple[int, ...], Place | None] = {}
        self._overtime: dict[tuple[object, ...], Place | None] = {}
        self._shapes: dict[tuple[object, ...], Shape] = {}

    def common(self, day: date) -> Place | None:
        """The place for everybody of whom no roster, hiring or exemption speaks."""
        if day not in self._common:
            self._common[day] = self.around(
                tuple([self.plans.day(day + n, None, exempt=False, employed=True) for n in OFFSETS])
            )
        return self._common[day]

    def around(self, around: Plans) -> Place | None:
        """The place in the middle of plans that the rule set made; None: there is no shape for it."""
        # Plans of the book live as long as it: their identity stands for them.
        key = tuple([id(plan) for plan in around])
        if key not in self._around:
            self._around[key] = self._place(around)
        return self._around[key]

    def with_overtime(self, place: Place, plan: DayPlan) -> Place | None:
        """The place if its plan were ``plan``, which differs in overtime alone."""
        asked = tuple([(i.kind, i.opens, i.closes, i.overtime) for i in plan.instances])
        key = (id(place), asked)
        if key not in self._overtime:
            around = (*place.around[:SELF], plan, *place.around[SELF + 1 :])
            self._overtime[key] = self._place(around)
        return self._overtime[key]

    def bounded(self, around: Sequence[DayPlan]) -> bool:
        """Whether the windows of these dates are all that can hold a punch of the one in the middle."""
        return all(_bounded(plan, self.plans) for plan in around)

    def dup_ms(self, at_ms: int) -> int:
        """How near to the one before a punch at that instant is its double (P2)."""
        return self.plans.policy(self.plans.zone.date_of(at_ms // MS)).dup_window_s * 1000

    def _place(self, around: Plans) -> Place | None:
        plan, zone = around[SELF], self.plans.zone
        ordinal = plan.day.toordinal()
        midnights = [zone.midnight(ordinal + days) for days in _REACH]
        midnight = midnights[1]
        even = all(midnights[n + 1] - midnights[n] == DAY_MIN for n in range(len(midnights) - 1))
        if not (even and plan.zone is zone and self.bounded(around)):
            return None
        own = _windows(plan)
        low = min([plan.opens, *(opens for opens, _ in own)])
        high = max([plan.closes, *(closes for _, closes in own)])
        others = tuple(
            [
                (opens, closes)
                for place, other in enumerate(around)
                if place != SELF
                for opens, closes in _windows(other)
                if opens < high and closes > low
            ]
        )
        days = [date.fromordinal(ordinal + days).isoformat() for days in _REACH[:-1]]
        offset = (ordinal - EPOCH_ORDINAL) * DAY_MIN - midnight
        return Place(
            day=plan.day,
            around=around,
            shape=self._shape(around, midnight, (low, high), others),
            midnight_ms=midnight * MS,
            low_ms=low * MS,
            high_ms=high * MS,
            own=_in_ms(own),
            others=_in_ms(others),
            settles_ms=None if plan.duty is Duty.NOT_EMPLOYED else plan.window_end * MS,
            head=b"\xdc\x00\x1f\xaa" + days[1].encode(),
            iso=tuple([b"\xb9%sT" % day.encode() for day in days]),
            dates={DATES - number: text for number, text in enumerate(dates_around(plan.day))},
            offset=_offset(offset),
        )

    def _shape(self, around: Plans, midnight: int, reach: Span, others: Minutes) -> Shape:
        """The shape that all dates share of which, seen from their midnight, everything in reach is alike."""
        plan = around[SELF]
        crowd = _crowd(around)
        zone = self.plans.zone
        first, last = zone.ordinal_of(reach[0]), zone.ordinal_of(reach[1])
        key = (
            id(plan.policy),
            plan.duty,
            plan.half,
            None if plan.why is None else (plan.why.code, *plan.why.args.items()),
            plan.opens - midnight,
            plan.closes - midnight,
            (plan.day.toordinal() - EPOCH_ORDINAL) * DAY_MIN - midnight,
            tuple([_seen_from(midnight, instance) for instance in plan.instances]),
            _moved(others, midnight),
            _moved(crowd, midnight),
            tuple([one.day_type for one in around if first <= one.day.toordinal() <= last]),
            # With names like dates, the dates in an answer cannot be told from them.
            plan.day if self._named_like_dates else None,
        )
        found = self._shapes.get(key)
        if found is None:
            found = self._shapes[key] = _shape_of(around, midnight, crowd)
        return found


def _chained(policy: Policy) -> bool:
    """Whether what somebody did days ago, or a typed direction, may decide whose a punch is."""
    return policy.direction == "trust" or policy.shared_punch or bool(policy.late_off_late_on)


def _counting(policy: Policy) -> bool:
    """Whether a month counts lates or corrections (L9, C4)."""
    limits = (policy.correction_limit, policy.correction_max_age_days)
    return bool(policy.free_lates) or limits != (None, None)


def _bounded(plan: DayPlan, plans: PlanBook) -> bool:
    """Whether no window of the date leaves the three days around it.

    Then the windows at ``OFFSETS`` are exactly those that walking would try for each punch.
    """
    ordinal = plan.day.toordinal()
    low, high = plans.zone.midnight(ordinal - 1), plans.zone.midnight(ordinal + 2)
    return all(low <= instance.opens and instance.closes <= high for instance in plan.instances)


def _windows(plan: DayPlan) -> Minutes:
    return tuple([(instance.opens, instance.closes) for instance in plan.instances])


def _in_ms(spans: Minutes) -> tuple[Span, ...]:
    return tuple([(start * MS, end * MS) for start, end in spans])


def _moved(spans: Minutes, midnight: int) -> Minutes:
    return tuple([(start - midnight, end - midnight) for start, end in spans])


def _offset(offset_min: int) -> bytes:
    sign, ahead = ("+", offset_min) if offset_min >= 0 else ("-", -offset_min)
    return f"{sign}{ahead // 60:02d}:{ahead % 60:02d}".encode()


def _seen_from(midnight: int, one: Instance) -> tuple[object, ...]:
    edges = (one.start, one.end, one.opens, one.closes)
    spans = (one.segments, one.required, one.breaks, one.overtime)
    return (
        one.name,
        one.kind,
        id(one.shift),
        tuple([edge - midnight for edge in edges]),
        tuple([_moved(of, midnight) for of in spans]),
    )


def _crowd(around: Plans) -> Minutes:
    """Planned hours of neighbours, as far as they may move, that reach into the windows of the date (O1)."""
    own = around[SELF]
    low = min([own.opens, *(i.opens for i in own.instances)])
    high = max([own.closes, *(i.closes for i in own.instances)])
    spans: list[Span] = []
    for place, plan in enumerate(around):
        for other in plan.instances if place != SELF else ():
            if other.kind is InstanceKind.SHIFT and other.shift is not None:
                start, end = other.start - other.shift.flex_early_min, other.end + other.shift.flex_late_min
                if start < high and low < end:
                    spans.append((start, end))
    return minutes.normalise(spans)


def _shape_of(around: Plans, midnight: int, crowd: Minutes) -> Shape:
    hours = _hours(around, midnight, crowd)
    if hours is None or hours.free or hours.early_counts:
        return Shape(hours, None)
    return Shape(hours, tuple([edge for piece in hours.pieces for edge in (piece.first, piece.end)]))


def _hours(around: Plans, midnight: int, crowd: Minutes) -> Hours | None:
    """The hours of a date whose punches come down to edges; None: they may not."""
    plan = around[SELF]
    policy = plan.policy
    if plan.duty is not Duty.DUE or len(plan.instances) != 1 or not plan.required:
        return None
    rare = (
        policy.pairing == "alternate"
        or policy.out_from != "midpoint"
        or policy.overtime_breaks
        or plan.half is not None
    )
    instance = plan.instances[0]
    shift = instance.shift
    if rare or shift is None or not (shift.in_punch and shift.out_punch):
        return None
    free = instance.kind is InstanceKind.FREE
    if plan.flexible and (policy.punch_per_segment or not _flexible_plainly(instance)):
        return None
    if crowd and (free or any(other.flexible for other in around)):
        return None
    unpaid = minutes.normalise(instance.breaks) if free else plan.gaps
    early_counts = (
        policy.overtime_before_shift
        or policy.hours_system == "comprehensive"
        or any(start < instance.end for start, _ in instance.overtime)
    )
    return Hours(
        pieces=_pieces(plan, instance, midnight, exact=free or plan.flexible or early_counts),
        free=free,
        any_place=free and not unpaid and not instance.overtime,
        early_counts=early_counts,
        flex=(shift.flex_early_min, shift.flex_late_min) if plan.flexible else (0, 0),
        unpaid=_in_ms(_moved(unpaid, midnight)),
        closes_ms=(instance.closes - midnight) * MS,
        longest_ms=policy.max_shift_min * MS,
    )


def _flexible_plainly(instance: Instance) -> bool:
    """Whether no move of the hours reaches a break, so that pauses stay where they are (D7)."""
    shift, required = instance.shift, instance.required
    if shift is None or required[0][0] != instance.start or required[-1][1] != instance.end:
        return False
    reach = max(shift.flex_early_min, shift.flex_late_min)
    return all(end - start > reach for start, end in (required[0], required[-1]))


def _pieces(plan: DayPlan, instance: Instance, midnight: int, *, exact: bool) -> tuple[Piece, ...]:
    policy = plan.policy
    free = instance.kind is InstanceKind.FREE
    parts = [plan.required]
    if policy.punch_per_segment and not free:
        parts = [minutes.clip(plan.required, start, end) for start, end in instance.segments]
    found = []
    for part in parts:
        if part:
            first, end = part[0][0] - midnight, part[-1][1] - midnight
            # Time inside the planned span is never overtime, so an OUT there is all the same (O1).
            inside = not exact and end < instance.end - midnight
            found.append(
                Piece(
                    first,
                    end,
                    (instance.start + instance.end - 2 * midnight if free else first + end) * MS,
                    any_in=-minutes.EVER if exact else first,
                    any_out=end if inside else minutes.EVER,
                )
            )
    return tuple(found)

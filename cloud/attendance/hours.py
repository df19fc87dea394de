"""The hours of a date whose punches come down to an IN and an OUT a unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Final

from cloud.rules import minutes
from cloud.rules.claims import Claims
from cloud.rules.localtime import DAY_MIN
from cloud.rules.minutes import MS, Minutes, Span
from cloud.rules.plan import DayPlan, Instance, InstanceKind
from models.attendance import Duty

NO_CLAIMS: Final = Claims()


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit of the shift, judged with one IN and one OUT (P1): minutes after midnight.

    Attributes:
        mid_ms: its middle, ms after midnight.
        any_in: up to this minute it does not matter when the IN was; any_out: from this one on the OUT.
    """

    first: int
    end: int
    mid_ms: int
    any_in: int
    any_out: int


Ends = tuple[Piece, int | None, int | None]
"""A unit, and which clusters of a date are its IN and its OUT, counted from the first of the date."""


@dataclass(frozen=True)
class Hours:
    """One due shift whose punches come down to an IN and an OUT a unit.

    Attributes:
        free: free hours: the first punch is the IN, the last the OUT (D10).
        any_place: of free hours, only the length of the stay matters.
        together: how late somebody came and how long they stayed have to do with each other: free hours, time
            that counts before the hours, a form for a time from which the hours may move.
        flex: how far the hours may move with the IN, earlier and later (D7).
        unpaid: spans without presence (P9), minutes after midnight, ``unpaid_ms`` in all; the first to
            the last instant are ``unpaid_within``.
        closes_ms: where punches stop being plainly of this date, ms after midnight.
        longest_ms: what a pair may last (P7), less the two minutes by which a question may be longer.
        sole: the only unit, if there is one and it stays where it is.
        closes_on_date_ms: the earlier of ``closes_ms`` and the end of the date.
        ends: of dates on which the clusters lie alike between ``marks_ms``.
    """

    pieces: tuple[Piece, ...]
    free: bool
    any_place: bool
    together: bool
    flex: tuple[int, int] | None
    unpaid: Minutes
    unpaid_within: Span
    unpaid_ms: int
    closes_ms: int
    longest_ms: int
    sole: Piece | None
    closes_on_date_ms: int
    ends: dict[tuple[int, ...], Sequence[Ends]] = field(default_factory=dict, compare=False)

    @cached_property
    def marks_ms(self) -> list[int]:
        """What tells whose IN or OUT an instant is lies here (P3, A4), ms after midnight.

        The middles of units, and where it is nearer to the next one than to the one before.
        """
        nearer = [(one.end + other.first) * (MS // 2) + 1 for one, other in pairwise(self.pieces)]
        return sorted([*(piece.mid_ms for piece in self.pieces), *nearer])

    @cached_property
    def on_time(self) -> tuple[int, ...] | None:
        """The edges of a day on which nobody is late or leaves early, if these two are told apart."""
        if self.together:
            return None
        return tuple([edge for piece in self.pieces for edge in (piece.first, piece.end)])

    def moved_min(self, came: int) -> int:
        """By how much an IN at that minute moves the hours (D7)."""
        if self.flex is None:
            return 0
        early, late = self.flex
        return min(max(came - self.pieces[0].first, -early), late)

    def plainly(self, in_ms: int | None, out_ms: int | None) -> bool:
        """Whether no rare rule is about such an IN and OUT: P7, or punches beyond the window."""
        if out_ms is None:
            return True
        return out_ms < self.closes_ms and (in_ms is None or out_ms - in_ms <= self.longest_ms)

    def paid_ms(self, in_ms: int, out_ms: int) -> int:
        """What a pair lasts less unpaid time (P9)."""
        first_ms, last_ms = self.unpaid_within
        if in_ms <= first_ms and last_ms <= out_ms:
            return out_ms - in_ms - self.unpaid_ms
        if out_ms <= first_ms or last_ms <= in_ms:
            return out_ms - in_ms
        return out_ms - in_ms - minutes.overlap_ms(in_ms, out_ms, self.unpaid)


def hours_of(plan: DayPlan, midnight: int, crowd: Minutes, claims: Claims = NO_CLAIMS) -> Hours | None:
    """The hours of a date whose punches come down to edges; None: they may not.

    ``crowd``: hours of neighbours in its windows; ``claims``: what a dated record has of it.
    """
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
    residual = minutes.subtract(plan.required, claims.covered)
    if claims.claims and (free or plan.flexible or not residual):
        return None
    if plan.flexible and (policy.punch_per_segment or not _flexible_plainly(instance)):
        return None
    if crowd and free:
        return None
    unpaid = minutes.normalise(instance.breaks) if free else plan.gaps
    together = (
        free
        or (plan.flexible and bool(instance.overtime))
        or policy.overtime_before_shift
        or policy.hours_system == "comprehensive"
        or any(start < instance.end for start, _ in instance.overtime)
    )
    pieces = _pieces(
        plan,
        residual,
        midnight,
        # Leave may have been worked through before or after the rest of the day (J11).
        exact=plan.flexible or together or bool(claims.claims),
    )
    closes_ms = (instance.closes - midnight) * MS
    return Hours(
        pieces=pieces,
        free=free,
        any_place=free and not unpaid and not instance.overtime,
        together=together,
        flex=(shift.flex_early_min, shift.flex_late_min) if plan.flexible else None,
        unpaid=moved(unpaid, midnight),
        unpaid_within=in_ms(moved([(unpaid[0][0], unpaid[-1][1])], midnight))[0] if unpaid else (0, 0),
        unpaid_ms=minutes.count(unpaid) * MS,
        closes_ms=closes_ms,
        longest_ms=(policy.max_shift_min - 2) * MS,
        sole=pieces[0] if len(pieces) == 1 and not (free or plan.flexible) else None,
        closes_on_date_ms=min(closes_ms, DAY_MIN * MS),
    )


def _flexible_plainly(instance: Instance) -> bool:
    """Whether no move of the hours reaches a break, so that pauses stay where they are (D7)."""
    shift, required = instance.shift, instance.required
    if shift is None or required[0][0] != instance.start or required[-1][1] != instance.end:
        return False
    reach = max(shift.flex_early_min, shift.flex_late_min)
    return all(end - start > reach for start, end in (required[0], required[-1]))


def _pieces(plan: DayPlan, residual: Minutes, midnight: int, *, exact: bool) -> tuple[Piece, ...]:
    policy, instance = plan.policy, plan.instances[0]
    free = instance.kind is InstanceKind.FREE
    parts = [residual]
    if policy.punch_per_segment and not free:
        parts = [minutes.clip(residual, start, end) for start, end in instance.segments]
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
                    (instance.start + instance.end - 2 * midnight if free else first + end) * (MS // 2),
                    any_in=-minutes.EVER if exact else first,
                    any_out=end if inside else minutes.EVER,
                )
            )
    return tuple(found)


def in_ms(spans: Minutes) -> tuple[Span, ...]:
    """Minutes as instants."""
    return tuple([(start * MS, end * MS) for start, end in spans])


def moved(spans: Sequence[Span], midnight: int) -> Minutes:
    """Minutes as they are seen from another one."""
    return tuple([(start - midnight, end - midnight) for start, end in spans])

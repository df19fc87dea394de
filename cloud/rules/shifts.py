"""Shifts and policies that no rule can judge (V1, V2, V4), told as faults or refused."""

from __future__ import annotations

from collections.abc import Iterator

from cloud.rules import minutes
from cloud.rules.errors import RefusalCode, RefusedInput
from cloud.rules.facts import RuleSet, WorkShift
from cloud.rules.faults import Fault, Path, clock, clocks, sentence
from cloud.rules.localtime import DAY_MIN
from cloud.rules.policy import Policy, check_policy


def check_rules(rules: RuleSet) -> None:
    """Refuse a rule set with a shift or a policy that breaks V1, V2 or V4.

    Raises:
        RefusedInput: with the rule that was broken.
    """
    for shift in rules.shifts.values():
        check_shift(shift)
    for version in rules.policies:
        check_policy(version.policy)
        for shift in rules.shifts.values():
            check_window(shift, version.policy)
    if not rules.policies:
        raise RefusedInput(RefusalCode.BAD_POLICY, "there is no policy")


def check_shift(shift: WorkShift) -> None:
    """Refuse segments that are empty, out of order or overlap, and a flex band that reaches a break (V1).

    Raises:
        RefusedInput: ``bad_shift``.
    """
    for fault in shift_faults(shift):
        raise RefusedInput(RefusalCode.BAD_SHIFT, sentence(fault, "en"))


def check_window(shift: WorkShift, policy: Policy) -> None:
    """Refuse a window of a whole day or more; free hours have the attendance day (V2).

    Raises:
        RefusedInput: ``window_too_long``.
    """
    fault = window_fault(shift, policy)
    if fault is not None:
        raise RefusedInput(RefusalCode.WINDOW_TOO_LONG, sentence(fault, "en"))


def shift_faults(shift: WorkShift) -> Iterator[Fault]:
    """Everything that breaks V1."""
    path: Path = ("shifts", shift.name)
    end_before = None
    for place, span in enumerate(shift.segments):
        at = (*path, "segments", place)
        if span[1] <= span[0]:
            yield Fault.of("segment_empty", at, shift=shift.name, span=clocks(span))
        elif end_before is not None and span[0] < end_before:
            yield Fault.of("segment_order", at, shift=shift.name, span=clocks(span), end=clock(end_before))
        end_before = span[1]
    if not shift.segments and not shift.free:
        yield Fault.of("no_segment", path, shift=shift.name)
    for place, span in enumerate(shift.breaks):
        if span[1] <= span[0]:
            at = (*path, "breaks", place)
            yield Fault.of("break_empty", at, shift=shift.name, span=clocks(span))
    yield from _flex_faults(shift)


def runs(shift: WorkShift) -> minutes.Minutes:
    """Required minutes after 00:00: segments less breaks."""
    return minutes.subtract(minutes.normalise(shift.segments), minutes.normalise(shift.breaks))


def window(shift: WorkShift, policy: Policy) -> tuple[int, int]:
    """Minutes before and after the shift that its window reaches (A1)."""
    before = policy.before_min if shift.before_min is None else shift.before_min
    after = policy.after_min if shift.after_min is None else shift.after_min
    return before, after


def window_fault(shift: WorkShift, policy: Policy) -> Fault | None:
    """What breaks V2, if anything."""
    if shift.free or not shift.segments:
        return None
    before, after = window(shift, policy)
    length = shift.segments[-1][1] - shift.segments[0][0] + before + after
    if length < DAY_MIN:
        return None
    return Fault.of(
        "window_too_long",
        ("shifts", shift.name),
        shift=shift.name,
        minutes=length,
        before=before,
        after=after,
        version=policy.version,
    )


def _flex_faults(shift: WorkShift) -> Iterator[Fault]:
    if not (shift.flex_early_min or shift.flex_late_min):
        return
    required = runs(shift)
    if len(required) < 2:  # noqa: PLR2004 -- one run has no break to reach
        return
    first_break, last_break = required[0][1], required[-1][0]
    name, path = shift.name, ("shifts", shift.name, "flex")
    if shift.segments[0][0] + shift.flex_late_min >= first_break:
        at, length = (*path, "late_min"), shift.flex_late_min
        yield Fault.of("flex_start_reaches_break", at, shift=name, minutes=length, at=clock(first_break))
    if shift.segments[-1][1] - shift.flex_early_min <= last_break:
        at, length = (*path, "early_min"), shift.flex_early_min
        yield Fault.of("flex_end_reaches_break", at, shift=name, minutes=length, at=clock(last_break))

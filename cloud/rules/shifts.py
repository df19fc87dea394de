"""Shifts, policies and calendars that no rule can judge (V1, V2, V4)."""

from __future__ import annotations

from cloud.rules import minutes
from cloud.rules.errors import RefusalCode, RefusedInput
from cloud.rules.facts import RuleSet, WorkShift
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
    end_before = None
    for start, end in shift.segments:
        if end <= start:
            raise _bad(shift, f"segment {_clock(start)}-{_clock(end)} does not end after it starts")
        if end_before is not None and start < end_before:
            raise _bad(shift, f"segment {_clock(start)}-{_clock(end)} begins before {_clock(end_before)}")
        end_before = end
    if not shift.segments and not shift.free:
        raise _bad(shift, "it has no segment")
    if any(end <= start for start, end in shift.breaks):
        raise _bad(shift, "a break does not end after it starts")
    _check_flex(shift)


def _check_flex(shift: WorkShift) -> None:
    if shift.free or not (shift.flex_early_min or shift.flex_late_min):
        return
    runs = minutes.subtract(minutes.normalise(shift.segments), minutes.normalise(shift.breaks))
    if len(runs) < 2:  # noqa: PLR2004 -- one run has no break to reach
        return
    first_break, last_break = runs[0][1], runs[-1][0]
    if shift.segments[0][0] + shift.flex_late_min >= first_break:
        raise _bad(
            shift, f"a start {shift.flex_late_min} min later reaches the break at {_clock(first_break)}"
        )
    if shift.segments[-1][1] - shift.flex_early_min <= last_break:
        raise _bad(
            shift, f"an end {shift.flex_early_min} min earlier reaches the break to {_clock(last_break)}"
        )


def check_window(shift: WorkShift, policy: Policy) -> None:
    """Refuse a window of a whole day or more; free hours have the attendance day (V2).

    Raises:
        RefusedInput: ``window_too_long``.
    """
    if shift.free or not shift.segments:
        return
    before = policy.before_min if shift.before_min is None else shift.before_min
    after = policy.after_min if shift.after_min is None else shift.after_min
    length = shift.segments[-1][1] - shift.segments[0][0] + before + after
    if length >= DAY_MIN:
        raise RefusedInput(
            RefusalCode.WINDOW_TOO_LONG,
            f"shift {shift.name}: {length} min from {before} min before to {after} min after it",
        )


def _bad(shift: WorkShift, what: str) -> RefusedInput:
    return RefusedInput(RefusalCode.BAD_SHIFT, f"shift {shift.name}: {what}")


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"

"""Step 9: days of absence (L6) and thresholds of worked time (L7)."""

from __future__ import annotations

from fractions import Fraction

from cloud.rules import minutes
from cloud.rules.facts import FromPolicy
from cloud.rules.judged import Args, Event, Sheet
from cloud.rules.minutes import NONE
from cloud.rules.plan import InstanceKind
from models.attendance import FindingCode, Part, Step

NONE_DUE, HALF, WHOLE = Fraction(0), Fraction(1, 2), Fraction(1)
PUNCH_LACKS = frozenset({FindingCode.ABSENT, FindingCode.MISSING_IN, FindingCode.MISSING_OUT})


def due_days(sheet: Sheet) -> Fraction:
    """1, half on a half holiday, 0 when no minute is required (section 2)."""
    if not sheet.plan.required:
        return NONE_DUE
    return HALF if sheet.plan.half else WHOLE


def cap(sheet: Sheet) -> Fraction:
    """What leave, trips and outings left of the day (L6)."""
    left, claims = due_days(sheet), sheet.claims
    if not claims.claims:
        return left
    left -= claims.days
    if claims.outing_min:
        left -= Fraction(claims.outing_min, sheet.plan.full)
    return max(NONE_DUE, left)


def count_absence(sheet: Sheet) -> None:
    """Days of absence of the findings (L6), then the thresholds (L7)."""
    if sheet.events:
        _count_findings(sheet)
    absent, half = _limits(sheet)
    if absent is not None or half is not None:
        _judge_thresholds(sheet, absent, half)


def _count_findings(sheet: Sheet) -> None:
    every = [event for event in sheet.events if event.code is FindingCode.ABSENT]
    if every and len(every) == sheet.units:
        # One finding for the whole; its minutes are those of all units.
        spans = minutes.normalise([span for event in every for span in event.minutes])
        step = every[0].step
        args = {**step.args, "minutes": minutes.count(spans)}
        if "due_out" in args:
            args["due_out"] = [e.step.args["due_out"] for e in every if "due_out" in e.step.args][-1]
        sheet.events = [Event(FindingCode.ABSENT, spans, Step(step.rule, step.code, args))]
        sheet.absent_days = cap(sheet)
        return
    halves = sum([event.code is FindingCode.ABSENT_HALF for event in sheet.events])
    if halves or every:
        whole = sum([Fraction(event.length, sheet.plan.full) for event in every])
        sheet.absent_days = min(cap(sheet), whole + HALF * halves)


def _limits(sheet: Sheet) -> tuple[int | None, int | None]:
    """Absent and half-day limits: the policy's, unless a shift has its own; the later shift speaks last."""
    policy = sheet.plan.policy
    absent, half = policy.absent_below_min, policy.half_day_below_min
    for instance in sheet.plan.instances:
        shift = instance.shift
        if shift is None:
            continue
        if not isinstance(shift.absent_below_min, FromPolicy):
            absent = shift.absent_below_min
        if not isinstance(shift.half_day_below_min, FromPolicy):
            half = shift.half_day_below_min
    return absent, half


def _judge_thresholds(sheet: Sheet, absent: int | None, half: int | None) -> None:
    residual = minutes.count(sheet.roles.residual)
    if not (sheet.final and residual) or any(event.code in PUNCH_LACKS for event in sheet.events):
        return
    if any(instance.kind is InstanceKind.FREE for instance in sheet.plan.instances):
        return
    worked = sheet.part_min(Part.PRESENT)
    share = Fraction(residual, sheet.plan.full)
    if absent is not None and worked < absent * share:
        _replace(sheet, FindingCode.ABSENT, absent, worked)
        sheet.absent_days = cap(sheet)
    elif half is not None and worked < half * share:
        _replace(sheet, FindingCode.ABSENT_HALF, half, worked)
        sheet.absent_days = min(cap(sheet), HALF)


def _replace(sheet: Sheet, code: FindingCode, limit: int, worked: int) -> None:
    """One finding instead of all; late and early minutes become absent."""
    sheet.move(Part.LATE, Part.ABSENT)
    sheet.move(Part.EARLY, Part.ABSENT)
    args: Args = {
        "worked": worked,
        "below": limit,
        "minutes": sheet.part_min(Part.ABSENT),
        **sheet.plan.policy.named,
    }
    step = Step("L7", f"{code.value}_below", args)
    sheet.events = [Event(code, sheet.parts.get(Part.ABSENT, NONE), step)]

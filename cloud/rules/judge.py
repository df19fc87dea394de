"""Step 8: units against their punches (L1-L5, P8, D8, J8) and free hours (D10)."""

from __future__ import annotations

from msgspec import Struct

from cloud.rules import minutes
from cloud.rules.judged import Args, Sheet, evidence_args
from cloud.rules.minutes import MS, NONE, Minutes
from cloud.rules.pairing import Pairing
from cloud.rules.policy import Policy
from cloud.rules.roles import InstanceRoles, Unit
from models.attendance import FindingCode, Flag, Part, Step


class _Bounds(Struct, frozen=True):
    """What the two ends of a unit prove, UTC minutes.

    Attributes:
        in_min, out_min: known punches.
        start, end: from and to where the unit counts as proven; None: not known.
    """

    in_min: int | None
    out_min: int | None
    start: int | None
    end: int | None


def judge_units(sheet: Sheet, roles: InstanceRoles, late_on: int) -> None:
    """Judge the units of a shift; ``late_on`` minutes may pass at its very start (D8)."""
    for index, unit in enumerate(roles.units):
        sheet.units += 1
        moved = late_on if index == 0 and unit.first == roles.instance.start else 0
        if unit.bare:
            _judge_bare(sheet, roles.instance.name, unit)
        else:
            _judge_unit(sheet, roles.instance.name, unit, moved)


def _judge_bare(sheet: Sheet, shift: str, unit: Unit) -> None:
    """Nothing speaks for the unit (L5)."""
    due = _due(sheet, unit)
    if unit.in_waived and unit.out_waived:
        sheet.put(Part.PRESENT, unit.minutes)
        sheet.say("J8", "waived", due)
        return
    length = minutes.count(unit.minutes)
    if sheet.plan.policy.no_punch == "absent":
        sheet.put(Part.ABSENT, unit.minutes)
        step = Step("L5", "absent", {**due, "minutes": length})
        sheet.find(FindingCode.ABSENT, shift, unit.minutes, step)
        return
    sheet.put(Part.MISSING, unit.minutes)
    if not unit.in_waived:
        step = Step("L5", "missing_in", {**due, "minutes": length})
        sheet.find(FindingCode.MISSING_IN, shift, unit.minutes, step)
    if not unit.out_waived:
        step = Step("L5", "missing_out", {**due, "minutes": length})
        sheet.find(FindingCode.MISSING_OUT, shift, unit.minutes, step)


def _due(sheet: Sheet, unit: Unit) -> Args:
    return {"due_in": sheet.clock(unit.first), "due_out": sheet.clock(unit.end)}


def _judge_unit(sheet: Sheet, shift: str, unit: Unit, late_on: int) -> None:
    bounds = _bounds(sheet, unit)
    _say_punches(sheet, unit)
    away = _between_pairs(unit)
    whole = unit.minutes
    start, end = bounds.start, bounds.end
    if start is not None and not unit.in_waived:
        _judge_in(sheet, shift, unit, start, late_on)
    if end is not None and not unit.out_waived and bounds.out_min is not None:
        _judge_out(sheet, shift, unit, end)
    low, high, missing = _proven(bounds, unit)
    proven = minutes.clip(whole, low, high)
    left = minutes.intersect(proven, away)
    sheet.put(Part.PRESENT, minutes.subtract(proven, left))
    sheet.put(Part.ABSENT, left)
    if left:
        sheet.say("P6", "away", {"minutes": minutes.count(left)})
    sheet.put(Part.MISSING, missing)
    length = minutes.count(missing)
    if start is None:
        step = Step("L5", "missing_in", {**_due(sheet, unit), "minutes": length})
        sheet.find(FindingCode.MISSING_IN, shift, missing, step)
    if end is None:
        step = Step("L5", "missing_out", {**_due(sheet, unit), "minutes": length})
        sheet.find(FindingCode.MISSING_OUT, shift, missing, step)


def _bounds(sheet: Sheet, unit: Unit) -> _Bounds:
    pairing = unit.pairing
    in_min = None if pairing.in_ms is None else pairing.in_ms // MS
    out_min = None
    if pairing.out_ms is not None and pairing.open_ms is None:
        out_min = pairing.out_ms // MS
    start = unit.first if unit.in_waived else in_min
    end = unit.end if unit.out_waived else out_min
    if end is None and in_min is not None and sheet.final and sheet.plan.policy.auto_out == "at_end":
        end = unit.end
        sheet.flag(Flag.SYNTHETIC_OUT, "P8", {"out": sheet.clock(end)})
    return _Bounds(in_min, out_min, start, end)


def _proven(bounds: _Bounds, unit: Unit) -> tuple[int, int, Minutes]:
    """From and to where minutes are proven, and the minutes a missing punch leaves open (L5)."""
    start, end = bounds.start, bounds.end
    if start is not None and end is not None:
        return start, end, NONE
    if start is not None:
        open_ms = unit.pairing.open_ms
        last_known = bounds.in_min if open_ms is None else open_ms // MS
        since = unit.first if last_known is None else last_known
        # Before a known IN nothing is missing: those minutes are late, or waived.
        return start, since, minutes.since(unit.minutes, since)
    if end is not None:
        until = unit.end if bounds.out_min is None else bounds.out_min
        return until, end, minutes.before(unit.minutes, until)
    return unit.first, unit.first, unit.minutes


def _between_pairs(unit: Unit) -> Minutes:
    """Minutes between an OUT and the next IN (P6); with a waived end none after the last pair (J8)."""
    pairing = unit.pairing
    openings = [start for start, _ in pairing.pairs[1:]]
    if pairing.open_ms is not None and not unit.out_waived:
        openings.append(pairing.open_ms)
    if not pairing.pairs or not openings:
        return NONE
    closings = [end for _, end in pairing.pairs]
    # Corrections of both edges may leave the last closing without an opening after it.
    return minutes.normalise(
        (closed // MS, opened // MS) for closed, opened in zip(closings, openings, strict=False)
    )


def _judge_in(sheet: Sheet, shift: str, unit: Unit, came: int, late_on: int) -> None:
    """Late or graced (L1, L3, L4, D8)."""
    early_part = minutes.before(unit.minutes, came)
    if not early_part:
        return
    policy = sheet.plan.policy
    expected = unit.first + late_on
    args: Args = {
        **evidence_args(sheet, "in", came * MS, unit.pairing.in_by),
        "due": sheet.clock(expected),
        "grace": policy.late_grace_min,
        **policy.named,
    }
    counted = NONE
    if came > expected + policy.late_grace_min:
        every = minutes.since(early_part, expected)
        counted = every
        if policy.count_from == "grace_end":
            counted = minutes.since(early_part, expected + policy.late_grace_min)
        if counted:
            _late(sheet, shift, counted, minutes.count(every), args)
    graced = minutes.subtract(early_part, counted)
    if graced:
        sheet.put(Part.GRACED, graced)
        code = "graced_late_start" if late_on else "graced_in"
        sheet.say("D8" if late_on else "L1", code, {**args, "minutes": minutes.count(graced)})


def _late(sheet: Sheet, shift: str, counted: Minutes, tier_min: int, args: Args) -> None:
    policy = sheet.plan.policy
    length = minutes.count(counted)
    if _over(tier_min, policy.absent_over_min):
        sheet.put(Part.ABSENT, counted)
        args |= {"minutes": length, "over": policy.absent_over_min}
        sheet.find(FindingCode.ABSENT_HALF, shift, counted, Step("L4", "absent_half_late", args))
        return
    sheet.put(Part.LATE, counted)
    if _over(tier_min, policy.serious_late_over_min):
        args |= {"minutes": length, "over": policy.serious_late_over_min}
        sheet.find(FindingCode.SERIOUS_LATE, shift, counted, Step("L4", "serious_late", args))
    else:
        sheet.find(FindingCode.LATE, shift, counted, Step("L1", "late", {**args, "minutes": length}))


def _over(length: int, limit: int | None) -> bool:
    return limit is not None and length > limit


def _judge_out(sheet: Sheet, shift: str, unit: Unit, left: int) -> None:
    """Early or graced (L2-L4)."""
    late_part = minutes.since(unit.minutes, left)
    if not late_part:
        return
    policy = sheet.plan.policy
    args: Args = {
        **evidence_args(sheet, "out", left * MS, unit.pairing.out_by),
        "due": sheet.clock(unit.end),
        "grace": policy.early_grace_min,
        **policy.named,
    }
    counted = NONE
    if left < unit.end - policy.early_grace_min:
        counted = late_part
        if policy.count_from == "grace_end":
            counted = minutes.before(late_part, unit.end - policy.early_grace_min)
        if counted:
            _early(sheet, shift, counted, minutes.count(late_part), args)
    graced = minutes.subtract(late_part, counted)
    if graced:
        sheet.put(Part.GRACED, graced)
        sheet.say("L2", "graced_out", {**args, "minutes": minutes.count(graced)})


def _early(sheet: Sheet, shift: str, counted: Minutes, tier_min: int, args: Args) -> None:
    policy = sheet.plan.policy
    args |= {"minutes": minutes.count(counted)}
    if _over(tier_min, policy.early_absent_over_min):
        sheet.put(Part.ABSENT, counted)
        args |= {"over": policy.early_absent_over_min}
        sheet.find(FindingCode.ABSENT_HALF, shift, counted, Step("L4", "absent_half_early", args))
    else:
        sheet.put(Part.EARLY, counted)
        sheet.find(FindingCode.EARLY, shift, counted, Step("L2", "early", args))


def _say_punches(sheet: Sheet, unit: Unit) -> None:
    pairing = unit.pairing
    if pairing.in_ms is not None:
        args = evidence_args(sheet, "in", pairing.in_ms, pairing.in_by)
        args["due"] = sheet.clock(unit.first)
        sheet.say("P5", "in", args)
    if pairing.out_ms is not None:
        args = evidence_args(sheet, "out", pairing.out_ms, pairing.out_by)
        args["due"] = sheet.clock(unit.end)
        sheet.say("P5", "out", args)
    if unit.in_waived or unit.out_waived:
        sheet.say("J8", "waived", _due(sheet, unit))


def say_whole(sheet: Sheet, pairing: Pairing) -> None:
    """Tell the punches of a pairing that no unit asks for: of free hours, overtime, a day off (P9)."""
    if pairing.in_ms is not None:
        sheet.say("P9", "in_undue", evidence_args(sheet, "in", pairing.in_ms, pairing.in_by))
    if pairing.out_ms is not None:
        sheet.say("P9", "out_undue", evidence_args(sheet, "out", pairing.out_ms, pairing.out_by))


def judge_free(sheet: Sheet, roles: InstanceRoles, policy: Policy) -> None:
    """Free hours: presence fills the residual (D10)."""
    residual, pairing = roles.residual, roles.whole
    if not residual or pairing is None:
        return
    sheet.units += 1
    shift, required = roles.instance.name, minutes.count(residual)
    if pairing.pairs:
        _fill(sheet, shift, residual, presence_minutes(sheet, roles, policy))
    elif pairing.in_ms is not None:
        _free_missing(sheet, FindingCode.MISSING_OUT, shift, residual)
    elif pairing.out_ms is not None:
        _free_missing(sheet, FindingCode.MISSING_IN, shift, residual)
    else:
        sheet.put(Part.ABSENT, residual)
        step = Step("D10", "absent_free", {"minutes": required})
        sheet.find(FindingCode.ABSENT, shift, residual, step)


def _fill(sheet: Sheet, shift: str, residual: Minutes, presence: Minutes) -> None:
    required = minutes.count(residual)
    present = min(required, minutes.count(presence))
    # Free hours ask for an amount, not for a place: the first minutes of the nominal ones stand for it.
    shown = minutes.first_n(residual, present)
    sheet.put(Part.PRESENT, shown)
    sheet.shown = minutes.union(sheet.shown, shown)
    sheet.filled = minutes.union(sheet.filled, minutes.first_n(presence, present))
    if present < required:
        short = minutes.subtract(residual, shown)
        sheet.put(Part.ABSENT, short)
        args: Args = {"minutes": required - present, "present": present, "required": required}
        sheet.find(FindingCode.SHORT_HOURS, shift, short, Step("D10", "short_hours", args))


def _free_missing(sheet: Sheet, code: FindingCode, shift: str, residual: Minutes) -> None:
    sheet.put(Part.MISSING, residual)
    step = Step("D10", f"{code.value}_free", {"minutes": minutes.count(residual)})
    sheet.find(code, shift, residual, step)


def presence_minutes(sheet: Sheet, roles: InstanceRoles, policy: Policy) -> Minutes:
    """Minutes of the pairs of free hours, less breaks (D10)."""
    if roles.whole is None:
        return NONE
    spans = minutes.normalise((start // MS, end // MS) for start, end in roles.whole.pairs)
    if not spans:
        return NONE
    unpaid = overtime_breaks(sheet, policy, spans[0][0], spans[-1][1])
    return minutes.subtract(minutes.subtract(spans, roles.instance.breaks), unpaid)


def overtime_breaks(sheet: Sheet, policy: Policy, start: int, end: int) -> Minutes:
    """The policy's overtime breaks, put on every date between two minutes."""
    if not policy.overtime_breaks:
        return NONE
    zone = sheet.site_zone
    first, last = zone.ordinal_of(start) - 1, zone.ordinal_of(end)
    return minutes.normalise(
        (zone.minute_at(ordinal, opens), zone.minute_at(ordinal, closes))
        for ordinal in range(first, last + 1)
        for opens, closes in policy.overtime_breaks
    )

"""Step 10: overtime (O1-O7), statutory minutes, presence (P9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from msgspec import Struct

from cloud.rules import minutes
from cloud.rules.claims import overtime_losses
from cloud.rules.judge import overtime_breaks, presence_minutes
from cloud.rules.judged import Args, Sheet, record_args
from cloud.rules.minutes import MS, NONE, Minutes
from cloud.rules.plan import InstanceKind, PlanBook
from cloud.rules.policy import Policy
from cloud.rules.records import clock_minutes
from cloud.rules.view import View
from models.attendance import DayType, Duty, Flag

TypeOf = Callable[[date], DayType]
DAY_TYPES = tuple(DayType)
_NEAR = tuple([timedelta(days=days) for days in (0, -1, 1, 2)])
PROVING_MODES = ("approval_and_punch", "min")


class _Sets(Struct, frozen=True):
    """Minutes asked for, outside schedule, and eligible (O1, O3).

    Attributes:
        contested: asked for, and lost to a leave, trip or outing, or to a form of another date (J9).
    """

    asked: Minutes
    contested: Minutes
    outside: Minutes
    eligible: Minutes


def judge_overtime(sheet: Sheet, view: View, type_of: TypeOf) -> None:
    """Overtime of a date by class, and the flags of O6. Nothing for exempt persons (D6)."""
    if sheet.plan.duty is Duty.EXEMPT or not _anything(sheet):
        return
    sets = _sets(sheet, view)
    policy = sheet.plan.policy
    counted = _counted(policy.overtime_mode, sets)
    if policy.hours_system == "comprehensive":
        by_class = _classes(sets.outside, view.plans, type_of)
        sheet.outside_min = by_class[DayType.WORKDAY] + by_class[DayType.REST]
        statutory = _classes(minutes.union(sheet.worked, sets.outside), view.plans, type_of)[
            DayType.STATUTORY
        ]
        found = by_class = {DayType.STATUTORY: statutory} if statutory else {}
    else:
        by_class = _classes(counted, view.plans, type_of) if counted else {}
        found = _rounded(policy, by_class)
    if sheet.final:
        sheet.overtime = found
        _say_counted(sheet, by_class, found)
        _flags(sheet, sets, counted)
    if sets.asked or sets.contested:
        _note_conflict(sheet, view, sets)


def _anything(sheet: Sheet) -> bool:
    roles = sheet.roles
    if sheet.plan.policy.hours_system == "comprehensive" and sheet.worked:
        # Present minutes of a statutory day count without a pair too: an end may be waived (O7).
        return True
    if any(instance.overtime for instance in roles.plan.instances):
        return True
    return any(pairing.pairs for pairing in roles.pairings())


def _sets(sheet: Sheet, view: View) -> _Sets:
    plan = sheet.plan
    asked = minutes.normalise([span for i in plan.instances for span in i.overtime])
    lost = NONE
    if view.records.claims:
        lost = overtime_losses(plan, view.records.claims)
    bound = _Bound(sheet, view)
    asked = bound.less(asked)
    of_others = minutes.union(lost, view.overtime_lost.get(sheet.day, NONE))
    contested = minutes.intersect(asked, of_others)
    asked = minutes.subtract(asked, of_others)
    outside = bound.less(
        minutes.normalise((s // MS, e // MS) for (s, e), free in sheet.roles.pairs() if not free),
    )
    outside = minutes.subtract(outside, lost)
    eligible = outside
    fixed = [i for i in plan.instances if i.kind is InstanceKind.SHIFT]
    if fixed:
        eligible = minutes.since(outside, max(i.end for i in fixed))
        if plan.policy.overtime_before_shift:
            eligible = minutes.union(eligible, minutes.before(outside, min(i.start for i in fixed)))
    for roles in sheet.roles.instances:
        if roles.instance.kind is InstanceKind.FREE:
            presence = presence_minutes(sheet, roles, plan.policy)
            required = minutes.count(roles.residual)
            extra = minutes.subtract(presence, minutes.first_n(presence, required))
            extra = minutes.subtract(extra, lost)
            outside, eligible = minutes.union(outside, extra), minutes.union(eligible, extra)
    return _Sets(asked, contested, outside, eligible)


class _Bound(Struct, frozen=True):
    """What never is overtime: planned spans of D-1 to D+2 and overtime breaks.

    Flex moves those of D itself; those of other dates stay as planned, or a punch would reach too far.
    """

    sheet: Sheet
    view: View

    def less(self, spans: Minutes) -> Minutes:
        """The spans without it."""
        if not spans:
            return NONE
        day = self.sheet.day
        for offset in _NEAR:
            plan = self.view.plan(day + offset) if offset else self.sheet.plan
            spans = minutes.subtract(spans, plan.spans)
            if not spans:
                return NONE
        breaks = overtime_breaks(self.sheet, self.sheet.plan.policy, spans[0][0], spans[-1][1])
        return minutes.subtract(spans, breaks)


def _counted(mode: str, sets: _Sets) -> Minutes:
    """What counts before minimum and unit (O2)."""
    if mode == "approval":
        return sets.asked
    if mode == "approval_and_punch":
        return minutes.intersect(sets.asked, sets.outside)
    if mode == "punch":
        return sets.eligible
    return minutes.first_n(sets.eligible, minutes.count(sets.asked))


def _classes(spans: Minutes, plans: PlanBook, type_of: TypeOf) -> dict[DayType, int]:
    """Minutes by the type of their calendar date in the site's zone (O5)."""
    found = dict.fromkeys(DAY_TYPES, 0)
    zone = plans.zone
    for start, end in spans:
        at = start
        while at < end:
            ordinal = zone.ordinal_of(at)
            stop = min(end, zone.midnight(ordinal + 1))
            found[type_of(date.fromordinal(ordinal))] += stop - at
            at = stop
    return found


def _rounded(policy: Policy, by_class: dict[DayType, int]) -> dict[DayType, int]:
    """Minimum of the day, then whole units per class (O4)."""
    total = sum(by_class.values())
    if not total or total < policy.overtime_minimum_min:
        return {}
    unit = policy.overtime_unit_min
    found = {kind: length // unit * unit for kind, length in by_class.items()}
    return {kind: length for kind, length in found.items() if length}


def _say_counted(sheet: Sheet, by_class: dict[DayType, int], found: dict[DayType, int]) -> None:
    """What minimum and unit left of the overtime of each class (O4, O5)."""
    policy = sheet.plan.policy
    for kind, of_min in by_class.items():
        length = found.get(kind, 0)
        args: Args = {"minutes": length, "mode": policy.overtime_mode}
        if length == of_min:
            if length:
                sheet.say("O5", f"overtime_{kind.value}", args)
            continue
        args |= {"of": of_min, "unit": policy.overtime_unit_min, **policy.named}
        if found:
            sheet.say("O4", f"overtime_{kind.value}_rounded", args)
        else:
            sheet.say("O4", "overtime_short", {**args, "minimum": policy.overtime_minimum_min})


def _flags(sheet: Sheet, sets: _Sets, counted: Minutes) -> None:
    policy = sheet.plan.policy
    mode = policy.overtime_mode
    if mode != "punch" and policy.hours_system != "comprehensive":
        if mode == "min":
            extra = minutes.count(sets.eligible) - minutes.count(sets.asked)
        else:
            extra = minutes.count(minutes.subtract(sets.eligible, sets.asked))
        if extra >= max(1, policy.overtime_minimum_min):
            flag = Flag.UNAPPROVED_OVERTIME if sheet.plan.shifts else Flag.WORKED_WITHOUT_FORM
            sheet.flag(flag, "O6", {"minutes": extra})
    if mode in PROVING_MODES and sets.asked and not counted:
        sheet.flag(Flag.OVERTIME_UNPROVEN, "O6", {"minutes": minutes.count(sets.asked)})


def _note_conflict(sheet: Sheet, view: View, sets: _Sets) -> None:
    """A form asks for a minute that another form or a leave, trip or outing asks for too (J9)."""
    wanted, taken = minutes.union(sets.asked, sets.contested), sets.contested
    for record in view.records.overtime:
        own = minutes.intersect(wanted, clock_minutes(record, view.plans.zone))
        if minutes.intersect(own, taken):
            sheet.flag(Flag.CONFLICT, "J9", record_args(record))
        taken = minutes.union(taken, own)


def statutory_minutes(sheet: Sheet, plans: PlanBook, type_of: TypeOf) -> int:
    """``present`` minutes on statutory days."""
    if sheet.plan.duty is not Duty.DUE or not plans.statutory_near(sheet.day):
        return 0
    return _classes(sheet.worked, plans, type_of)[DayType.STATUTORY]


def presence_min(sheet: Sheet) -> int:
    """Actual presence: pairs in exact time less unpaid time, floored once (P9)."""
    plan = sheet.plan
    total_ms = 0
    for (start, end), free in sheet.roles.pairs():
        total_ms += end - start
        breaks = overtime_breaks(sheet, plan.policy, start // MS, end // MS)
        if free:
            own = [s for i in plan.instances if i.kind is InstanceKind.FREE for s in i.breaks]
            unpaid = minutes.normalise([*own, *breaks])
        else:
            unpaid = plan.gaps
            if breaks:
                unpaid = minutes.union(unpaid, minutes.subtract(breaks, plan.spans))
        total_ms -= minutes.overlap_ms(start, end, unpaid)
    return total_ms // MS

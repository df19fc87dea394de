"""Steps 8 to 12 of one date, and the result made of them (rules sections 2 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import combinations

from msgspec import Struct

from cloud.rules import minutes
from cloud.rules.absence import count_absence, due_days
from cloud.rules.claims import touches
from cloud.rules.clusters import Cluster, Stamp
from cloud.rules.decisions import decide
from cloud.rules.judge import judge_free, judge_units, say_whole
from cloud.rules.judged import Args, Event, Sheet, record_args
from cloud.rules.minutes import MS
from cloud.rules.overtime import judge_overtime, presence_min, statutory_minutes
from cloud.rules.plan import ONE_DAY, InstanceKind
from cloud.rules.roles import DayRoles, InstanceRoles, day_roles, flags_of
from cloud.rules.rounding import number
from cloud.rules.states import mask, state_of
from cloud.rules.view import View
from models.attendance import (
    AttendanceDay,
    DayType,
    Duty,
    FindingCode,
    Flag,
    Part,
    ShiftResult,
    Step,
    TimelineSpan,
)
from models.office import CorrectionBody, DecisionBody, OfficeRecord, RecordKind

ORDER = {code: index for index, code in enumerate(FindingCode)}
PARTS = tuple(Part)
RULE_OF = {
    Flag.CONFLICT: "J9",
    Flag.STRAY_PUNCH: "P5",
    Flag.OVER_MAX_SHIFT: "P7",
    Flag.SHARED_PUNCH: "A7",
    Flag.DIRECTION_OVERRIDDEN: "P4",
}


class Days:
    """Dates of one view, each judged once."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._roles: dict[date, DayRoles] = {}
        self._sheets: dict[date, Sheet] = {}

    def roles(self, day: date) -> DayRoles:
        """The date after step 7."""
        found = self._roles.get(day)
        if found is None:
            found = self._roles[day] = day_roles(self.view, day, self.roles)
        return found

    def sheet(self, day: date) -> Sheet:
        """The date after step 12."""
        found = self._sheets.get(day)
        if found is None:
            found = self._sheets[day] = self._judge(day)
        return found

    def day_type(self, day: date) -> DayType:
        """Kind of a calendar date (D2)."""
        return self.view.plan(day).day_type

    def _judge(self, day: date) -> Sheet:
        view, roles = self.view, self.roles(day)
        plan = roles.plan
        sheet = Sheet(roles, plan, state_of(view, plan), view.plans.zone, roles.claims)
        if plan.why is not None:
            sheet.steps.append(plan.why)
        if plan.duty is Duty.NOT_EMPLOYED:
            if view.assigned(day).loose:
                sheet.flag(Flag.NOT_EMPLOYED_PUNCH, "D4")
            if day in view.untrusted:
                sheet.flag(Flag.UNTRUSTED_TIME, "T5")
            return sheet
        _book_claims(sheet)
        _judge_instances(sheet, _late_on(sheet, self.roles))
        sheet.count_once()
        _note_punches(sheet, view)
        _note_records(sheet, view)
        count_absence(sheet)
        judge_overtime(sheet, view, self.day_type)
        mask(sheet)
        if view.records.decisions:
            decide(sheet, view.records.decisions.get(day, ()))
        return sheet


def _judge_instances(sheet: Sheet, late_on: int) -> None:
    """Steps 7 and 8 of each instance; ``late_on`` moves the start of the first shift (D8)."""
    roles = sheet.roles
    for item in roles.instances:
        if item.whole is not None:
            say_whole(sheet, item.whole)
        if item.instance.kind is InstanceKind.FREE:
            judge_free(sheet, item, sheet.plan.policy)
        else:
            judge_units(sheet, item, late_on)
            if item.instance.kind is InstanceKind.SHIFT:
                late_on = 0
    if roles.loose is not None:
        say_whole(sheet, roles.loose)


def _book_claims(sheet: Sheet) -> None:
    claims = sheet.claims
    for claim in claims.claims:
        code = f"{claim.record.kind.value}_claim"
        sheet.say(
            "J6",
            code,
            {**record_args(claim.record), "minutes": claim.won_min, "days": str(number(claim.days))},
        )
    if claims.covered:
        sheet.put(Part.LEAVE, claims.leave)
        sheet.put(Part.TRIP, claims.trip)
        sheet.put(Part.OUTING, claims.outing)
    for name, delta in sheet.roles.delta.items():
        sheet.say("D7", "flex_later" if delta > 0 else "flex_earlier", {"shift": name, "minutes": abs(delta)})


def _late_on(sheet: Sheet, roles_of: Callable[[date], DayRoles]) -> int:
    """By how much yesterday's late OUT moves the start of today's first shift (D8)."""
    tiers = sheet.plan.policy.late_off_late_on
    if not tiers or sheet.plan.duty is not Duty.DUE:
        return 0
    first = _first_shift(sheet.roles)
    if first is None or not first.units or first.units[0].first != first.instance.start:
        return 0
    yesterday = [i for i in roles_of(sheet.day - ONE_DAY).instances if i.instance.kind is InstanceKind.SHIFT]
    out_ms = yesterday[-1].out_ms() if yesterday else None
    if out_ms is None:
        return 0
    over = out_ms // MS - yesterday[-1].instance.end
    moved = max((tier.on_min for tier in tiers if over >= tier.off_min), default=0)
    if moved and any(item.in_ms() is not None for item in sheet.roles.instances):
        sheet.flag(Flag.LATE_START, "D8", {"minutes": moved, "over": over})
    return moved


def _first_shift(roles: DayRoles) -> InstanceRoles | None:
    for item in roles.instances:
        if item.instance.kind is not InstanceKind.OVERTIME:
            return item if item.instance.kind is InstanceKind.SHIFT else None
    return None


def _note_punches(sheet: Sheet, view: View) -> None:
    """Flags of the punches of the day."""
    assigned = view.assigned(sheet.day)
    _note_corrections(sheet)
    for flag in sorted(flags_of(sheet.roles)):
        args: Args = {"over": sheet.plan.policy.max_shift_min} if flag is Flag.OVER_MAX_SHIFT else {}
        sheet.flag(flag, RULE_OF[flag], args)
    if sheet.day in view.untrusted:
        sheet.flag(Flag.UNTRUSTED_TIME, "T5")
    clusters = assigned.all()
    if not clusters:
        return
    if assigned.loose and (sheet.plan.instances or len(assigned.loose) == 1):
        at_ms = assigned.loose[0].first_ms
        sheet.flag(Flag.UNSCHEDULED_PUNCH, "A5", {"at": sheet.clock(at_ms // MS)})
    stamps: list[Stamp] = []
    for cluster in clusters:
        if len(cluster.stamps) > 1:
            sheet.flag(Flag.DUPLICATE_COLLAPSED, "P2", {"at": sheet.clock(cluster.first_ms // MS)})
        stamps.extend(cluster.stamps)
    for stamp in stamps:
        if stamp.repaired:
            sheet.flag(Flag.CLOCK_REPAIRED, "T4", {"at": sheet.clock(stamp.at_ms // MS)})
    _note_sites(sheet, view, stamps)
    if sheet.claims.leave:
        _note_work_on_leave(sheet, [c for part in assigned.by_instance for c in part])


def _note_corrections(sheet: Sheet) -> None:
    """What came of each correction (C1-C3)."""
    roles = sheet.roles
    if not (roles.corrections or roles.refused or roles.repeated):
        return
    outcomes = (
        (Flag.CORRECTED, "C1", [correction.record for correction in roles.corrections]),
        (Flag.CORRECTION_REFUSED, "C2", roles.refused),
        (Flag.CONFLICT, "C3", roles.repeated),
    )
    for flag, rule, records in outcomes:
        for record in records:
            body = record.body
            if isinstance(body, CorrectionBody):
                sheet.flags.add(flag)
                at = sheet.clock(body.at_ms // MS)
                code = "conflict_correction" if flag is Flag.CONFLICT else flag.value
                sheet.say(rule, code, {**record_args(record), "side": body.side, "at": at})


def _note_sites(sheet: Sheet, view: View, stamps: list[Stamp]) -> None:
    home = view.person.site
    sited = [stamp for stamp in stamps if stamp.fact.site is not None]
    for stamp in sited:
        if home is not None and stamp.fact.site != home:
            sheet.flag(Flag.SITE_OTHER, "A1", {"site": stamp.fact.site, "at": sheet.clock(stamp.at_ms // MS)})
    travel = view.plans.rules.travel_min
    if not travel:
        return
    for one, other in combinations(sited, 2):
        pair = sorted((one.fact.site or "", other.fact.site or ""))
        needed = travel.get((pair[0], pair[1]))
        if needed is not None and pair[0] != pair[1] and abs(other.at_ms - one.at_ms) < needed * MS:
            sheet.flag(
                Flag.IMPOSSIBLE_TRAVEL, "A1", {"site": pair[0], "other_site": pair[1], "minutes": needed}
            )


def _note_work_on_leave(sheet: Sheet, clusters: list[Cluster]) -> None:
    """Punches around leave at the edges of the residual (J11)."""
    if not clusters:
        return
    first = min(cluster.first_ms for cluster in clusters) // MS
    last = max(cluster.last_ms for cluster in clusters) // MS
    leave, residual = sheet.claims.leave, sheet.roles.residual
    if residual:
        leave = minutes.union(minutes.before(leave, residual[0][0]), minutes.since(leave, residual[-1][1]))
    worked = minutes.count(minutes.clip(leave, first, last))
    if worked and worked >= sheet.plan.policy.worked_on_leave_min:
        sheet.flag(Flag.WORKED_ON_LEAVE, "J11", {"minutes": worked})


def _note_records(sheet: Sheet, view: View) -> None:
    """Flags of pending records and trips (J2, J7)."""
    for record in view.records.pending:
        if _concerns(sheet, record):
            sheet.flag(Flag.PENDING_APPROVAL, "J2", record_args(record))
    for record in view.records.claims:
        if record.kind is RecordKind.TRIP and touches(sheet.plan, record):
            sheet.flag(Flag.ON_TRIP, "J7", record_args(record))


def _concerns(sheet: Sheet, record: OfficeRecord) -> bool:
    body = record.body
    if isinstance(body, CorrectionBody | DecisionBody):
        return body.day == sheet.day
    return touches(sheet.plan, record)


def _order(event: Event) -> int:
    return ORDER[event.code]


class _Published(Struct):
    """What of a sheet the month may change (step 13)."""

    events: list[Event]
    parts: dict[Part, minutes.Minutes]
    flags: set[Flag]
    steps: list[Step]


def _published(sheet: Sheet, waived: list[Event], month_flags: list[tuple[Flag, str]]) -> _Published:
    """The sheet with lates waived (L9) and flags of the month (C4)."""
    if not waived and not month_flags:
        return _Published(sheet.events, sheet.parts, sheet.flags, sheet.steps)
    found = _Published(
        [event for event in sheet.events if event not in waived],
        dict(sheet.parts),
        set(sheet.flags),
        list(sheet.steps),
    )
    for event in waived:
        found.parts[Part.LATE] = minutes.subtract(found.parts.get(Part.LATE, ()), event.minutes)
        found.parts[Part.GRACED] = minutes.union(found.parts.get(Part.GRACED, ()), event.minutes)
        found.flags.add(Flag.LATE_WAIVED)
        found.steps.append(Step("L9", Flag.LATE_WAIVED.value, event.step.args))
    for flag, rule in month_flags:
        found.flags.add(flag)
        found.steps.append(Step(rule, flag.value, {}))
    return found


def result_of(
    sheet: Sheet, days: Days, waived: list[Event], month_flags: list[tuple[Flag, str]]
) -> AttendanceDay:
    """The result of a date; ``waived`` lates and ``month_flags`` come from the month (step 13)."""
    plan, claims, view = sheet.plan, sheet.claims, days.view
    shown = _published(sheet, waived, month_flags)
    parts = shown.parts
    events = sorted(shown.events, key=_order)
    partition = dict.fromkeys(PARTS, 0)
    for part, spans in parts.items():
        partition[part] = minutes.count(spans)
    sums = dict.fromkeys(ORDER, 0)
    for event in events:
        sums[event.code] += event.length
    in_ms, out_ms = edges_ms(sheet, view)
    known: dict[int | None, str | None] = {None: None}

    def iso(instant_ms: int | None) -> str | None:
        # Shift and day mostly share their edges.
        if instant_ms not in known and instant_ms is not None:
            known[instant_ms] = plan.zone.iso(instant_ms)
        return known[instant_ms]

    return AttendanceDay(
        date=plan.day,
        state=sheet.state,
        duty=plan.duty,
        day_type=plan.day_type,
        rule_version=plan.policy.version,
        due_days=due_days(sheet),
        required_min=plan.required_min,
        shift=tuple(instance.name for instance in plan.shifts),
        shifts=_shift_results(sheet, iso),
        findings=tuple(event.code for event in events),
        flags=tuple(sorted(shown.flags)),
        late_min=sums[FindingCode.LATE],
        serious_late_min=sums[FindingCode.SERIOUS_LATE],
        early_min=sums[FindingCode.EARLY],
        absent_days=sheet.absent_days,
        leave_min={name: length for name, length in claims.leave_min.items() if length},
        leave_days={name: count for name, count in claims.leave_days.items() if count},
        trip_min=claims.trip_min,
        trip_days=claims.trip_days,
        outing_min=claims.outing_min,
        worked_min=partition[Part.PRESENT],
        presence_min=presence_min(sheet),
        overtime_min=sheet.overtime,
        statutory_min=statutory_minutes(sheet, view.plans, days.day_type),
        corrections_n=len(sheet.roles.corrections),
        in_at=iso(in_ms),
        out_at=iso(out_ms),
        partition=partition,
        explanation=(*shown.steps, *(event.step for event in events)),
        timeline=_timeline(parts),
        waived_late_n=len(waived),
        outside_min=sheet.outside_min,
    )


def edges_ms(sheet: Sheet, view: View) -> tuple[int | None, int | None]:
    """Earliest IN and latest OUT of the date."""
    roles = sheet.roles
    pairings = roles.pairings()
    ins = [pairing.in_ms for pairing in pairings if pairing.in_ms is not None]
    outs = [pairing.out_ms for pairing in pairings if pairing.out_ms is not None]
    if not roles.plan.instances and roles.plan.duty is not Duty.NOT_EMPLOYED:
        loose = view.assigned(sheet.day).loose
        if len(loose) == 1:
            ins.append(loose[0].first_ms)
    return min(ins, default=None), max(outs, default=None)


def _shift_results(sheet: Sheet, iso: Callable[[int | None], str | None]) -> dict[str, ShiftResult]:
    found: dict[str, ShiftResult] = {}
    for item in sheet.roles.instances:
        if item.instance.kind is InstanceKind.OVERTIME:
            continue
        name = item.instance.name
        codes = sorted(sheet.by_shift.get(name, ()), key=ORDER.__getitem__)
        found[name] = ShiftResult(
            tuple(codes),
            iso(item.in_ms()),
            iso(item.out_ms()),
        )
    return found


def _timeline(parts: dict[Part, minutes.Minutes]) -> tuple[TimelineSpan, ...]:
    spans = [(start, end, part) for part, of_part in parts.items() for start, end in of_part]
    spans.sort()
    return tuple([TimelineSpan(part, start, end) for start, end, part in spans])

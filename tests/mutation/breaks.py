"""What each rule says, taken away or bent by one value: what must not go unnoticed."""

from __future__ import annotations

from typing import Final, NamedTuple


class Break(NamedTuple):
    """A piece of a function of ``cloud.rules`` and what stands there instead."""

    function: str
    piece: str
    instead: str


BREAKS: Final = {
    "T1": Break("judge._bounds", "else pairing.in_ms // MS", "else -(-pairing.in_ms // MS)"),
    "T2": Break("plan.PlanBook._day", "zone = self.local(spoken.zone)", "zone = self.zone"),
    "T3": Break("localtime.LocalTime.stamp_ms", "tzinfo=self._info", "tzinfo=self._info, fold=1"),
    "T4": Break("clusters._stamp", "> policy.clock_skew_s", "> policy.clock_skew_s + 1"),
    "T5": Break("clusters.known_punches", "if fact.clock is PunchClock.UNTRUSTED", "if False"),
    "T6": Break("clusters._once", "received > as_of_ms", "received >= as_of_ms"),
    "D1": Break("plan.PlanBook._entry", "if own.shifts:", "if False:"),
    "D2": Break("plan.PlanBook.day_type", "if entry is not None:", "if False:"),
    "D3": Break("view._employed", "return False", "return True"),
    "D4": Break("day.Days._judge", "if view.assigned(day).loose:", "if False:"),
    "D5": Break("plan.PlanBook._day", "calendar.kind is CalendarKind.HALF", "False"),
    "D6": Break("plan.PlanBook._day", "if exempt:", "if False:"),
    "D7": Break("roles.day_roles", "if plan.flexible", "if False"),
    "D8": Break("day._late_on", "over >= tier.off_min", "over > tier.off_min"),
    "D9": Break("plan.PlanBook.policy", "since <= ordinal", "since < ordinal"),
    "D10": Break("pairing.pair_free", "not _precedes(", "_precedes("),
    "A1": Break("assign.walk", "minute < place.instance.closes", "minute <= place.instance.closes"),
    "A2": Break("assign.walk", "is not InstanceKind.FREE] or opened", "is InstanceKind.FREE] or opened"),
    "A3": Break("plan.PlanBook._day", "key=lambda i: i.order", "key=lambda i: -i.start"),
    "A4": Break("assign._between", "to_end <= to_start", "to_end < to_start"),
    "A5": Break("plan.PlanBook.attendance_day", "minute < self.opens(day)", "minute <= self.opens(day)"),
    "A6": Break("assign.overtime_home", "min(holders", "max(holders"),
    "A7": Break("roles._share", "max(shared", "min(shared"),
    "P1": Break("roles._units", "if policy.punch_per_segment:", "if False:"),
    "P2": Break("clusters._joins", "return not (opposite", "return not (False"),
    "P3": Break("pairing._precedes", "<", "<="),
    "P4": Break("roles.flags_of", 'day.plan.policy.direction == "auto"', "False"),
    "P5": Break("pairing._first_last", "if rules.trust:", "if False:"),
    "P6": Break("pairing._alternate", "rules.trust and cluster.typed is Direction.OUT", "False"),
    "P7": Break("pairing.Rules.too_long", "start_ms > self", "start_ms >= self"),
    "P8": Break("judge._bounds", "and sheet.final", ""),
    "P9": Break("overtime.presence_min", "unpaid = plan.gaps", "unpaid = ()"),
    "J1": Break("records.known_records", "_version(record) > _version(other)", "True"),
    "J2": Break("claims.touches", "if plan.required:", "if False:"),
    "J3": Break(
        "roles._instance_roles", "found.whole = pair(clusters, Rules(policy))", "found.whole = Pairing()"
    ),
    "J4": Break("judge._judge_in", "unit.first + late_on", "sheet.plan.required[0][0] + late_on"),
    "J5": Break("plan._cut", 'if split == "half_span"', "if False"),
    "J6": Break("claims._half_days", "asked_min)", "asked_min + 1)"),
    "J7": Break("claims._claim_day_off", "won = halves - taken", "won = halves"),
    "J8": Break("roles._waive", 'plan.policy.trip_edge_punch != "waived"', "True"),
    "J9": Break("claims._claim_minutes", "minutes.subtract(asked, found.covered)", "asked"),
    "J10": Break("claims._claim_minutes", "minutes.intersect(plan.required, hour_minutes(record))",
                 "hour_minutes(record)"),
    "J11": Break("day._note_work_on_leave", "worked >= sheet", "worked > sheet"),
    "L1": Break("judge._judge_in", "came > expected", "came >= expected"),
    "L2": Break("judge._judge_out", "left < unit.end", "left <= unit.end"),
    "L3": Break("judge._judge_in", 'if policy.count_from == "grace_end":', "if False:"),
    "L4": Break("judge._over", "length > limit", "length >= limit"),
    "L5": Break("judge._judge_bare", 'sheet.plan.policy.no_punch == "absent"', "True"),
    "L6": Break("absence.cap", "return max(NONE_DUE, left)", "return due_days(sheet)"),
    "L7": Break("absence._judge_thresholds", "worked < half * share", "worked <= half * share"),
    "L8": Break("judge._judge_unit", "if end is not None and", "if not sheet.events and end is not None and"),
    "L9": Break("engine._count", "event.length <= policy", "event.length < policy"),
    "O1": Break("overtime._Bound.less", "in _NEAR:", "in _NEAR[:1]:"),
    "O2": Break("overtime._counted", "minutes.intersect(sets.asked, sets.outside)", "sets.asked"),
    "O3": Break("overtime._sets", "minutes.since(outside, max(i.end for i in fixed))", "outside"),
    "O4": Break("overtime._rounded", "total < policy", "total <= policy"),
    "O5": Break("overtime._classes", "min(end, zone.midnight(ordinal + 1))", "end"),
    "O6": Break("overtime._flags", "if extra >= max", "if extra > max"),
    "O7": Break("month._add_comprehensive", "- found.statutory_min", ""),
    "S1": Break("states.state_of", "plan.window_end * MS", "plan.closes * MS"),
    "S2": Break("states.state_of", "view.as_of_ms < end_ms", "view.as_of_ms <= end_ms"),
    "S3": Break("states.state_of", "watermark < end_ms", "watermark <= end_ms"),
    "S4": Break("states.mask", "sheet.move(Part.ABSENT, Part.PENDING) +", ""),
    "C1": Break("roles._apply", "- e.at * MS), e.at)", "- e.at * MS), -e.at)"),
    "C2": Break("pairing._correct_in", "at_ms >= pairing.out_ms", "at_ms > pairing.out_ms"),
    "C3": Break("roles._apply", "if isinstance(held, OfficeRecord):", "if False:"),
    "C4": Break("engine._count", "month.corrections > policy", "month.corrections >= policy"),
    "C5": Break("decisions.decide", "decisions[-1]", "decisions[0]"),
    "M1": Break("month._add_events", "found.late_n += 1", "found.late_n = 1"),
    "M2": Break("month.sum_days", " - day.absent_days", ""),
    "M3": Break("month.sum_days", "states.add(day.state.value)", "pass"),
    "M4": Break("engine.Judge.published", "if locked is None else locked", ""),
    "M5": Break("month.adjustments", "max(opened, locked)", "locked"),
    "M6": Break("engine.Judge.locked_at", "event.at_ms >= last.at_ms", "event.at_ms < last.at_ms"),
    "M7": Break("rounding.number", "+ Fraction(1, 2)", ""),
    "V1": Break("shifts._flex_faults", ">= first_break", "> first_break"),
    "V2": Break("shifts.window_fault", "length < DAY_MIN", "length <= DAY_MIN"),
    "V3": Break("engine.Judge.check", "other[0] < one[1]", "False"),
    "V4": Break("policy.check_policy", "known != sorted(known)", "False"),
}  # fmt: skip
ELSEWHERE: Final = {"J12": "adapters decode spans before the engine: tests/unit/cloud/office"}
"""Rules of which the engine has nothing that could break."""

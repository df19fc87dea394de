"""The story's own arithmetic against the rules engine, for all its people, without any storage between."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from cloud.rules.engine import Judge
from cloud.rules.facts import (
    CalendarDay,
    CalendarKind,
    Employment,
    PersonFacts,
    PolicyVersion,
    PunchFact,
    RosterEntry,
    RuleSet,
    WorkShift,
)
from cloud.rules.policy import Policy
from models.attendance import AttendanceDay
from models.clock import to_ms
from models.ids import PersonId
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    Half,
    OfficeRecord,
    RecordKind,
    RecordStatus,
    SpanUnit,
)
from scripts.story import compare, plan
from scripts.story.days import Form, Verdict
from scripts.story.people import Member, Rhythm
from scripts.story.workdays import days, kind_of, shift_of

DAY = WorkShift("DAY", ((540, 720), (780, 1080)))
NIGHT = WorkShift("NIGHT", ((1320, 1560), (1620, 1800)))


def rule_set(story: plan.Story) -> RuleSet:
    kinds = {
        day: kind_of(day) for day in days(story.span.first - timedelta(7), story.span.last + timedelta(7))
    }
    return RuleSet(
        zone="Asia/Shanghai",
        policies=(PolicyVersion(Policy(late_grace_min=5, serious_late_over_min=30, absent_over_min=120)),),
        shifts={"DAY": DAY, "NIGHT": NIGHT},
        week={weekday: RosterEntry(("DAY",)) for weekday in range(5)},
        calendar={day: CalendarDay(CalendarKind(kind.value)) for day, kind in kinds.items() if kind},
    )


def instant(text: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=plan.ZONE))


def record(number: int, form: Form) -> OfficeRecord:
    body: ClockSpan | DateSpan | CorrectionBody
    if form.kind == "correction":
        at_ms = instant(form.start)
        local = datetime.fromisoformat(form.start)
        night_end = local.time() == time(6)
        body = CorrectionBody(local.date() - timedelta(days=night_end), form.unit, at_ms)
    elif form.unit == "hour":
        body = ClockSpan(instant(form.start), instant(form.end))
    else:
        (first, *am), (last, *pm) = form.start.split(), form.end.split()
        body = DateSpan(
            date.fromisoformat(first),
            Half(am[0]) if am else Half.AM,
            date.fromisoformat(last),
            Half(pm[0]) if pm else Half.PM,
        )
    unit = SpanUnit.HOUR if form.kind == "correction" else SpanUnit(form.unit)
    return OfficeRecord(
        source="oa",
        source_id=str(number),
        version=1,
        person_id=PersonId(form.member.employee_no),
        kind=RecordKind(form.kind),
        status=RecordStatus.APPROVED,
        unit=unit,
        body=body,
        known_ms=0,
        leave_type=form.leave_type or None,
    )


def facts(story: plan.Story, rules: RuleSet, member: Member) -> PersonFacts:
    first, last = story.span.first - timedelta(3), story.span.last + timedelta(3)
    roster = {}
    if member.rhythm is not Rhythm.OFFICE:
        for day in days(first, last):
            shift = shift_of(member, day, story.span.today)
            roster[day] = RosterEntry((shift.value,) if shift else ())
    return PersonFacts(
        person_id=PersonId(member.employee_no),
        rules=rules,
        as_of_ms=to_ms(datetime.combine(story.span.today, time(4), plan.ZONE)),
        employment=Employment(member.hire, member.last_day),
        roster=roster,
        punches=tuple(
            PunchFact(press.wall_ms, device=str(press.door), seq=number)
            for number, press in enumerate(story.presses)
            if press.employee_no == member.employee_no
        ),
        records=tuple(record(n, form) for n, form in enumerate(story.forms) if form.member is member),
    )


def as_json(day: AttendanceDay) -> dict[str, compare.Json]:
    return {
        "findings": [str(code) for code in day.findings],
        "late_min": day.late_min,
        "serious_late_min": day.serious_late_min,
        "early_min": day.early_min,
        "absent_days": str(day.absent_days),
        "leave_days": {kind: str(amount) for kind, amount in day.leave_days.items()},
        "trip_days": str(day.trip_days),
        "outing_min": day.outing_min,
        "overtime_min": {str(kind): amount for kind, amount in day.overtime_min.items()},
        "corrections_n": day.corrections_n,
    }


@pytest.mark.parametrize("today", [date(2026, 11, 24), date(2026, 10, 9), date(2027, 3, 1)], ids=str)
def test_the_engine_judges_every_day_as_the_story_says(today: date):
    story = plan.tell(today)
    rules = rule_set(story)
    wrong = []
    for member in story.members:
        judge = Judge(facts(story, rules, member))
        for day in story.span.dates():
            wanted = compare.expected(story.verdicts.get((member.employee_no, day), Verdict()))
            got = compare.of_day(as_json(judge.published(day)))
            wrong += [f"{member.employee_no} {day} {text}" for text in compare.differences(wanted, got)]

    assert wrong == []

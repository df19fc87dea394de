"""What a day shows beside its fields: the minutes in place, the evidence, why nothing is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from cloud.rules.casefile import facts
from cloud.rules.casenode import Node
from cloud.rules.engine import judge
from cloud.rules.errors import RefusalCode, RefusedInput
from cloud.rules.explain import explain
from cloud.rules.facts import RosterEntry
from models.attendance import AttendanceDay, Part
from models.punch import Method

DAY = date(2026, 11, 18)
MIDNIGHT = 29_915_520
CASE: dict[str, Any] = {
    "zone": "Asia/Shanghai",
    "shifts": {"DAY": {"segments": ["09:00-12:00", "13:00-18:00"]}},
    "week": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "DAY"),
    "as_of": "2026-12-31 00:00",
}


def result(day: date = DAY, **parts: Any) -> AttendanceDay:
    (found,) = judge(facts(Node({**CASE, **parts})), day, day)
    return found


def test_minutes_stand_where_they_are_in_order():
    leave = {"kind": "leave", "type": "sick", "from": "2026-11-18 16:00", "to": "2026-11-18 18:00"}
    shown = result(punches=["2026-11-18 09:10 16:00"], records=[leave])

    assert shown.date == DAY
    assert [(span.part, span.start_min - MIDNIGHT, span.end_min - MIDNIGHT) for span in shown.timeline] == [
        (Part.LATE, 540, 550),
        (Part.PRESENT, 550, 720),
        (Part.PRESENT, 780, 960),
        (Part.LEAVE, 960, 1080),
    ]


def test_a_step_names_terminal_and_evidence_of_its_punch():
    person = facts(
        Node({**CASE, "punches": [{"at": "2026-11-18 09:10", "device": "d1"}, "2026-11-18 18:00"]})
    )
    first, last = person.punches
    person = replace(person, punches=(replace(first, method=Method.FACE), last))

    (shown,) = judge(person, DAY, DAY)

    came, left, late = shown.explanation
    assert dict(came.args) == {"in": "09:10", "device": "d1", "method": "face", "due": "09:00"}
    assert dict(left.args) == {"out": "18:00", "due": "18:00"}
    assert late.args["method"] == "face"


@pytest.mark.parametrize(
    ("day", "parts", "rule", "zh", "en"),
    [
        (date(2026, 11, 21), {}, "D1", "周六按周班制休息（v1）", "Day off: Saturday by the week of v1"),
        (date(2026, 11, 21), {"calendar": {"2026-11-21": "makeup"}, "week": {"mon": "off"}}, "D1",
         "周六按周班制休息（v1）", "Day off: Saturday by the week of v1"),
        (DAY, {"roster": {"2026-11-18": "off"}}, "D1", "排班为休息", "Day off by roster"),
        (DAY, {"roster": {"2026-11-18": "off"}, "calendar": {"2026-11-18": "statutory"}}, "D1",
         "排班为休息", "Day off by roster"),
        (DAY, {"calendar": {"2026-11-18": "statutory"}}, "D1",
         "法定节假日：司庆", "Statutory holiday: 司庆"),
        (DAY, {"calendar": {"2026-11-18": "rest"}}, "D1", "日历休息日：司庆", "Day off by calendar: 司庆"),
        (DAY, {"employment": {"hire": "2026-11-19"}}, "D3",
         "当日不在职，不作要求", "Not employed on that date: nothing is due"),
        (DAY, {"employment": {"exempt": [{"from": "2026-11-18", "to": "2026-11-18"}]}}, "D6",
         "当日免考勤，不作要求", "Exempt from attendance: nothing is due"),
        (DAY, {"calendar": {"2026-11-18": {"kind": "half", "half": "pm"}}}, "D5",
         "下午放假：司庆，免 300 分钟", "Afternoon off: 司庆, 300 min are not due"),
        (DAY, {"calendar": {"2026-11-18": {"kind": "half", "half": "am"}}}, "D5",
         "上午放假：司庆，免 180 分钟", "Morning off: 司庆, 180 min are not due"),
    ],
)  # fmt: skip
def test_a_day_on_which_nothing_is_due_says_why(
    day: date, parts: dict[str, Any], rule: str, zh: str, en: str
):
    step = result(day, **parts).explanation[0]

    assert step.rule == rule
    assert explain(step, "zh", {"2026-11-18": "司庆"}) == zh
    assert explain(step, "en", {"2026-11-18": "司庆"}) == en


def test_a_due_day_says_nothing_of_the_kind():
    assert [step.code for step in result(punches=["2026-11-18 09:00 18:00"]).explanation] == ["in", "out"]


def test_a_holiday_without_a_name_has_its_date():
    (step,) = result(calendar={"2026-11-18": "statutory"}).explanation

    assert explain(step, "en", {}) == "Statutory holiday: 2026-11-18"


def test_of_one_number_with_different_words_the_first_received_is_the_fact():
    def punch(at: str, received: str, **more: Any) -> dict[str, Any]:
        day = "2026-11-18"
        return {"at": f"{day} {at}", "device": "d1", "seq": 1, "received": f"{day} {received}", **more}

    came = [
        punch("09:30", "12:00"),
        punch("09:00", "10:00"),
        punch("09:45", "11:00"),
        punch("09:50", "10:00"),
    ]
    left = [punch("18:00", "19:00", seq=2), punch("17:00", "20:00", seq=2)]
    others = [punch("17:10", "20:00", epoch=1), punch("17:30", "20:00", device="d2")]

    for punches in (came + left + others, (came + left + others)[::-1]):
        shown = result(punches=punches)
        assert (shown.in_at, shown.out_at) == ("2026-11-18T09:00:00+08:00", "2026-11-18T18:00:00+08:00")
    assert result(punches=came + others).out_at == "2026-11-18T17:30:00+08:00"
    assert result(punches=[came[0], others[0]]).out_at == "2026-11-18T17:10:00+08:00"


def test_overtime_asked_by_halves_runs_from_midnight_or_noon_to_noon_or_midnight():
    def asked(first: str, last: str, day: date) -> dict[str, int]:
        form = {"kind": "overtime", "unit": "half_day", "from": first, "to": last}
        shown = result(day, records=[form], policy={"overtime_mode": "approval"})
        return {kind.value: length for kind, length in shown.overtime_min.items()}

    assert asked("2026-11-21 pm", "2026-11-22 am", date(2026, 11, 21)) == {"rest": 1440}
    assert asked("2026-11-21 pm", "2026-11-21 pm", date(2026, 11, 21)) == {"rest": 720}
    assert asked("2026-11-14 am", "2026-11-14 am", date(2026, 11, 13)) == {"rest": 720}


def test_equal_versions_known_at_one_instant_speak_the_same_in_any_order():
    def leave(kind: str) -> dict[str, Any]:
        day = {"from": "2026-11-18", "to": "2026-11-18"}
        return {"kind": "leave", "type": kind, "unit": "day", "id": "1", **day}

    forms = [leave("sick"), leave("annual")]
    one, other = result(records=forms), result(records=forms[::-1])

    assert one == other
    assert len(one.leave_days) == 1


def test_a_leave_that_says_no_type_is_leave_all_the_same():
    shown = result(records=[{"kind": "leave", "unit": "day", "from": "2026-11-18", "to": "2026-11-18"}])

    assert shown.leave_min == {"": 480}
    assert shown.absent_days == 0


def test_a_roster_of_a_shift_that_is_not_there_is_refused():
    person = replace(facts(Node(CASE)), roster={DAY: RosterEntry(("ZZ",))})

    with pytest.raises(RefusedInput) as refused:
        judge(person, DAY, DAY)

    assert refused.value.code is RefusalCode.BAD_SHIFT
    assert refused.value.detail == "2026-11-18: there is no shift 'ZZ'"

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from msgspec.structs import replace

from cloud.attendance.codec import brief_of
from cloud.reports.marks import NOT_JUDGED, Cell, Mark, Verdict, cell_of, verdicts_of
from models.attendance import (
    AttendanceDay,
    DayState,
    DayType,
    Duty,
    FindingCode,
    Flag,
    Part,
    TimelineSpan,
)

V = Verdict
DUE = AttendanceDay(
    date(2026, 11, 18),
    DayState.FINAL,
    Duty.DUE,
    DayType.WORKDAY,
    "v1",
    due_days=Fraction(1),
    required_min=480,
)
OFF = replace(DUE, duty=Duty.OFF, day_type=DayType.REST, due_days=Fraction(0), required_min=0)
HOLIDAY = replace(OFF, day_type=DayType.STATUTORY)
ALL_THREE = (FindingCode.LATE, FindingCode.EARLY, FindingCode.MISSING_OUT)


def spans(*parts: tuple[Part, int, int]) -> tuple[TimelineSpan, ...]:
    return tuple(TimelineSpan(*part) for part in parts)


MORNING_LEAVE = replace(
    DUE,
    leave_min={"annual": 180},
    leave_days={"annual": Fraction(1, 2)},
    timeline=spans((Part.LEAVE, 540, 720), (Part.PRESENT, 780, 1080)),
)

MORNING_OUTING = replace(
    DUE, outing_min=120, timeline=spans((Part.OUTING, 540, 660), (Part.PRESENT, 660, 1080))
)


@pytest.mark.parametrize(
    ("day", "marks"),
    [
        (DUE, [V.NORMAL]),
        (OFF, [V.REST]),
        (HOLIDAY, [V.STATUTORY]),
        (replace(HOLIDAY, overtime_min={DayType.STATUTORY: 60}), [V.STATUTORY, V.OVERTIME]),
        (replace(OFF, overtime_min={DayType.REST: 60}), [V.OVERTIME]),
        (replace(OFF, flags=(Flag.ON_TRIP,)), [V.TRIP]),
        (replace(OFF, leave_days={"maternity": Fraction(1)}), [V.LEAVE]),
        (replace(DUE, duty=Duty.EXEMPT), [V.EXEMPT]),
        (replace(DUE, duty=Duty.NOT_EMPLOYED), [V.NONE]),
        (replace(DUE, state=DayState.IN_PROGRESS), [V.OPEN]),
        (replace(DUE, state=DayState.IN_PROGRESS, findings=(FindingCode.LATE,)), [V.LATE]),
        (replace(DUE, state=DayState.PENDING_DATA), [V.PENDING]),
        (replace(DUE, state=DayState.PENDING_DATA, findings=(FindingCode.LATE,)), [V.LATE, V.PENDING]),
        (replace(DUE, findings=(FindingCode.ABSENT,), absent_days=Fraction(1)), [V.ABSENT]),
        (
            replace(
                DUE,
                findings=(FindingCode.ABSENT_HALF,),
                absent_days=Fraction(1, 2),
                timeline=spans((Part.ABSENT, 540, 700), (Part.PRESENT, 700, 1080)),
            ),
            [V.ABSENT, V.NORMAL],
        ),
        (replace(DUE, findings=(FindingCode.SHORT_HOURS,)), [V.SHORT]),
        (replace(DUE, findings=(FindingCode.MISSING_IN, FindingCode.MISSING_OUT)), [V.MISSING]),
        (replace(DUE, overtime_min={DayType.WORKDAY: 60}), [V.NORMAL, V.OVERTIME]),
        (MORNING_LEAVE, [V.LEAVE, V.NORMAL]),
        (replace(MORNING_LEAVE, findings=(FindingCode.LATE,)), [V.LEAVE, V.LATE]),
        (replace(DUE, trip_min=480, trip_days=Fraction(1)), [V.TRIP]),
        (MORNING_OUTING, [V.OUTING, V.NORMAL]),
    ],
)  # fmt: skip
def test_a_cell_shows_at_most_two_verdicts_in_order_of_time(day: AttendanceDay, marks: list[Verdict]):
    assert [mark.verdict for mark in cell_of(brief_of(day)).marks] == marks


def test_the_weightiest_two_of_many_are_shown_and_the_rest_is_hinted_at():
    day = brief_of(replace(DUE, findings=ALL_THREE, overtime_min={DayType.WORKDAY: 60}))

    cell = cell_of(day)

    assert {mark.verdict for mark in cell.marks} == {V.MISSING, V.LATE}
    assert cell.more
    assert verdicts_of(day) == {V.LATE, V.EARLY, V.MISSING, V.OVERTIME}


def test_leave_keeps_its_type():
    assert cell_of(brief_of(MORNING_LEAVE)).marks[0] == Mark(V.LEAVE, "annual")


@pytest.mark.parametrize("flag", [Flag.CORRECTED, Flag.DECIDED])
def test_a_corrected_or_decided_day_is_marked(flag: Flag):
    assert cell_of(brief_of(replace(DUE, flags=(flag,)))).corrected


def test_a_day_with_an_undecided_form_is_marked_and_found():
    day = brief_of(replace(DUE, flags=(Flag.PENDING_APPROVAL,)))

    assert cell_of(day).undecided
    assert V.PENDING in verdicts_of(day)


def test_what_is_not_stored_is_not_judged():
    assert cell_of(None) == NOT_JUDGED == Cell((Mark(V.NONE),))

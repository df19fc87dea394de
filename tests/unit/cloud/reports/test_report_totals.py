from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from cloud.attendance.codec import brief, brief_of, encode
from cloud.reports.totals import total
from cloud.rules.month import sum_days
from cloud.rules.policy import Policy
from models.attendance import AttendanceDay, DayState, DayType, Duty, FindingCode, Flag

thirds = st.fractions(min_value=0, max_value=1, max_denominator=480)
minutes = st.integers(0, 600)


@st.composite
def a_day(draw: st.DrawFn, day: date) -> AttendanceDay:
    return AttendanceDay(
        date=day,
        state=draw(st.sampled_from(DayState)),
        duty=draw(st.sampled_from(Duty)),
        day_type=draw(st.sampled_from(DayType)),
        rule_version="v1",
        due_days=draw(st.sampled_from((Fraction(0), Fraction(1, 2), Fraction(1)))),
        required_min=draw(minutes),
        findings=tuple(draw(st.lists(st.sampled_from(FindingCode), max_size=4))),
        flags=tuple(draw(st.sets(st.sampled_from(Flag), max_size=3))),
        late_min=draw(minutes),
        serious_late_min=draw(minutes),
        early_min=draw(minutes),
        absent_days=draw(thirds),
        leave_min=draw(st.dictionaries(st.sampled_from(("annual", "sick")), minutes)),
        leave_days=draw(st.dictionaries(st.sampled_from(("annual", "sick")), thirds)),
        trip_min=draw(minutes),
        trip_days=draw(thirds),
        outing_min=draw(minutes),
        worked_min=draw(minutes),
        presence_min=draw(minutes),
        overtime_min=draw(st.dictionaries(st.sampled_from(DayType), minutes)),
        statutory_min=draw(minutes),
        corrections_n=draw(st.integers(0, 2)),
        waived_late_n=draw(st.integers(0, 1)),
    )


months = st.integers(0, 5).flatmap(
    lambda n: st.tuples(*(a_day(date(2026, 11, 1) + timedelta(days=place)) for place in range(n)))
)


@given(months)
def test_the_month_adds_up_as_the_rules_do(days: tuple[AttendanceDay, ...]):
    by_rules = sum_days(days, Policy(), provisional=False)
    shown = total(brief(encode(day)) for day in days)

    for one in fields(shown):
        if one.name in {"findings", "open_n"}:
            continue
        mine, theirs = getattr(shown, one.name), getattr(by_rules, one.name)
        if isinstance(mine, dict):
            mine = {key: value for key, value in mine.items() if value}
            theirs = {key: value for key, value in theirs.items() if value}
        assert mine == theirs, one.name
    assert shown.late_n == by_rules.late_n
    assert shown.serious_late_n == by_rules.serious_late_n
    assert shown.early_n == by_rules.early_n
    assert shown.missing_n == by_rules.missing_in_n + by_rules.missing_out_n
    assert shown.open_n == sum(day.state is not DayState.FINAL for day in days)


def test_thirds_of_days_add_up_to_a_day():
    days = [
        AttendanceDay(
            date(2026, 11, n),
            DayState.FINAL,
            Duty.DUE,
            DayType.WORKDAY,
            "v1",
            due_days=Fraction(1),
            leave_days={"sick": Fraction(160, 480)},
        )
        for n in (2, 3, 4)
    ]

    shown = total(map(brief_of, days))

    assert shown.leave_days == {"sick": 1}
    assert shown.present_days == 2


@given(a_day(date(2026, 11, 2)))
def test_the_brief_of_a_day_is_the_same_from_the_store_and_from_the_result(day: AttendanceDay):
    assert brief(encode(day)) == brief_of(day)

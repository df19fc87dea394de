from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction
from random import Random

import pytest

from models.punch import Method
from scripts.story import days, plan
from scripts.story.people import DEPARTMENTS, Rhythm, company
from scripts.story.workdays import Kind, Shift, is_workday, kind_of, shift_of, span_before

TODAY = date(2026, 11, 24)
RUN_DATES = [
    date(2026, 11, 24),
    date(2026, 10, 8),
    date(2027, 3, 1),
    date(2028, 2, 29),
    date(2031, 1, 1),
]


@pytest.fixture(scope="module")
def story() -> plan.Story:
    return plan.tell(TODAY)


def test_the_same_seed_and_date_tell_the_same_story(story):
    assert repr(plan.tell(TODAY)) == repr(story)
    assert plan.tell(TODAY, seed=7).presses != story.presses


@pytest.mark.parametrize("today", RUN_DATES, ids=str)
def test_any_run_date_has_whole_months_up_to_yesterday(today):
    span = span_before(today)

    assert span.first.day == 1
    assert span.last == today - timedelta(days=1)
    assert 46 <= len(list(span.dates())) <= 76


@pytest.mark.parametrize("today", RUN_DATES, ids=str)
def test_any_run_date_has_every_kind_of_day(today):
    verdict = plan.total(plan.tell(today).verdicts.values())

    assert verdict.late_n > verdict.serious_late_n > 0
    assert verdict.early_n
    assert verdict.missing_in_n
    assert verdict.missing_out_n
    assert verdict.absent_days
    assert set(verdict.leave_days) == {"annual", "sick", "personal"}
    assert verdict.trip_days
    assert verdict.outing_min
    assert set(verdict.overtime_min) == {"workday", "rest"}
    assert verdict.corrections_n


def test_the_company_has_150_people_in_its_departments(story):
    counts = Counter(member.department for member in story.members)

    assert counts == {department.name: department.size for department in DEPARTMENTS}
    assert sum(counts.values()) == 150
    assert len({member.employee_no for member in story.members}) == 150
    assert len({member.name for member in story.members}) == 150
    assert sum(member.language == "en" for member in story.members) == 6


def test_two_join_and_one_leaves_amid_the_history(story):
    joined = [m for m in story.members if m.hire > story.span.first]
    left = [m for m in story.members if m.last_day is not None]

    assert (len(joined), len(left)) == (2, 1)
    for press in story.presses:
        member = next(m for m in story.members if m.employee_no == press.employee_no)
        assert member.employed_on(plan.local_date(press.wall_ms)) or member.rhythm is Rhythm.ROTA


def test_nothing_happens_after_yesterday(story):
    midnight = plan.local_date(story.presses[-1].wall_ms)

    assert midnight <= story.span.last
    assert all(story.span.first <= day <= story.span.last for _, day in story.verdicts)


def test_the_published_calendar_of_the_national_day_of_2026_is_kept():
    assert kind_of(date(2026, 10, 1)) is Kind.STATUTORY
    assert kind_of(date(2026, 10, 7)) is Kind.REST
    assert kind_of(date(2026, 10, 10)) is Kind.MAKEUP
    assert is_workday(date(2026, 10, 10))
    assert not is_workday(date(2026, 10, 11))
    assert kind_of(date(2026, 11, 24)) is None


def test_a_rota_has_nights_that_never_run_into_a_day_shift(story):
    workers = [m for m in story.members if m.rhythm is Rhythm.ROTA]
    nights = 0
    for member in workers:
        for day in story.span.dates():
            if shift_of(member, day, TODAY) is Shift.NIGHT:
                nights += 1
                assert shift_of(member, day + timedelta(days=1), TODAY) is not Shift.DAY

    assert nights > 100
    assert not any(shift_of(m, story.span.last, TODAY) is Shift.NIGHT for m in workers)


def test_weekend_people_work_five_days_of_seven(story):
    member = next(m for m in story.members if m.rhythm is Rhythm.WEEKENDS)
    week = [date(2026, 11, 16) + timedelta(days=n) for n in range(7)]

    assert sum(shift_of(member, day, TODAY) is Shift.DAY for day in week) == 5


def test_whole_days_away_have_no_presses(story):
    away = {
        (who, day)
        for (who, day), verdict in story.verdicts.items()
        if sum(verdict.leave_days.values(), verdict.trip_days) == 1 or verdict.absent_days
    }
    nights = {m.employee_no for m in story.members if m.rhythm is Rhythm.ROTA}
    seen = {(p.employee_no, plan.local_date(p.wall_ms)) for p in story.presses if p.employee_no not in nights}

    assert away
    assert not away & seen


def test_a_door_never_sees_two_presses_at_one_instant_of_one_person(story):
    assert len({(p.wall_ms, p.employee_no) for p in story.presses}) == len(story.presses)
    assert {p.door for p in story.presses} == {0, 1, 2}
    assert all((p.score_milli is None) == (p.method is Method.PIN) for p in story.presses)


def test_the_month_is_the_sum_of_its_days(story):
    months = [story.month(m.employee_no, month) for m in story.members for month in story.span.months()]

    assert plan.total(months) == plan.total(story.verdicts.values())


def test_the_total_adds_fields_and_keys():
    one = days.Verdict(late_n=1, late_min=7, leave_days={"sick": Fraction(1, 2)})
    two = days.Verdict(late_n=1, leave_days={"sick": Fraction(1, 4), "annual": Fraction(1)})

    assert plan.total([one, two]) == days.Verdict(
        late_n=2, late_min=7, leave_days={"sick": Fraction(3, 4), "annual": Fraction(1)}
    )
    assert plan.total([]) == days.Verdict()


@pytest.fixture
def due() -> days.Due:
    member = company(1, date(2026, 10, 1), date(2026, 11, 23))[0]
    return days.Due(member, date(2026, 11, 18), Shift.DAY, Random(1))


@pytest.mark.parametrize(("kind", "first_after"), [(days.late, 6), (days.serious_late, 31), (days.graced, 1)])
def test_who_is_late_came_as_many_minutes_after_nine(due, kind, first_after):
    scene = kind(due)
    minutes = (scene.presses[0] - 9 * 3600) // 60

    assert minutes >= first_after
    assert scene.verdict.late_min + scene.verdict.serious_late_min in {minutes, 0}
    assert (scene.verdict == days.Verdict()) == (kind is days.graced)


def test_a_night_ends_on_the_next_date():
    member = company(1, date(2026, 10, 1), date(2026, 11, 23))[0]
    night = days.Due(member, date(2026, 11, 30), Shift.NIGHT, Random(1))

    form = days.corrected_out(night).forms[0]

    assert form.start == "2026-12-01 06:00"


def test_the_morning_of_the_run_date_stops_at_the_clock(story):
    nine = next(p.wall_ms for p in plan.this_morning(story, 2**47).presses)
    until = nine + 40 * 60_000

    morning = plan.this_morning(story, until).presses

    assert morning
    assert all(plan.local_date(press.wall_ms) == TODAY for press in morning)
    assert morning[-1].wall_ms < until
    assert plan.this_morning(story, nine).presses == ()


def test_who_is_away_this_morning_has_a_form_and_no_press(story):
    morning = plan.this_morning(story, 2**47)
    away = {form.member.employee_no for form in morning.forms}

    assert {form.kind for form in morning.forms} == {"leave", "trip"}
    assert not away & {press.employee_no for press in morning.presses}
    assert all(form.start == str(TODAY) for form in morning.forms)

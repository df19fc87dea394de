from __future__ import annotations

import io
from collections import Counter
from datetime import date, datetime, time

import pytest
import xlsxwriter

from models.clock import from_ms, to_ms
from models.ids import PersonId
from scripts.story import audit, plan
from scripts.story.audit import Stored

TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def story() -> plan.Story:
    return plan.tell(TODAY)


@pytest.fixture(scope="module")
def people(story) -> dict[str, PersonId]:
    return {member.employee_no: PersonId(f"p-{member.employee_no}") for member in story.members}


def all_stored(story: plan.Story, people: dict[str, PersonId]) -> Stored:
    return Counter(
        (people[press.employee_no], f"t-{press.door}", from_ms(press.wall_ms).isoformat())
        for press in story.presses
    )


def test_all_punches_stored_once_is_right(story, people):
    found = audit.punches(story, people, all_stored(story, people), len(story.presses))

    assert found.wrong == ()
    assert found.section["punches"] == {
        "made": len(story.presses),
        "stored": len(story.presses),
        "doubled": 0,
        "lost": 0,
    }


def test_a_lost_and_a_doubled_punch_do_not_cancel_out(story, people):
    stored = all_stored(story, people)
    first, second = list(stored)[:2]
    del stored[first]
    stored[second] += 1

    found = audit.punches(story, people, stored, len(story.presses))

    assert found.section["punches"] == {
        "made": len(story.presses),
        "stored": len(story.presses),
        "doubled": 1,
        "lost": 1,
    }
    assert found.wrong


def test_a_punch_at_another_instant_is_a_lost_one(story, people):
    stored = all_stored(story, people)
    person, door, _ = next(iter(stored))
    del stored[next(iter(stored))]
    stored[person, door, "2026-11-01T00:00:00+00:00"] += 1

    found = audit.punches(story, people, stored, len(story.presses)).section["punches"]

    assert isinstance(found, dict)
    assert found["lost"] == 1


def at(hour: int) -> int:
    return to_ms(datetime.combine(TODAY, time(hour), plan.ZONE))


def test_days_off_are_over_when_the_attendance_day_is(story):
    midnight = {day for _, day in audit._days_over(story, at(0))}
    later = list(audit._days_over(story, at(4)))

    assert TODAY not in midnight
    assert len(list(audit._days_over(story, at(0)))) < len(later)
    assert len(list(audit._days_over(story, at(23)))) == len(later)


def test_nobody_is_judged_before_the_first_punch_or_outside_the_contract(story):
    over = list(audit._days_over(story, at(23)))
    first = plan.local_date(story.presses[0].wall_ms)

    assert min(day for _, day in over) == first
    assert all(member.employed_on(day) for member, day in over)
    assert not any(day < first for _, day in story.verdicts)


def test_rows_about_people_are_counted_headers_and_legends_are_not():
    text = "工号,姓名\n1001,甲\n1002,乙\n合计,2\n"
    book = io.BytesIO()
    with xlsxwriter.Workbook(book) as workbook:
        sheet = workbook.add_worksheet()
        for number, line in enumerate(text.splitlines()):
            sheet.write_row(number, 0, line.split(","))

    assert audit.csv_rows(("\ufeff" + text).encode(), {"1001", "1002", "1003"}) == 2
    assert audit.xlsx_rows(book.getvalue(), {"1001", "1002", "1003"}) == 2

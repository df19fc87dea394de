from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from sqlalchemy import delete, insert, select, update

from cloud.attendance import stale
from cloud.attendance.blockers import BlockerKind, blockers
from cloud.attendance.closing import NotReopened, Refused, close
from cloud.attendance.codec import decode
from cloud.attendance.content import hash_of_days, recount
from cloud.attendance.periods import EventKind, PeriodEvent, closings, history
from cloud.attendance.published import people_in, published_days
from cloud.db.tables import (
    attendance_days,
    audit,
    calendar_years,
    closed_adjustments,
    closed_days,
    groups,
    late_days,
    office_records,
    people,
    stale_days,
)
from cloud.reports.dates import Month
from models.attendance import FindingCode
from models.ids import PersonId
from models.office import RecordStatus
from tests.unit.cloud.attendance.books import DECEMBER, NOVEMBER, OCTOBER, Books
from tests.unit.cloud.attendance.conftest import Office


@pytest.fixture
def books(office: Office) -> Books:
    return Books(office)


def test_a_month_that_is_over_and_whole_is_closed_and_said_so(books: Books):
    event = books.close()

    assert (event.kind, event.actor, event.people_n) == (EventKind.CLOSED, "hr", 2)
    with books.office.database.read() as connection:
        assert closings(connection) == {OCTOBER: event}
        assert recount(connection, event) == event.hash
        [said] = connection.execute(select(audit).where(audit.c.target == "2026-10")).all()
    assert (said.actor, said.action, said.detail["hash"]) == ("hr", "period_closed", event.hash)


def test_what_is_closed_shows_the_same_bytes_whatever_becomes_known(books: Books):
    event = books.close()
    before = books.published()

    books.known("2026-11-03 09:00")
    books.office.press("2026-10-29 08:40")
    books.leave(date(2026, 10, 30))
    books.office.judge()

    assert books.office.days()["2026-10-29"].late_min == 0
    assert books.published() == before
    assert books.published()[29].late_min == 12
    with books.office.database.read() as connection:
        assert recount(connection, event) == event.hash


def test_late_facts_become_adjustments_of_the_next_month(books: Books):
    books.close()
    assert books.adjustments() == []

    books.known("2026-11-03 09:00")
    books.office.press("2026-10-29 08:40")
    books.leave(date(2026, 10, 30))
    books.office.judge()

    late, sick = books.adjustments()
    assert late.date == date(2026, 10, 29)
    assert late.delta == {"late_min": -12, "worked_min": 12}
    assert sick.date == date(2026, 10, 30)
    assert sick.delta == {"absent_days": -1, "leave_min.sick": 480, "leave_days.sick": 1}
    assert books.adjustments(OCTOBER) == books.adjustments(DECEMBER) == []


def test_a_change_that_was_listed_and_is_taken_back_is_listed_the_other_way(books: Books):
    books.close()
    books.known("2026-11-03 09:00")
    books.leave(date(2026, 10, 30))
    books.known("2026-12-02 09:00")
    books.close(NOVEMBER)
    listed = books.adjustments(NOVEMBER)
    assert books.adjustments(DECEMBER) == []

    books.leave(date(2026, 10, 30), status=RecordStatus.REVOKED)
    books.office.judge()

    assert books.adjustments(NOVEMBER) == listed
    [back] = books.adjustments(DECEMBER)
    assert back.delta == {name: -value for name, value in listed[0].delta.items()}


def test_reopened_a_month_follows_what_is_known_and_closed_again_adjusts_nothing(books: Books):
    first = books.close()
    books.known("2026-11-03 09:00")
    books.office.press("2026-10-29 08:40")
    books.office.judge()

    books.reopen()
    assert books.adjustments() == []
    assert books.published()[29].late_min == 0
    second = books.close()

    assert second.hash != first.hash
    assert books.published()[29].late_min == 0
    assert books.adjustments() == []
    with books.office.database.read() as connection:
        assert [one.kind.value for one in history(connection, OCTOBER)] == ["closed", "reopened", "closed"]
        assert connection.execute(select(late_days)).all() == []
        assert recount(connection, first) == first.hash


def test_reopening_without_new_facts_gives_the_same_hash(books: Books):
    first = books.close()
    books.reopen()

    assert books.close().hash == first.hash


def test_only_the_newest_of_closed_months_is_reopened(books: Books):
    assert books.reopen() == NotReopened(next_closed=False)
    books.close()
    books.known("2026-12-02 09:00")
    books.close(NOVEMBER)

    assert books.reopen() == NotReopened(next_closed=True)
    assert isinstance(books.reopen(NOVEMBER), PeriodEvent)
    assert isinstance(books.reopen(), PeriodEvent)


def test_a_month_before_a_closed_one_waits_for_it(books: Books):
    books.known("2026-12-02 09:00")
    books.close(NOVEMBER)

    assert books.try_close() == [BlockerKind.NEXT_CLOSED]


def test_a_closed_month_is_not_closed_again_nor_one_that_goes_on(books: Books):
    books.close()

    assert books.try_close() == [BlockerKind.ALREADY_CLOSED]
    assert BlockerKind.NOT_OVER in books.try_close(NOVEMBER)
    assert BlockerKind.EMPTY in books.try_close(Month(2026, 9))


def test_a_month_waits_for_its_terminals(books: Books):
    books.office.at("2026-11-02 10:00")
    books.office.press("2026-11-02 10:00")
    books.known("2026-11-30 12:00")
    books.office.at("2026-12-02 09:00")

    assert books.try_close(NOVEMBER) == [BlockerKind.PENDING_DATA]


def test_a_form_nobody_has_decided_keeps_the_month_open(books: Books):
    books.leave(date(2026, 10, 30), status=RecordStatus.PENDING)
    books.office.judge()

    outcome = close(books.office.database, OCTOBER, "hr", books.office.clock, books.office.zone)

    assert isinstance(outcome, Refused)
    assert [(one.kind, one.date, one.person_id) for one in outcome.blockers] == [
        (BlockerKind.PENDING_APPROVAL, date(2026, 10, 30), "p-1")
    ]
    assert books.published()[30].findings == (FindingCode.ABSENT,)


def test_a_punch_of_an_unknown_time_keeps_the_month_open(books: Books):
    office = books.office
    office.seq += 1
    office.at("2026-10-30 20:00")
    long_ago = office.ms("2000-01-01 00:05")
    punch = office.door.punch(office.seq, "p-2", at_ms=long_ago, clock=0, boot=9, monotonic_ms=5_000)
    office.door.sent_ms = office.clock.now_ms
    office.send(office.door.topic, office.door.payload(punch))
    books.known("2026-11-02 12:00")

    assert books.try_close() == [BlockerKind.UNTRUSTED_TIME]


def test_a_year_without_an_official_calendar_keeps_the_month_open(books: Books):
    with books.office.database.write() as connection:
        connection.execute(
            update(calendar_years).where(calendar_years.c.year == 2026).values(provisional=True)
        )

    assert books.try_close() == [BlockerKind.PROVISIONAL_CALENDAR]


def test_who_cannot_be_judged_keeps_the_month_open(books: Books):
    with books.office.database.write() as connection:
        connection.execute(groups.insert().values(group_id="odd", name="odd", week={"mon": "NOWHERE"}))
        connection.execute(update(people).where(people.c.person_id == "p-2").values(group_id="odd"))
    books.office.press("2026-10-30 09:00", "p-2")

    assert books.try_close() == [BlockerKind.NOT_JUDGED]


def test_a_result_that_is_lost_keeps_the_month_open(books: Books):
    with books.office.database.write() as connection:
        connection.execute(
            delete(attendance_days).where(
                attendance_days.c.person_id == "p-2", attendance_days.c.date == date(2026, 10, 30)
            )
        )

    assert books.try_close() == [BlockerKind.NOT_JUDGED]


def test_closing_judges_what_is_stale_without_a_worker(books: Books):
    books.office.press("2026-10-29 08:40")

    books.close()

    assert books.published()[29].late_min == 0
    with books.office.database.read() as connection:
        left = connection.execute(select(stale_days.c.date).where(stale_days.c.date < NOVEMBER.first)).all()
    assert left == []


def test_days_that_were_not_covered_when_the_month_was_closed_stay_so(books: Books):
    books.close()
    books.known("2026-11-03 09:00")

    books.office.press("2026-10-20 09:00")
    books.known("2026-11-03 10:00")

    assert min(books.office.days("p-2")) == "2026-10-28"


def test_who_joined_later_by_the_papers_is_adjusted_not_added(books: Books):
    with books.office.database.write() as connection:
        connection.execute(
            insert(people).values(
                person_id="p-3",
                employee_no="3",
                name="new",
                department_id="d",
                hire_date=date(2026, 11, 2),
                updated_ms=0,
            )
        )
    books.close()
    with books.office.database.write() as connection:
        connection.execute(
            update(people).where(people.c.person_id == "p-3").values(hire_date=date(2026, 10, 30))
        )
        connection.execute(
            insert(stale_days).values(person_id="p-3", date=date(2026, 10, 30), cause="person", since_ms=0)
        )
    books.office.judge()

    assert books.published("p-3") == {}
    [joined] = books.adjustments()
    assert joined.person_id == "p-3"
    assert joined.delta == {"absent_days": 1}


def test_the_hash_binds_every_row_and_nobody_changes_one_unseen(books: Books):
    event = books.close()
    with books.office.database.write() as connection:
        connection.execute(update(closed_days).where(closed_days.c.person_id == "p-2").values(result=b"{}"))

    with books.office.database.read() as connection:
        assert recount(connection, event) != event.hash
    assert hash_of_days([(date(2026, 10, 1), b"{}")]) != hash_of_days([(date(2026, 10, 2), b"{}")])


def test_the_hash_binds_what_was_listed(books: Books):
    books.close()
    books.known("2026-11-03 09:00")
    books.leave(date(2026, 10, 30))
    books.known("2026-12-02 09:00")
    event = books.close(NOVEMBER)
    with books.office.database.write() as connection:
        assert recount(connection, event) == event.hash
        connection.execute(update(closed_adjustments).values(delta=b"{}"))

    with books.office.database.read() as connection:
        assert recount(connection, event) != event.hash


def test_a_result_that_bears_a_mark_keeps_the_month_open_though_its_cause_is_gone(books: Books):
    books.leave(date(2026, 10, 30), status=RecordStatus.PENDING)
    books.office.judge()
    with books.office.database.write() as connection:
        connection.execute(delete(office_records))

    assert books.try_close() == [BlockerKind.PENDING_APPROVAL]


def test_who_was_not_employed_does_not_belong_to_the_closed_month(books: Books):
    with books.office.database.write() as connection:
        connection.execute(
            update(people).where(people.c.person_id == "p-2").values(last_day=date(2026, 9, 30))
        )
        days = [(PersonId("p-2"), date(2026, 10, day)) for day in (28, 29, 30, 31)]
        stale.mark(connection, days, "person", 0)
    books.close()

    with books.office.database.read() as connection:
        belongs = people_in(closings(connection), OCTOBER)
        assert connection.execute(select(people.c.person_id).where(belongs)).scalars().all() == ["p-1"]
    assert len(books.published("p-2")) == 4


def test_a_span_over_open_and_closed_months_shows_each_as_it_is(books: Books):
    books.close()
    books.known("2026-11-03 09:00")
    books.office.press("2026-10-29 08:40")
    books.office.press("2026-11-02 09:20")
    books.office.judge()

    with books.office.database.read() as connection:
        table = published_days(closings(connection), date(2026, 10, 29), date(2026, 11, 2)).c
        rows = connection.execute(
            select(table.date, table.result).where(table.person_id == "p-1").order_by(table.date)
        ).all()

    assert [row.date.day for row in rows] == [29, 30, 31, 1, 2]
    assert [decode(row.result).late_min for row in rows] == [12, 0, 0, 0, 20]


def test_the_sums_of_frozen_and_listed_are_what_is_known(books: Books):
    books.close()
    for n, text in enumerate(("2026-10-29 08:40", "2026-10-30 09:20", "2026-10-30 18:30")):
        books.known(f"2026-11-0{3 + n} 09:00")
        books.office.press(text)
    books.known("2026-12-02 09:00")
    books.close(NOVEMBER)
    books.office.press("2026-10-30 08:20")
    books.office.judge()

    listed = [one for month in (NOVEMBER, DECEMBER) for one in books.adjustments(month)]
    for day, frozen in books.published().items():
        known = books.office.days()[f"2026-10-{day}"]
        changes = [one.delta.get("worked_min", Fraction(0)) for one in listed if one.date.day == day]
        assert frozen.worked_min + sum(changes) == known.worked_min


def test_the_list_of_what_stands_against_is_asked_without_closing(books: Books):
    books.leave(date(2026, 10, 30), status=RecordStatus.PENDING)
    books.office.judge()

    with books.office.database.read() as connection:
        found = blockers(connection, OCTOBER, date(2026, 11, 2), books.office.zone)

    assert [one.kind for one in found] == [BlockerKind.PENDING_APPROVAL]

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, select, update

from cloud.attendance import coverage
from cloud.attendance.facts import AsOf
from cloud.attendance.recompute import judge_days, store_days
from cloud.database import fill
from cloud.db.engine import Database
from cloud.db.tables import calendar_days, calendar_years, roster_entries, stale_days
from cloud.office.calendar import china, seed_year
from cloud.office.plans import import_calendar, import_roster
from cloud.people.directory import write_person
from cloud.settings import Settings
from cloud.sheets import Imported, Outcome
from models.ids import PersonId
from tests.unit.cloud.conftest import HandClock


def take(
    firm: Database,
    kind: Callable[[Connection, Path, AsOf], Imported],
    path: Path,
    view: AsOf,
    text: str,
) -> Imported:
    path.write_text(text)
    with firm.write() as connection:
        return kind(connection, path, view)


def test_a_roster_is_taken_and_a_later_entry_is_a_change(firm: Database, file: Path, view: AsOf):
    head = "employee_no,date,shift\n"
    first = take(firm, import_roster, file, view, f"{head}p-1,2026-11-18,DAY\np-2,2026-11-18,off\n")
    again = take(firm, import_roster, file, view, f"{head}p-1,2026-11-18,DAY\n")
    later = take(firm, import_roster, file, view, f"{head}p-1,2026-11-18,休\n")

    assert (first.counts, again.counts, later.counts) == (
        {Outcome.NEW: 2},
        {Outcome.SAME: 1},
        {Outcome.CHANGED: 1},
    )
    with firm.read() as connection:
        entries = connection.execute(select(roster_entries).order_by(roster_entries.c.known_ms)).all()
        marked = set(connection.execute(select(stale_days.c.person_id)).scalars())
    assert [(row.person_id, row.shifts) for row in entries] == [("p-1", ["DAY"]), ("p-2", []), ("p-1", [])]
    assert marked == {"p-1", "p-2"}


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("p-9,2026-11-18,DAY", "employee_no"),
        ("p-1,18.,DAY", "date"),
        ("p-1,2026-11-18,EVE", "shift"),
        ("p-1,2026-11-18,DAY,Mars/Base", "zone"),
    ],
)
def test_a_bad_roster_row_is_named(firm: Database, file: Path, view: AsOf, row: str, column: str):
    imported = take(firm, import_roster, file, view, f"employee_no,date,shift,zone\n{row}\n")

    assert [(one.line, one.column) for one in imported.refused] == [(2, column)]


def test_the_calendar_of_the_firm_goes_over_that_of_the_state(firm: Database, file: Path, view: AsOf):
    imported = take(
        firm,
        import_calendar,
        file,
        view,
        "日期,类型,名称\n2026-11-16,放假,公司纪念日\n2026-11-14,补班,\n2027-02-06,法定节假日,春节\n",
    )

    assert imported.refused == []
    assert imported.counts == {Outcome.NEW: 2, Outcome.CHANGED: 1}
    with firm.write() as connection:
        assert seed_year(connection, 2027) == set()
        kinds = {
            row.date.isoformat(): row.kind
            for row in connection.execute(select(calendar_days).where(calendar_days.c.source == "import"))
        }
        provisional = connection.execute(
            select(calendar_years.c.provisional).where(calendar_years.c.year == 2027)
        ).scalar_one()
        marked = {(row.person_id, row.date.day) for row in connection.execute(select(stale_days))}
    assert kinds == {"2026-11-14": "makeup", "2026-11-16": "rest", "2027-02-06": "statutory"}
    assert not provisional
    # A day off or a shift changes the windows and the overtime of the dates beside it, too.
    assert marked == {(person, day) for person in ("p-1", "p-2") for day in range(13, 18)}


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_time_have_one_neighbour(firm: Database, file: Path, view: AsOf, day: str):
    assert not take(firm, import_calendar, file, view, f"date,kind\n{day},rest\n").refused
    assert not take(firm, import_roster, file, view, f"employee_no,date,shift\np-1,{day},off\n").refused


def test_the_calendar_of_tomorrow_can_change_today(firm: Database, file: Path, view: AsOf):
    take(firm, import_calendar, file, view, "date,kind\n2026-11-19,rest\n2026-11-21,rest\n")

    with firm.read() as connection:
        assert set(connection.execute(select(stale_days.c.date)).scalars()) == {view.today}


def test_a_calendar_touches_the_results_of_people_who_had_left(firm: Database, file: Path, view: AsOf):
    left = date(2026, 11, 9)
    with firm.write() as connection:
        write_person(connection, "p-1", {"last_day": left}, view)
        judged = judge_days(connection, {PersonId("p-1"): [left + timedelta(days=7)]}, view, {})
        store_days(connection, judged.days, {}, view)
        connection.execute(delete(stale_days))

    take(firm, import_calendar, file, view, "date,kind\n2026-11-16,rest\n")

    with firm.read() as connection:
        marked = {(row.person_id, row.date.day) for row in connection.execute(select(stale_days))}
    assert marked == {("p-1", 16), ("p-2", 15), ("p-2", 16), ("p-2", 17)}


def test_a_notice_that_comes_at_last_is_judged_by(firm: Database, view: AsOf, clock: HandClock):
    with firm.write() as connection:
        connection.execute(
            update(calendar_years).where(calendar_years.c.year == 2026).values(provisional=True)
        )
        # Computed at first: the days off around the national day were workdays.
        connection.execute(delete(calendar_days).where(calendar_days.c.date == date(2026, 10, 5)))
        coverage.reach(connection, (date(2026, 9, 28), view.today), view.now_ms)
        connection.execute(delete(stale_days))

    fill(firm, Settings(zone=view.zone.key), clock)

    with firm.read() as connection:
        marked = {row.date.isoformat() for row in connection.execute(select(stale_days))}
    assert marked == {"2026-10-04", "2026-10-05", "2026-10-06"}


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("2026-11-16,party,,", "kind"),
        ("2026-11-16,half,,", "half"),
        ("2026-11-16,rest,am,", "half"),
        ("2026-11-16,makeup,,someday", "shift_of"),
        (",rest,,", "date"),
    ],
)
def test_a_bad_calendar_row_is_named(firm: Database, file: Path, view: AsOf, row: str, column: str):
    imported = take(firm, import_calendar, file, view, f"date,kind,half,shift_of\n{row}\n")

    assert [(one.line, one.column) for one in imported.refused] == [(2, column)]


def test_the_notices_of_the_state_council():
    kinds = {day.date.isoformat(): day.kind for day in china(2026).days}

    assert {day for day, kind in kinds.items() if kind == "statutory"} == {
        *("2026-01-01", "2026-02-16", "2026-02-17", "2026-02-18", "2026-02-19", "2026-04-05", "2026-05-01"),
        *("2026-05-02", "2026-06-19", "2026-09-25", "2026-10-01", "2026-10-02", "2026-10-03"),
    }
    assert {day for day, kind in kinds.items() if kind == "makeup"} == {
        *("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"),
    }
    assert kinds["2026-10-05"] == "rest"


def test_a_year_without_a_notice_is_provisional():
    year = china(2040)

    assert year.provisional
    assert {day.kind for day in year.days} == {"statutory"}
    assert len(year.days) == 13

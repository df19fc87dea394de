from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from sqlalchemy import Row, select

from cloud.attendance import coverage
from cloud.attendance.defaults import seed
from cloud.attendance.facts import AsOf
from cloud.db.engine import Database
from cloud.db.tables import departments, people, quarantine, stale_days
from cloud.ingest.receive import receive
from cloud.people.directory import pin_matches, spell
from cloud.people.imports import import_people
from cloud.sheets import BadSheet, Imported, Outcome
from tests.terminals import NOW_MS, Door, add_terminal


@pytest.fixture
def view(zone: ZoneInfo) -> AsOf:
    return AsOf(NOW_MS, zone)


@pytest.fixture
def firm(database: Database) -> Database:
    with database.write() as connection:
        seed(connection, 2026)
    return database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def take(firm: Database, path: Path, view: AsOf, text: str = "") -> Imported:
    if text:
        path.write_text(text)
    with firm.write() as connection:
        return import_people(connection, path, view)


def person(firm: Database, employee_no: str) -> Row[tuple[object, ...]]:
    with firm.read() as connection:
        return connection.execute(select(people).where(people.c.employee_no == employee_no)).one()


def test_people_are_taken(firm: Database, file: Path, view: AsOf):
    imported = take(
        firm,
        file,
        view,
        "工号,姓名,部门,考勤组,地点,入职日期,语言,邮箱,pin\n"
        "1001,李雷,研发部/平台组,办公室 Office,HQ,2026/3/1,中文,lilei@example.com,4711\n"
        "1002,Olivia Hart,研发部,,,,en,,\n",
    )

    assert imported.refused == []
    assert imported.counts == {Outcome.NEW: 2}
    row = person(firm, "1001")
    assert (row.name, row.site, row.hire_date, row.language) == ("李雷", "HQ", date(2026, 3, 1), "zh")
    assert row.pinyin.split()[0] == "lilei"
    assert row.pin_hash.startswith("$argon2id$")
    assert pin_matches(row.pin_hash, "4711")
    with firm.read() as connection:
        tree = {one.name: one for one in connection.execute(select(departments))}
    assert tree["研发部/平台组"].parent_id == tree["研发部"].department_id
    assert row.department_id == tree["研发部/平台组"].department_id


def test_the_same_file_twice_changes_nothing(firm: Database, file: Path, view: AsOf):
    text = "employee_no,name,department,pin\n1001,李雷,研发部,4711\n"
    take(firm, file, view, text)
    before = person(firm, "1001")

    again = take(firm, file, AsOf(NOW_MS + 1, view.zone), text)

    assert again.counts == {Outcome.SAME: 1}
    assert person(firm, "1001") == before


def test_columns_that_are_not_there_stay_as_they_are(firm: Database, file: Path, view: AsOf):
    take(firm, file, view, "employee_no,name,department,hire_date,pin\n1001,李雷,研发部,2026-03-01,4711\n")
    imported = take(firm, file, view, "employee_no,name,last_day\n1001,李雷,2026-11-30\n")

    assert imported.counts == {Outcome.CHANGED: 1}
    row = person(firm, "1001")
    assert (row.hire_date, row.last_day) == (date(2026, 3, 1), date(2026, 11, 30))
    assert row.pin_hash is not None


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        (",李雷,研发部,,,,,", "employee_no", "is empty"),
        ("10 01,李雷,研发部,,,,,", "employee_no", "has blanks"),
        ("1000,李雷,研发部,,,,,", "employee_no", "is already in line 2"),
        ("1001,,研发部,,,,,", "name", "is empty"),
        ("1001,李雷,研发部,夜班组,,,,", "group", "there is no group '夜班组'"),
        ("1001,李雷,研发部,,1.3.26,,,", "hire_date", "'1.3.26' is no date"),
        ("1001,李雷,研发部,,2026-03-01,2026-02-01,,", "last_day", "before the hire date"),
        ("1001,李雷,研发部,,,,fr,", "language", "neither zh nor en"),
        ("1001,李雷,研发部,,,,zh,12", "pin", "four to eight digits"),
    ],
)
def test_a_bad_row_is_named_and_costs_no_good_one(
    firm: Database, file: Path, view: AsOf, row: str, column: str, said: str
):
    imported = take(
        firm,
        file,
        view,
        f"employee_no,name,department,group,hire_date,last_day,language,pin\n1000,A,B,,,,,\n{row}\n1002,C,D,,,,,\n",
    )

    [refused] = imported.refused
    assert (refused.line, refused.column) == (3, column)
    assert said in refused.reason
    assert imported.counts == {Outcome.NEW: 2}


def test_a_refused_pin_does_not_leave_half_a_person(firm: Database, file: Path, view: AsOf):
    take(firm, file, view, "employee_no,name,department,pin\n1001,李雷,研发部,12\n")

    with firm.read() as connection:
        assert connection.execute(select(people)).all() == []
        assert connection.execute(select(departments)).all() == []


def test_a_workbook_is_read_like_a_csv(firm: Database, tmp_path: Path, view: AsOf):
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["工号", "姓名", "部门", "入职日期"])
    sheet.append([1001, "李雷", "研发部", date(2026, 3, 1)])
    sheet.append([None, "无号", "研发部", None])
    path = tmp_path / "people.xlsx"
    book.save(path)

    imported = take(firm, path, view)

    assert person(firm, "1001").hire_date == date(2026, 3, 1)
    assert [(one.line, one.column) for one in imported.refused] == [(3, "employee_no")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"name,department\nA,B\n", "no column employee_no/工号"),
        (b"employee_no,name,name\n", "two columns mean name"),
        (b"PK\x03\x04\x00\x00", "neither CSV nor a workbook"),
        (b"employee_no,name\n\xff\xff\xff\n", "neither UTF-8 nor GB 18030"),
    ],
)
def test_a_file_that_is_no_table_is_an_error_of_the_whole(
    firm: Database, file: Path, view: AsOf, content: bytes, said: str
):
    file.write_bytes(content)

    with pytest.raises(BadSheet, match=said):
        take(firm, file, view)


def test_a_file_that_is_not_there(firm: Database, file: Path, view: AsOf):
    with pytest.raises(BadSheet, match="No such file"):
        take(firm, file, view)


def test_punches_that_waited_for_a_person_are_judged_when_they_come(firm: Database, file: Path, view: AsOf):
    door = Door()
    with firm.write() as connection:
        add_terminal(connection, "t-1")
        receive(connection, door.topic, door.payload(door.punch(1, "p-restored")), NOW_MS, view.zone)
        coverage.extend(connection, view)

    take(firm, file, view, "employee_no,name,department,person_id\n1001,李雷,研发部,p-restored\n")

    assert person(firm, "1001").person_id == "p-restored"
    with firm.read() as connection:
        assert connection.execute(select(quarantine.c.resolved_ms)).scalar_one() == NOW_MS
        assert {row.date.day for row in connection.execute(select(stale_days))} == {17, 18, 19}


@pytest.mark.parametrize(
    ("column", "date_", "marked"),
    [
        # Of a hire date those before it change, of a last day those after it; one more at either end (A1).
        ("hire_date", "2026-11-12", {9, 10, 11, 12}),
        ("last_day", "2026-11-15", {15, 16, 17, 18, 19}),
        ("hire_date", "2026-11-09", set()),
        ("site", "HQ", set(range(9, 19))),
        ("email", "who@example.org", set()),
    ],
)
def test_exactly_the_days_are_marked_that_the_directory_changes(
    firm: Database, file: Path, view: AsOf, column: str, date_: str, marked: set[int]
):
    take(firm, file, view, "employee_no,name,department\n1001,李雷,研发部\n")
    with firm.write() as connection:
        coverage.reach(connection, (date(2026, 11, 9), view.today), NOW_MS)
        connection.exec_driver_sql("DELETE FROM stale_days")

    take(firm, file, view, f"employee_no,name,{column}\n1001,李雷,{date_}\n")

    with firm.read() as connection:
        assert {row.date.day for row in connection.execute(select(stale_days))} == marked


def test_a_moved_hire_date_marks_the_days_between(firm: Database, file: Path, view: AsOf):
    take(firm, file, view, "employee_no,name,department,hire_date\n1001,李雷,研发部,2026-11-11\n")
    with firm.write() as connection:
        coverage.reach(connection, (date(2026, 11, 9), view.today), NOW_MS)
        connection.exec_driver_sql("DELETE FROM stale_days")

    take(firm, file, view, "employee_no,name,hire_date\n1001,李雷,2026-11-13\n")

    with firm.read() as connection:
        assert {row.date.day for row in connection.execute(select(stale_days))} == {10, 11, 12, 13}


@pytest.mark.parametrize(
    ("name", "finds"),
    [("李雷", ["lilei", "ll"]), ("单乐", ["shanle", "danyue", "sl"]), ("Olivia Hart", ["oliviahart"])],
)
def test_names_are_found_by_their_sound(name: str, finds: list[str]):
    words = spell(name).split()

    for word in finds:
        assert any(known.startswith(word) for known in words), words

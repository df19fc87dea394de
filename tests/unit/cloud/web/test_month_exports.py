"""The files of a month say what the page says, and text stays text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy import update

from cloud.db.engine import Database
from cloud.db.tables import people, users
from cloud.reports.exports.delimited import as_text
from tests.e2e.pages_seed import KINDS, add_person, judge
from tests.unit.cloud.web.conftest import Browsers

PATH = "/api/v1/reports/month/2026-11"
# Totals of 李雷, whose days are known one by one.
TOTALS = {
    "应出勤（天）": 17,
    "实出勤（天）": 10.5,
    "旷工（天）": 4,
    "迟到（次）": 2,
    "迟到（分钟）": 26,
    "严重迟到（次）": 1,
    "严重迟到（分钟）": 45,
    "早退（次）": 2,
    "早退（分钟）": 30,
    "缺卡（次）": 1,
    "补卡（次）": 1,
    "请假（天）": 1.5,
    "年假（天）": 1,
    "病假（天）": 0.5,
    "出差（天）": 1,
    "外出（小时）": 4,
    "休息日加班（小时）": 6,
}


def workbook(browsers: Browsers, role: str = "hr") -> Workbook:
    return load_workbook(io.BytesIO(browsers.of(role).get(f"{PATH}.xlsx").content))


def first_sheet(book: Workbook) -> Worksheet:
    sheet = book.worksheets[0]
    assert isinstance(sheet, Worksheet)
    return sheet


def rows(sheet: Worksheet) -> Iterator[list[object]]:
    for row in sheet.iter_rows(min_row=5):
        yield [cell.value for cell in row]


def test_the_workbook_has_the_totals_of_the_month(browsers: Browsers):
    sheet = first_sheet(workbook(browsers))
    heads = [cell.value for cell in sheet[3]]
    li_lei = next(row for row in rows(sheet) if row[0] == "7001")

    assert {name: li_lei[heads.index(name)] for name in TOTALS} == TOTALS


def test_csv_and_json_have_the_same_totals(browsers: Browsers):
    content = browsers.of("hr").get(f"{PATH}.csv").content
    assert content.startswith(b"\xef\xbb\xbf")
    heads, *lines = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    li_lei = next(dict(zip(heads, line, strict=True)) for line in lines if line[0] == "7001")
    assert {name: float(li_lei[name]) for name in TOTALS} == TOTALS

    person = next(
        one for one in browsers.of("hr").get(f"{PATH}.json").json()["people"] if one["employee_no"] == "7001"
    )
    assert person["late_n"] == 2
    assert person["leave_days"] == {"annual": 1, "sick": 0.5}
    assert person["overtime_min"] == {"rest": 360}
    assert (person["missing_in_n"], person["missing_out_n"], person["absent_days"]) == (0, 1, 4)
    assert person["days"][KINDS["half_leave"].day - 1] == ["normal", "leave.sick"]


def test_the_workbook_shows_days_as_the_page_does(browsers: Browsers):
    sheet = first_sheet(workbook(browsers))
    li_lei = next(row for row in rows(sheet) if row[0] == "7001")

    def shown(kind: str) -> object:
        return li_lei[2 + KINDS[kind].day]

    assert [shown(kind) for kind in ("normal", "late", "absent", "half_leave", "rest")] == [
        "√",
        "迟",
        "旷",
        "√/病",
        "○",
    ]
    assert sheet.freeze_panes == "D5"


def test_the_workbook_lists_exceptions_and_explains_symbols(browsers: Browsers):
    book = workbook(browsers)

    exceptions = [[cell.value for cell in row] for row in book.worksheets[1].iter_rows(min_row=2)]
    assert ["2026-11-03", "7001", "李雷", "质检部", "迟到 6 分钟", "09:06", "18:02"] in exceptions
    legend = dict([cell.value for cell in row] for row in book.worksheets[2].iter_rows(min_row=2))
    assert legend["旷"] == "旷工"
    assert legend["年"] == "年假"


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", '=HYPERLINK("http://evil.example")', "http://evil.example"],
)
def test_names_never_become_formulas_or_links(browsers: Browsers, database: Database, name: str):
    with database.write() as connection:
        connection.execute(update(people).where(people.c.employee_no == "8001").values(name=name))

    sheet = first_sheet(workbook(browsers))
    cell = next(row[1] for row in sheet.iter_rows(min_row=5) if row[0].value == "8001")
    assert (cell.value, cell.data_type, cell.hyperlink) == (name, "s", None)

    content = browsers.of("hr").get(f"{PATH}.csv").content.decode("utf-8-sig")
    line = next(line for line in csv.reader(io.StringIO(content)) if line[0] == "8001")
    assert line[1] == (name if name.startswith("http") else f"'{name}")


def test_text_is_guarded_only_where_it_must_be():
    assert [as_text(text) for text in ("李雷", "", "a=b", "√/病", "\0x")] == [
        "李雷",
        "",
        "a=b",
        "√/病",
        "'\0x",
    ]


def test_files_speak_the_language_of_the_user(browsers: Browsers, database: Database):
    with database.write() as connection:
        connection.execute(update(users).where(users.c.login == "hr").values(language="en"))

    sheet = first_sheet(workbook(browsers))

    assert sheet.title == "Attendance"
    assert "Absent (days)" in [cell.value for cell in sheet[3]]
    assert "1 form awaits approval" in str(sheet["A2"].value)


def test_files_keep_to_the_filter(browsers: Browsers):
    people_of = browsers.of("hr").get(f"{PATH}.json?department=销售部").json()["people"]

    assert [one["employee_no"] for one in people_of] == ["8001"]


@pytest.mark.parametrize("path", ["2026-13.csv", "2026-11.pdf", "26-11.csv", "2026-1a.csv"])
def test_what_is_no_report_is_a_problem(browsers: Browsers, path: str):
    answer = browsers.of("hr").get(f"/api/v1/reports/month/{path}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "no_such_report"


def test_a_file_leaves_nothing_behind(browsers: Browsers, monkeypatch: pytest.MonkeyPatch, tmp_path):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spare"))
    (tmp_path / "spare").mkdir()
    for kind in ("xlsx", "csv", "json"):
        assert browsers.of("hr").get(f"{PATH}.{kind}").status_code == 200

    assert list((tmp_path / "spare").iterdir()) == []


def test_hours_are_hours_and_not_rounded_minutes(browsers: Browsers, database: Database):
    from models.clock import to_ms
    from tests.e2e.pages_seed import NOW, add_punches

    person = add_person(database, "7400", "七七", "质检部")
    add_punches(database, person, "2026-11-02 09:20", "2026-11-02 18:00")
    judge(database, [person], KINDS["normal"], KINDS["normal"], to_ms(NOW))

    sheet = first_sheet(workbook(browsers))
    heads = [cell.value for cell in sheet[3]]
    row = next(row for row in rows(sheet) if row[0] == "7400")
    assert row[heads.index("班内工时（小时）")] == 7.6667

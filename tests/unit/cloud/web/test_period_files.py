"""Closed months and adjustments in the files of a month."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from cloud.attendance.closing import close
from cloud.attendance.facts import AsOf
from cloud.attendance.periods import PeriodEvent
from cloud.commands.exporting import export_month
from cloud.db.engine import Database
from cloud.reports.dates import Month
from models.ids import PersonId
from models.person import Language
from tests.e2e.pages_seed import ZONE, StillClock, add_punches, judge
from tests.unit.cloud.web.conftest import Browsers

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)


@pytest.fixture
def closing(database: Database, clock: StillClock, li_lei: PersonId) -> PeriodEvent:
    """October closed; a punch of its 30th came later."""
    event = close(database, OCTOBER, "hr", clock, ZONE)
    assert isinstance(event, PeriodEvent)
    add_punches(database, li_lei, "2026-10-30 08:50:00", "2026-10-30 18:10:00")
    judge(database, [li_lei], date(2026, 10, 30), date(2026, 10, 30), clock.wall_ms())
    return event


def test_the_file_of_a_closed_month_shows_what_was_frozen_and_says_so(
    browsers: Browsers, closing: PeriodEvent
):
    hr = browsers.of("hr")

    month = hr.get("/api/v1/reports/month/2026-10.json").json()

    assert month["closed"] == {"at": "2026-11-24 10:42", "by": "hr", "hash": closing.hash}
    assert month["awaited"] == ""
    [li_lei] = [one for one in month["people"] if one["employee_no"] == "7001"]
    assert li_lei["days"][29] == ["absent"]
    assert li_lei["adjustments"] == []
    assert hr.get("/api/v1/reports/month/2026-11.json").json()["closed"] is None


def test_the_next_month_lists_what_became_known_beside_its_totals(browsers: Browsers, closing: PeriodEvent):
    month = browsers.of("hr").get("/api/v1/reports/month/2026-11.json").json()

    [li_lei] = [one for one in month["people"] if one["employee_no"] == "7001"]
    assert li_lei["adjustments"] == [{"date": "2026-10-30", "delta": {"absent_days": -1, "worked_min": 480}}]
    assert li_lei["absent_days"] == 4


def test_csv_and_workbook_list_adjustments_in_words(browsers: Browsers, closing: PeriodEvent):
    hr = browsers.of("hr")
    expected = "旷工天数 -1 · 班内分钟 +480"

    text = hr.get("/api/v1/reports/month/2026-11.csv").content.decode("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text))
    assert head[-1] == "以前月份的调整"
    assert {row[0]: row[-1] for row in rows}["7001"] == f"2026-10-30 {expected}"

    book = openpyxl.load_workbook(io.BytesIO(hr.get("/api/v1/reports/month/2026-11.xlsx").content))
    [names, adjusted] = book["以前月份的调整"].iter_rows(values_only=True)
    assert names[-1] == "变化"
    assert adjusted == ("2026-10-30", "7001", "李雷", "质检部", expected)


def test_the_command_writes_the_same(
    database: Database, clock: StillClock, closing: PeriodEvent, tmp_path: Path
):
    path = tmp_path / "month.xlsx"

    export_month(database, OCTOBER, path, Language.EN, AsOf(clock.wall_ms(), ZONE))

    note = openpyxl.load_workbook(path).worksheets[0]["A2"].value
    assert note == (f"Made 2026-11-24 10:42 · 2026-10 was closed 2026-11-24 10:42 by hr, hash {closing.hash}")

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from cloud.attendance.codec import decode
from cloud.attendance.facts import AsOf
from cloud.attendance.recompute import judge_days
from cloud.db.engine import Database
from cloud.db.tables import office_records, stale_days
from cloud.office.codec import record_of
from cloud.office.imports import import_records
from cloud.reports.day import day_report
from cloud.sheets import Imported, Outcome
from models.ids import PersonId
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    Half,
    OfficeRecord,
    RecordKind,
    RecordStatus,
    SpanUnit,
)

D = date(2026, 11, 18)


def take(firm: Database, kind: RecordKind, path: Path, view: AsOf, *, text: str = "") -> Imported:
    if text:
        path.write_text(text)
    with firm.write() as connection:
        return import_records(connection, kind, path, view)


def records(firm: Database) -> list[OfficeRecord]:
    with firm.read() as connection:
        rows = connection.execute(select(office_records).order_by(office_records.c.version)).all()
    return [record_of(row) for row in rows]


def stale(firm: Database) -> set[tuple[str, int]]:
    with firm.read() as connection:
        return {(row.person_id, row.date.day) for row in connection.execute(select(stale_days))}


@pytest.mark.parametrize(
    ("begin", "end", "unit", "body"),
    [
        ("2026-11-18", "2026-11-19", SpanUnit.DAY, DateSpan(D, Half.AM, date(2026, 11, 19), Half.PM)),
        ("2026-11-18 pm", "2026-11-18 pm", SpanUnit.HALF_DAY, DateSpan(D, Half.PM, D, Half.PM)),
        ("2026/11/18 上午", "2026-11-18", SpanUnit.HALF_DAY, DateSpan(D, Half.AM, D, Half.PM)),
        ("2026年11月18日下午", "20261118", SpanUnit.HALF_DAY, DateSpan(D, Half.PM, D, Half.PM)),
        (
            "2026-11-18 14:00",
            "2026-11-18T16:30:00",
            SpanUnit.HOUR,
            ClockSpan(1_794_981_600_000, 1_794_990_600_000),
        ),
        (
            "2026-11-18 14:00+08:00",
            "2026-11-18 06:30Z",
            SpanUnit.HOUR,
            ClockSpan(1_794_981_600_000, 1_794_983_400_000),
        ),
    ],
)
def test_how_a_span_is_written_says_its_unit(
    firm: Database, file: Path, view: AsOf, begin: str, end: str, unit: SpanUnit, body: DateSpan | ClockSpan
):
    imported = take(
        firm, RecordKind.LEAVE, file, view, text=f"employee_no,type,from,to\np-1,annual,{begin},{end}\n"
    )

    assert imported.refused == []
    [record] = records(firm)
    assert (record.unit, record.body, record.leave_type) == (unit, body, "annual")


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        ("p-9,annual,2026-11-18,2026-11-18", "employee_no", "nobody has the number p-9"),
        (",annual,2026-11-18,2026-11-18", "employee_no", "is empty"),
        ("p-1,holiday,2026-11-18,2026-11-18", "type", "there is no leave type 'holiday'; known are annual"),
        ("p-1,annual,2026-13-18,2026-11-18", "from", "'2026-13-18' is no date"),
        ("p-1,annual,yesterday,2026-11-18", "from", "'yesterday' is no date, half day or time"),
        ("p-1,annual,2026-11-18,", "to", "is empty"),
        ("p-1,annual,2026-11-18,2026-11-17", "to", "it ends before it begins"),
        ("p-1,annual,2026-11-18 pm,2026-11-18 am", "to", "it ends before it begins"),
        ("p-1,annual,2026-11-18 14:00,2026-11-18", "to", "one end has a time of day"),
        ("p-1,annual,2026-11-18 25:00,2026-11-18 26:00", "from", "hour must be in 0..23"),
        ("p-1,annual,2026-11-18,2036-11-18", "to", "more than a form can have"),
        ("p-1,annual,2026-11-18,2026-11-18,maybe", "status", "'maybe' is no status like approved"),
        ("p-1,annual,2026-11-18,2026-11-18,approved,x", "version", "'x' is no version number"),
    ],
)
def test_a_bad_row_is_named_and_costs_no_good_one(
    firm: Database, file: Path, view: AsOf, row: str, column: str, said: str
):
    imported = take(
        firm,
        RecordKind.LEAVE,
        file,
        view,
        text=f"employee_no,type,from,to,status,version\n\n{row}\np-2,sick,2026-11-18,2026-11-18\n",
    )

    [refused] = imported.refused
    assert (refused.line, refused.column) == (3, column)
    assert said in refused.reason
    assert imported.counts == {Outcome.NEW: 1}
    assert [record.person_id for record in records(firm)] == ["p-2"]


def test_chinese_headers_and_words(firm: Database, file: Path, view: AsOf):
    file.write_bytes(
        "工号,请假类型,开始时间,结束时间,审批状态\np-1,年假,2026-11-18,2026-11-18,审批中\n".encode("gb18030")
    )
    imported = take(firm, RecordKind.LEAVE, file, view)

    assert imported.refused == []
    [record] = records(firm)
    assert (record.leave_type, record.status) == ("annual", RecordStatus.PENDING)


def test_the_same_file_twice_changes_nothing(firm: Database, file: Path, view: AsOf):
    text = "employee_no,from,to\np-1,2026-11-18,2026-11-19\n"
    take(firm, RecordKind.TRIP, file, view, text=text)
    before = records(firm)

    again = take(firm, RecordKind.TRIP, file, AsOf(view.now_ms + 1, view.zone))

    assert again.counts == {Outcome.SAME: 1}
    assert records(firm) == before


def test_a_row_whose_status_changed_is_a_new_version(firm: Database, file: Path, view: AsOf):
    head = "id,employee_no,from,to,status\n"
    take(firm, RecordKind.TRIP, file, view, text=f"{head}7,p-1,2026-11-18,2026-11-19,pending\n")
    take(firm, RecordKind.TRIP, file, view, text=f"{head}7,p-1,2026-11-18,2026-11-18,approved\n")

    assert [(one.version, one.status) for one in records(firm)] == [
        (1, RecordStatus.PENDING),
        (2, RecordStatus.APPROVED),
    ]


def test_the_days_of_every_version_are_judged_again(firm: Database, file: Path, view: AsOf):
    head = "id,employee_no,from,to\n"
    take(firm, RecordKind.TRIP, file, view, text=f"{head}7,p-1,2026-11-04,2026-11-04\n")
    assert stale(firm) == {("p-1", 3), ("p-1", 4), ("p-1", 5)}
    with firm.write() as connection:
        connection.execute(delete(stale_days))

    take(firm, RecordKind.TRIP, file, view, text=f"{head}7,p-1,2026-11-10,2026-11-10\n")

    assert stale(firm) == {("p-1", day) for day in (3, 4, 5, 9, 10, 11)}


def test_days_before_the_system_was_there_are_not_judged(firm: Database, file: Path, view: AsOf):
    take(firm, RecordKind.TRIP, file, view, text="employee_no,from,to\np-1,2026-10-20,2026-11-01\n")

    assert stale(firm) == {("p-1", 1), ("p-1", 2)}


def test_corrections(firm: Database, file: Path, view: AsOf):
    imported = take(
        firm,
        RecordKind.CORRECTION,
        file,
        view,
        text=(
            "employee_no,date,side,at,submitted\n"
            "p-1,2026-11-18,in,09:00,2026-11-19\n"
            "p-1,2026-11-17,下班,2026-11-18 06:00,\n"
            "p-1,2026-11-18,left,09:00,\n"
            "p-1,2026-11-18,in,9,\n"
        ),
    )

    assert [record.body for record in records(firm)] == [
        CorrectionBody(D, "in", 1_794_963_600_000, date(2026, 11, 19)),
        CorrectionBody(date(2026, 11, 17), "out", 1_794_952_800_000),
    ]
    assert [(one.line, one.column) for one in imported.refused] == [(4, "side"), (5, "at")]


def test_each_kind_has_numbers_of_its_own(firm: Database, file: Path, view: AsOf):
    take(firm, RecordKind.TRIP, file, view, text="单号,employee_no,from,to\n12,p-1,2026-11-03,2026-11-03\n")
    take(firm, RecordKind.OUTING, file, view, text="单号,employee_no,from,to\n12,p-1,2026-11-10,2026-11-10\n")

    assert sorted((one.kind, one.version) for one in records(firm)) == [
        (RecordKind.OUTING, 1),
        (RecordKind.TRIP, 1),
    ]


@pytest.mark.parametrize("version", ["", "1"])
def test_two_spans_under_one_number_are_told(firm: Database, file: Path, view: AsOf, version: str):
    text = (
        "id,version,employee_no,from,to,status\n"
        f"7,{version},p-1,2026-11-03,2026-11-03,pending\n"
        f"7,{version},p-1,2026-11-03,2026-11-03,approved\n"
        f"7,{version},p-1,2026-11-05,2026-11-05,approved\n"
        "7,9,p-2,2026-11-09,2026-11-09,revoked\n"
    )

    imported = take(firm, RecordKind.TRIP, file, view, text=text)

    assert [(one.line, one.column, one.reason) for one in imported.refused] == [
        (4, "source_id", "7 is already in line 2, of another span or person")
    ]
    newest = records(firm)[-1]
    assert (newest.version, newest.person_id, newest.status) == (9, "p-2", RecordStatus.REVOKED)


def test_a_form_that_turns_out_to_be_of_somebody_else_is_theirs_alone(firm: Database, file: Path, view: AsOf):
    def leave_days() -> dict[str, dict[str, Fraction]]:
        with firm.read() as connection:
            judged = judge_days(connection, {PersonId("p-1"): [D], PersonId("p-2"): [D]}, view, {})
        return {one.person_id: dict(decode(one.encoded).leave_days) for one in judged.days}

    head = "id,employee_no,type,from,to,status\n"
    take(firm, RecordKind.LEAVE, file, view, text=f"{head}7,p-1,annual,2026-11-18,2026-11-18,approved\n")
    assert leave_days() == {"p-1": {"annual": Fraction(1)}, "p-2": {}}

    take(firm, RecordKind.LEAVE, file, view, text=f"{head}7,p-2,annual,2026-11-18,2026-11-18,approved\n")
    assert leave_days() == {"p-1": {}, "p-2": {"annual": Fraction(1)}}

    take(firm, RecordKind.LEAVE, file, view, text=f"{head}7,p-2,annual,2026-11-18,2026-11-18,revoked\n")
    assert leave_days() == {"p-1": {}, "p-2": {}}
    assert stale(firm) == {(person, day) for person in ("p-1", "p-2") for day in (17, 18, 19)}


def test_the_day_page_lists_forms_as_they_stand_now(firm: Database, file: Path, view: AsOf):
    head = "id,employee_no,from,to\n"
    for form, who, begin, end in [
        (*("1", "p-1"), *("2026-11-18", "2026-11-18")),
        (*("1", "p-1"), *("2026-11-17", "2026-11-19")),
        (*("2", "p-1"), *("2026-11-18", "2026-11-18")),
        (*("2", "p-1"), *("2027-11-18", "2027-11-18")),
        (*("3", "p-1"), *("2026-11-18", "2026-11-18")),
        (*("3", "p-2"), *("2026-11-18", "2026-11-18")),
    ]:
        take(firm, RecordKind.TRIP, file, view, text=f"{head}{form},{who},{begin},{end}\n")

    with firm.read() as connection:
        listed = day_report(connection, PersonId("p-1"), D, view.zone).records

    assert [(one.source_id, one.version) for one in listed] == [("1", 2)]

"""Leave, trips, outings, overtime and corrections from files: a verdict per row, good rows kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Connection

from cloud.attendance.facts import AsOf
from cloud.office.records import leave_codes, next_version, people_by_number, write_record
from cloud.office.spans import joined, moment, point
from cloud.sheets import BadCell, Column, Imported, Line, Outcome, day, read_sheet
from models.clock import to_ms
from models.ids import PersonId
from models.office import CorrectionBody, OfficeRecord, RecordBody, RecordKind, RecordStatus, SpanUnit

FILE_SOURCE = "file-{kind}"
"""Files of each kind are a source of their own: leave 12 and trip 12 are two forms."""
_ID_BYTES = 12
_REMARK_MAX = 1_000

_WHO = Column("employee_no", ("工号", "员工编号", "员工号", "employee number", "emp no"), required=True)
_FORM = (
    Column("status", ("状态", "审批状态", "审批结果")),
    Column("approved", ("审批时间", "通过时间", "approved at")),
    Column("source_id", ("单号", "审批编号", "表单编号", "id", "form no")),
    Column("version", ("版本",)),
    Column("remark", ("事由", "备注", "原因", "reason", "note")),
)
_SPAN = (
    Column("from", ("开始时间", "开始", "开始日期", "start", "begin"), required=True),
    Column("to", ("结束时间", "结束", "结束日期", "end", "until"), required=True),
)
_TYPE = Column("type", ("请假类型", "假期类型", "假别", "类型", "leave type"), required=True)
_CORRECTION = (
    Column("date", ("日期", "补卡日期", "考勤日期"), required=True),
    Column("side", ("方向", "补卡类型", "上下班", "in or out"), required=True),
    Column("at", ("补卡时间", "时间", "time"), required=True),
    Column("submitted", ("提交日期", "申请日期", "申请时间")),
    Column("shift", ("班次",)),
)
COLUMNS: Mapping[RecordKind, tuple[Column, ...]] = {
    RecordKind.LEAVE: (_WHO, _TYPE, *_SPAN, *_FORM),
    RecordKind.TRIP: (_WHO, *_SPAN, *_FORM),
    RecordKind.OUTING: (_WHO, *_SPAN, *_FORM),
    RecordKind.OVERTIME: (_WHO, *_SPAN, *_FORM),
    RecordKind.CORRECTION: (_WHO, *_CORRECTION, *_FORM),
}

STATUSES = {
    **dict.fromkeys(("", "approved", "已通过", "通过", "已同意", "同意", "审批通过"), RecordStatus.APPROVED),
    **dict.fromkeys(("pending", "审批中", "待审批", "审核中"), RecordStatus.PENDING),
    **dict.fromkeys(("rejected", "已拒绝", "拒绝", "驳回", "已驳回"), RecordStatus.REJECTED),
    **dict.fromkeys(("revoked", "已撤销", "撤销", "已撤回", "撤回", "已取消", "取消"), RecordStatus.REVOKED),
}
_SIDES = {"in": "in", "上班": "in", "签到": "in", "out": "out", "下班": "out", "签退": "out"}


@dataclass(frozen=True, slots=True)
class _Books:
    """What rows are looked up in."""

    people: dict[str, PersonId]
    leave_codes: dict[str, str]
    view: AsOf


def import_records(connection: Connection, kind: RecordKind, path: Path, view: AsOf) -> Imported:
    """Take the forms in ``path``.

    A form without a number gets one from who and when, so that the same file taken twice changes nothing, and
    a row whose status changed is a new version. A row with the number, and the version, of one above it is
    refused if it is of another span: only one of the two would be in force.

    Raises:
        BadSheet: the file is no such table.
    """
    lines = read_sheet(path, COLUMNS[kind])
    books = _Books(people_by_number(connection), leave_codes(connection), view)
    seen: dict[tuple[str, str], tuple[int, str]] = {}

    def take(line: Line) -> Outcome:
        record = _record(line, kind, books)
        form, said = record.source_id, _own_id(kind, record.person_id, record.leave_type, record.body)
        number, known = seen.setdefault((form, line.text("version")), (line.number, said))
        if known != said:
            raise BadCell("source_id", f"{form} is already in line {number}, of another span or person")
        if not line.text("version"):
            record = replace(record, version=next_version(connection, record))
        remark = line.text("remark")[:_REMARK_MAX] or None
        return write_record(connection, record, view, remark)

    return Imported.of(lines, take)


def _record(line: Line, kind: RecordKind, books: _Books) -> OfficeRecord:
    employee_no = line.need("employee_no")
    person = books.people.get(employee_no)
    if person is None:
        raise BadCell("employee_no", f"nobody has the number {employee_no}")
    unit, body = _correction(line, books) if kind is RecordKind.CORRECTION else _span(line, books)
    leave_type = _leave_type(line, books) if kind is RecordKind.LEAVE else None
    status = STATUSES.get(line.text("status").lower())
    if status is None:
        raise BadCell(
            "status", f"{line.text('status')!r} is no status like approved, pending, rejected, revoked"
        )
    approved = line.parsed("approved", lambda text: _instant(text, books))
    return OfficeRecord(
        source=FILE_SOURCE.format(kind=kind),
        source_id=line.text("source_id") or _own_id(kind, person, leave_type, body),
        version=line.parsed("version", _version) or 1,
        person_id=person,
        kind=kind,
        status=status,
        unit=unit,
        body=body,
        known_ms=books.view.now_ms,
        leave_type=leave_type,
        approved_ms=approved,
    )


def _span(line: Line, books: _Books) -> tuple[SpanUnit, RecordBody]:
    line.need("from")
    line.need("to")
    first = line.parsed("from", lambda text: point(text, books.view.zone))
    last = line.parsed("to", lambda text: point(text, books.view.zone))
    if first is None or last is None:
        raise BadCell("from", "is empty")
    try:
        return joined(first, last)
    except ValueError as error:
        raise BadCell("to", str(error)) from error


def _correction(line: Line, books: _Books) -> tuple[SpanUnit, RecordBody]:
    on = line.parsed("date", day)
    if on is None:
        raise BadCell("date", "is empty")
    side = _SIDES.get(line.need("side").lower())
    if side is None:
        raise BadCell("side", f"{line.text('side')!r} is neither in nor out")
    written = line.need("at")
    at_ms = line.parsed(
        "at",
        lambda text: (
            _instant(text, books) if len(text) > len("00:00:00") else to_ms(moment(on, text, books.view.zone))
        ),
    )
    if at_ms is None:
        raise BadCell("at", f"{written!r} is no time")
    submitted = line.parsed("submitted", lambda text: day(text.split()[0]))
    return SpanUnit.HOUR, CorrectionBody(on, side, at_ms, submitted, line.text("shift") or None)


def _leave_type(line: Line, books: _Books) -> str:
    word = line.need("type")
    code = books.leave_codes.get(word.lower())
    if code is None:
        known = ", ".join(sorted(set(books.leave_codes.values())))
        raise BadCell("type", f"there is no leave type {word!r}; known are {known}")
    return code


def _instant(text: str, books: _Books) -> int:
    on, _, time = text.replace("T", " ", 1).partition(" ")
    return to_ms(moment(day(on), time.strip() or "00:00", books.view.zone))


def _version(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 1_000_000:  # noqa: PLR2004  no form has a million versions
        raise ValueError(f"{text!r} is no version number")
    return int(text)


def _own_id(kind: RecordKind, person: PersonId, leave_type: str | None, body: RecordBody) -> str:
    said = f"{kind} {person} {leave_type} {body}"
    return blake2b(said.encode(), digest_size=_ID_BYTES).hexdigest()

"""OfficeRecord <-> its row."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Row

from models.clock import from_ms
from models.ids import PersonId
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    DecisionBody,
    OfficeRecord,
    RecordBody,
    RecordKind,
    RecordStatus,
    SpanUnit,
)


def row_of(record: OfficeRecord, zone: ZoneInfo, remark: str | None = None) -> dict[str, object]:
    """The row of ``record``; ``first`` and ``last`` are the local dates it can touch."""
    first, last = dates(record.body, zone)
    return {
        "source": record.source,
        "source_id": record.source_id,
        "version": record.version,
        "person_id": record.person_id,
        "kind": record.kind.value,
        "status": record.status.value,
        "unit": record.unit.value,
        "leave_type": record.leave_type,
        "body": msgspec.to_builtins(record.body),
        "first": first,
        "last": last,
        "approved_ms": record.approved_ms,
        "known_ms": record.known_ms,
        "remark": remark,
    }


class RecordRow(NamedTuple):
    """The columns of ``office_records`` of which a record is made, ``body`` as plain values."""

    source: str
    source_id: str
    version: int
    person_id: str
    kind: str
    status: str
    unit: str
    leave_type: str | None
    approved_ms: int | None
    known_ms: int
    body: object


def record_of(row: Row[Any] | RecordRow) -> OfficeRecord:
    """The record in a row of ``office_records``."""
    kind, unit = RecordKind(row.kind), SpanUnit(row.unit)
    return OfficeRecord(
        source=row.source,
        source_id=row.source_id,
        version=row.version,
        person_id=PersonId(row.person_id),
        kind=kind,
        status=RecordStatus(row.status),
        unit=unit,
        body=msgspec.convert(row.body, _body_type(kind, unit)),
        known_ms=row.known_ms,
        leave_type=row.leave_type,
        approved_ms=row.approved_ms,
    )


def dates(body: RecordBody, zone: ZoneInfo) -> tuple[date, date]:
    """First and last local date that ``body`` covers."""
    if isinstance(body, ClockSpan):
        end_ms = max(body.start_ms, body.end_ms - 1)
        return _date(body.start_ms, zone), _date(end_ms, zone)
    if isinstance(body, DateSpan):
        return body.first, body.last
    return body.day, body.day


def _date(at_ms: int, zone: ZoneInfo) -> date:
    return from_ms(at_ms).astimezone(zone).date()


def _body_type(
    kind: RecordKind, unit: SpanUnit
) -> type[ClockSpan | DateSpan | CorrectionBody | DecisionBody]:
    if kind is RecordKind.CORRECTION:
        return CorrectionBody
    if kind is RecordKind.DECISION:
        return DecisionBody
    return ClockSpan if unit is SpanUnit.HOUR else DateSpan

"""Office records as they are known at some instant: which versions speak, which are in force (T6, J1, J2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from cloud.rules.localtime import LocalTime
from cloud.rules.minutes import EVER, MS, NONE, Minutes, span
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    DecisionBody,
    Half,
    OfficeRecord,
    RecordKind,
    RecordStatus,
)

CLAIMING: Final = {RecordKind.LEAVE: 0, RecordKind.TRIP: 1, RecordKind.OUTING: 2}
"""Kinds that claim required minutes, the highest first (J9)."""

NOON: Final = 720
BOTH: Final = frozenset({Half.AM, Half.PM})


@dataclass(frozen=True, slots=True)
class KnownRecords:
    """What is known of the office records; each tuple in the order of J9.

    Attributes:
        claims: leave, trips and outings in force.
        overtime: overtime in force.
        corrections, decisions: by date, in force.
        pending: records of any kind that wait for approval.
    """

    claims: tuple[OfficeRecord, ...] = ()
    overtime: tuple[OfficeRecord, ...] = ()
    corrections: dict[date, tuple[OfficeRecord, ...]] | None = None
    decisions: dict[date, tuple[OfficeRecord, ...]] | None = None
    pending: tuple[OfficeRecord, ...] = ()


def known_records(records: Iterable[OfficeRecord], as_of_ms: int) -> KnownRecords:
    """The newest known version of each record, sorted by what it does (J1, J2)."""
    newest: dict[tuple[str, str], OfficeRecord] = {}
    for record in records:
        if record.known_ms > as_of_ms:
            continue
        key = (record.source, record.source_id)
        other = newest.get(key)
        if other is None or _version(record) > _version(other):
            newest[key] = record
    if not newest:
        return KnownRecords()
    in_order = sorted(newest.values(), key=_rank)
    approved = [r for r in in_order if r.status is RecordStatus.APPROVED]
    return KnownRecords(
        claims=tuple(r for r in approved if r.kind in CLAIMING),
        overtime=tuple(r for r in approved if r.kind is RecordKind.OVERTIME),
        corrections=_by_date(approved, RecordKind.CORRECTION),
        decisions=_by_date(approved, RecordKind.DECISION),
        pending=tuple(r for r in in_order if r.status is RecordStatus.PENDING),
    )


def _version(record: OfficeRecord) -> tuple[int, int, str]:
    # Equal versions known at one instant cannot be told apart; their text settles it the same way each time.
    return (record.version, record.known_ms, repr(record))


def _rank(record: OfficeRecord) -> tuple[int, int, str, str]:
    approved = -EVER if record.approved_ms is None else record.approved_ms
    return (CLAIMING.get(record.kind, 3), approved, record.source, record.source_id)


def _by_date(records: Iterable[OfficeRecord], kind: RecordKind) -> dict[date, tuple[OfficeRecord, ...]]:
    found: dict[date, tuple[OfficeRecord, ...]] = {}
    for record in records:
        body = record.body
        if record.kind is kind and isinstance(body, CorrectionBody | DecisionBody):
            found[body.day] = (*found.get(body.day, ()), record)
    return found


def hour_minutes(record: OfficeRecord) -> Minutes:
    """The minutes of an ``hour`` record; others have none."""
    body = record.body
    return span(body.start_ms // MS, body.end_ms // MS) if isinstance(body, ClockSpan) else NONE


def clock_minutes(record: OfficeRecord, zone: LocalTime) -> Minutes:
    """The minutes on the clock from the start to the end of a record.

    A ``day`` or ``half_day`` span runs from midnight or noon of the site.
    """
    body = record.body
    if not isinstance(body, DateSpan):
        return hour_minutes(record)
    start = zone.minute(body.first, 0 if body.first_half is Half.AM else NOON)
    end = zone.minute(body.last, NOON if body.last_half is Half.AM else 2 * NOON)
    return span(start, end)


def halves_on(record: OfficeRecord, day: date) -> frozenset[Half]:
    """The halves of ``day`` inside a ``day`` or ``half_day`` record."""
    body = record.body
    if not isinstance(body, DateSpan) or not body.first <= day <= body.last:
        return frozenset()
    found = set(BOTH)
    if day == body.first and body.first_half is Half.PM:
        found.discard(Half.AM)
    if day == body.last and body.last_half is Half.AM:
        found.discard(Half.PM)
    return frozenset(found)

"""Office records into the database: idempotent, and the days they touch are judged again."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, delete, select

from cloud.attendance import coverage
from cloud.attendance.facts import AsOf
from cloud.db.tables import leave_types, office_records, people
from cloud.db.upsert import insert
from cloud.office.codec import dates, record_of, row_of
from cloud.sheets import Outcome
from models.ids import PersonId
from models.office import OfficeRecord


def write_record(
    connection: Connection, record: OfficeRecord, view: AsOf, remark: str | None = None
) -> Outcome:
    """Keep one version of a form; the same again changes nothing, not even when it was known.

    A version that says something else than before replaces it: of two the later known speaks (J1).
    """
    table = office_records.c
    form = (table.source == record.source, table.source_id == record.source_id)
    rows = connection.execute(select(office_records).where(*form)).all()
    versions = {row.version: row for row in rows}
    before = versions.get(record.version)
    if before is not None:
        if record_of(before) == replace(record, known_ms=before.known_ms) and before.remark == remark:
            return Outcome.SAME
        connection.execute(delete(office_records).where(*form, table.version == record.version))
    connection.execute(insert(connection, office_records).values(row_of(record, view.zone, remark)))
    touched = {(PersonId(row.person_id), (row.first, row.last)) for row in rows}
    touched.add((record.person_id, dates(record.body, view.zone)))
    for person, days in touched:
        coverage.mark_span(connection, person, days, record.kind.value, view.now_ms)
    return Outcome.NEW if before is None else Outcome.CHANGED


def next_version(connection: Connection, record: OfficeRecord) -> int:
    """The version of a form that comes without one: the newest if it says the same, else one more."""
    table = office_records.c
    row = connection.execute(
        select(office_records)
        .where(table.source == record.source, table.source_id == record.source_id)
        .order_by(table.version.desc())
        .limit(1)
    ).first()
    if row is None:
        return 1
    same = replace(record, known_ms=row.known_ms, version=row.version, approved_ms=row.approved_ms)
    return int(row.version) if record_of(row) == same else int(row.version) + 1


def people_by_number(connection: Connection) -> dict[str, PersonId]:
    """Person ids by employee number."""
    rows = connection.execute(select(people.c.employee_no, people.c.person_id))
    return {employee_no: PersonId(person) for employee_no, person in rows}


def leave_codes(connection: Connection) -> dict[str, str]:
    """Codes of leave types by every word for one: code, names, symbol; lower case."""
    codes: dict[str, str] = {}
    for row in connection.execute(select(leave_types)):
        for word in (row.code, row.name_zh, row.name_en, row.symbol):
            codes[word.lower()] = row.code
    return codes

"""Characteristic days beyond those of ``ten_kinds``: a night, a decision, a silent terminal."""

from __future__ import annotations

from datetime import date

from sqlalchemy import insert

from cloud.db.engine import Database
from cloud.db.tables import roster_entries
from models.clock import to_ms
from models.ids import PersonId
from models.office import DecisionBody, OfficeRecord, RecordKind, RecordStatus, SpanUnit
from models.punch import Method
from tests.e2e.pages_seed import NOW, add_person, add_punches, add_record, add_terminal, at, judge

NIGHT, DECIDED, PENDING = date(2026, 11, 10), date(2026, 11, 12), date(2026, 11, 20)
SILENT_SINCE = "2026-11-20 12:00"
FINGER, FACE = Method.FINGER, Method.FACE


def other_days(database: Database, number: str = "7002", name: str = "韩梅梅") -> PersonId:
    """A person with a night over midnight, a decided day, and one whose terminal fell silent at noon."""
    person = add_person(database, number, name, "质检部", date(2026, 9, 1))
    with database.write() as connection:
        connection.execute(
            insert(roster_entries).values(person_id=person, date=NIGHT, known_ms=0, shifts=["NIGHT"])
        )
    add_punches(database, person, "2026-11-10 22:09:00", "2026-11-11 06:03:00", method=FINGER)
    add_punches(database, person, f"{DECIDED} 09:50:00", f"{DECIDED} 18:01:00")
    add_punches(database, person, f"{PENDING} 08:55:00")
    add_record(
        database,
        OfficeRecord(
            source="kaoqin",
            source_id=f"{number}-decided",
            version=1,
            person_id=person,
            kind=RecordKind.DECISION,
            status=RecordStatus.APPROVED,
            unit=SpanUnit.HOUR,
            body=DecisionBody(DECIDED, "waive"),
            known_ms=at("2026-11-13 10:00"),
            approved_ms=at("2026-11-13 10:00"),
        ),
    )
    add_terminal(database, 0, "北门", at(SILENT_SINCE))
    judge(database, [person], date(2026, 11, 1), NOW.date(), to_ms(NOW))
    return person

"""``import``: files of the office, a verdict for each row that was not taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import Connection

from cloud.attendance.facts import AsOf
from cloud.commands.console import say
from cloud.db.engine import Database
from cloud.ingest.exported import import_punches
from cloud.office.imports import import_records
from cloud.office.plans import import_calendar, import_roster
from cloud.people.imports import import_people
from cloud.sheets import Imported, Outcome
from models.office import RecordKind

Import = Callable[[Connection, Path, AsOf], Imported]


def _records(kind: RecordKind) -> Import:
    return lambda connection, path, view: import_records(connection, kind, path, view)


_RECORDS = (
    RecordKind.LEAVE,
    RecordKind.TRIP,
    RecordKind.OUTING,
    RecordKind.OVERTIME,
    RecordKind.CORRECTION,
)
KINDS: dict[str, Import] = {
    "people": import_people,
    **{kind.value: _records(kind) for kind in _RECORDS},
    "calendar": import_calendar,
    "roster": import_roster,
    "punches": lambda connection, path, view: import_punches(connection, path, view.now_ms, view.zone),
}


def import_file(
    database: Database, kind: str, path: Path, view: AsOf, *, dry_run: bool, as_json: bool
) -> int:
    """Take a file; 1 if any row was refused."""
    take = KINDS[kind]
    imported = _take(database, lambda connection: take(connection, path, view), dry_run=dry_run)
    if as_json:
        counts = {outcome.value: imported.counts[outcome] for outcome in Outcome}
        refused = [asdict(row) for row in imported.refused]
        say(json.dumps({"kind": kind, "dry_run": dry_run, **counts, "refused": refused}, ensure_ascii=False))
    else:
        for row in imported.refused:
            say(f"{path}: line {row.line}, column {row.column}: {row.reason}")
        counted = ", ".join(f"{imported.counts[outcome]} {outcome.value}" for outcome in Outcome)
        tried = " (dry run: nothing was written)" if dry_run else ""
        say(f"{kind}: {counted}, {len(imported.refused)} refused{tried}")
    return 1 if imported.refused else 0


def _take(database: Database, take: Callable[[Connection], Imported], *, dry_run: bool) -> Imported:
    with database.write() as connection:
        if not dry_run:
            return take(connection)
        # Everything is done as it would be, then undone.
        trial = connection.begin_nested()
        imported = take(connection)
        trial.rollback()
    return imported

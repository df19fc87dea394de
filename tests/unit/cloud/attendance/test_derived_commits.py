"""Results are committed without the disk: what a power cut may take of them, and that it takes no fact."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from cloud.attendance.worker import RecomputeWorker
from cloud.db.engine import Database
from cloud.db.tables import attendance_days, day_changes, punches, stale_days
from cloud.feed import Feed
from tests.databases import on_both_databases
from tests.unit.cloud.attendance.conftest import Office

HALF_FRAME = (24 + 4096) // 2
"""Of the log of SQLite, whose pages are 4 kB."""

State = tuple[list[object], ...]


def state(database: Database) -> State:
    """Facts, marks, results and history."""
    with database.read() as connection:
        return tuple(
            [tuple(row) for row in connection.execute(query)]
            for query in (
                select(punches.c.seq, punches.c.at_ms),
                select(stale_days).order_by(stale_days.c.person_id, stale_days.c.date),
                select(attendance_days).order_by(attendance_days.c.person_id, attendance_days.c.date),
                select(day_changes),
            )
        )


def cuts(path: Path, kept: int, copy: Path) -> Iterator[Path]:
    """The database as power cuts leave it that keep ``kept`` bytes of its log, or more."""
    log = Path(f"{path}-wal").read_bytes()
    for end in range(kept, len(log) + HALF_FRAME, HALF_FRAME):
        shutil.copy(path, copy)
        Path(f"{copy}-wal").write_bytes(log[:end])
        Path(f"{copy}-shm").unlink(missing_ok=True)
        yield copy


def test_a_power_cut_takes_results_with_the_taking_of_their_marks(office: Office, tmp_path: Path):
    path = Path(str(office.database.url.database))
    office.at("2026-11-18 19:00")
    office.press("2026-11-18 08:55")
    office.at("2026-11-19 01:00")
    office.report()
    office.judge()
    office.press("2026-11-18 18:03")
    promised = Path(f"{path}-wal").stat().st_size
    before = state(office.database)
    assert office.worker.round()
    after = state(office.database)

    found = []
    for copy in cuts(path, promised, tmp_path / "cut.db"):
        database = Database(f"sqlite:///{copy}")
        found.append(state(database))
        RecomputeWorker(database, Feed(), office.clock, office.zone).round()
        assert state(database) == after
        database.close()

    assert before != after
    assert found[0] == before
    assert found[-1] == after
    assert all(one in (before, after) for one in found)


def level(connection: Connection) -> object:
    if connection.dialect.name == "sqlite":
        return connection.execute(text("PRAGMA synchronous")).scalar_one()
    return connection.execute(text("SHOW synchronous_commit")).scalar_one()


@on_both_databases
def test_facts_wait_for_the_disk_whatever_was_written_before(database: Database):
    levels = []
    for writing in (database.write, database.write_derived, database.write_derived, database.write) * 2:
        with writing() as connection:
            levels.append(level(connection))
    with pytest.raises(RuntimeError), database.write_derived():
        raise RuntimeError
    with database.write() as connection:
        levels.append(level(connection))

    facts, derived = (2, 1) if database.is_sqlite else ("on", "off")
    assert levels == [facts, derived, derived, facts] * 2 + [facts]

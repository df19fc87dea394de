"""Ledgers of earlier releases go on, with every punch they hold."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.errors import LedgerUnavailable
from edge.health.machine import Machine
from edge.punch import chained, rows
from edge.punch.ledger import Ledger
from edge.punch.proving import verify
from edge.punch.signing import ledger_key
from edge.sync.outbox import Outbox
from models.crashpoint import arm
from models.ids import TerminalId

VERSION_1 = Path(__file__).with_name("ledger_v1.sql")
TERMINAL = TerminalId("t-0000000000000001")
MACHINE = Machine("machine-1", "boot-1", "disk-1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "punches.db"
    with closing(sqlite3.connect(made)) as db:
        db.executescript(VERSION_1.read_text())
    return made


def content(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(
            "SELECT stream_no, seq, punch_id, person_id, wall_ms, monotonic_ms, boot, clock, method, "
            "direction, score_milli, acked_ms FROM punches ORDER BY stream_no, seq"
        ).fetchall()


def test_a_ledger_of_version_1_keeps_every_punch_and_is_chained(path: Path):
    before = content(path)

    with Ledger(path, TERMINAL, MACHINE) as ledger:
        waiting = [list(stream.waiting) for stream in Outbox(ledger).streams()]
        pruned = ledger.write(lambda db: chained.pruned(db, ledger.streams[0]))

    assert content(path) == before
    assert waiting == [[10], [1, 2, 3, 4, 5]]
    assert [(run.first_seq, run.last_seq) for run, _ in pruned] == [(1, 3), (6, 6)]
    proved = verify(path, ledger_key(path.parent).public)
    assert (proved.punches, proved.days, proved.streams, proved.faults) == (11, 3, 2, ())


def test_it_goes_on_in_its_stream_because_only_the_disk_was_not_noted(path: Path):
    with Ledger(path, TERMINAL, MACHINE) as ledger:
        newest = ledger.stream

        assert newest.reason == "moved"
        assert newest.storage_id == "disk-1"
        assert ledger.write(lambda db: rows.bounds(db, newest.number)) == (1, 5)
    with Ledger(path, TERMINAL, Machine("machine-1", "boot-1", "disk-2")) as ledger:
        assert ledger.stream.number == 3


def test_a_cut_in_the_middle_leaves_the_older_ledger_as_it_was(path: Path):
    before = content(path)

    def die(name: str) -> None:
        if name == "ledger_migrated":
            raise LedgerUnavailable("here")

    arm(die)
    try:
        with pytest.raises(LedgerUnavailable):
            Ledger(path, TERMINAL, MACHINE)
    finally:
        arm(None)

    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
    assert content(path) == before
    with Ledger(path, TERMINAL, MACHINE):
        pass
    assert content(path) == before

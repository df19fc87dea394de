"""Answers wait for the disk, and what comes meanwhile is stored."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from cloud.db.engine import Database
from cloud.db.tables import punches
from cloud.feed import Feed
from cloud.ingest.flushing import Answers
from cloud.ingest.opening import Message
from cloud.ingest.receive import Received
from cloud.ingest.worker import IngestWorker, NotStored
from models.clock import SystemClock
from tests.terminals import Door, committed, read_ack

PATIENCE_S = 20


class Disk:
    """Stands in the way of ``fdatasync``: holds it up, refuses, and keeps what is durable after it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._path = Path(str(database.url.database))
        self._sync = os.fdatasync
        self.durable = folder / "durable.db"
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()
        self.refusals = 0

    def sync(self, file: int) -> None:
        size = os.fstat(file).st_size
        self.reached.set()
        assert self.open.wait(PATIENCE_S)
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EIO, "Input/output error")
        self._sync(file)
        shutil.copy(self._path, self.durable)
        Path(f"{self.durable}-wal").write_bytes(Path(f"{self._path}-wal").read_bytes()[:size])
        Path(f"{self.durable}-shm").unlink(missing_ok=True)

    def seqs(self) -> set[int]:
        """What a power cut would leave now."""
        if not self.durable.exists():
            return set()
        left = Database(f"sqlite:///{self.durable}")
        with left.read() as connection:
            found = set(connection.execute(select(punches.c.seq)).scalars())
        left.close()
        return found


@pytest.fixture
def disk(company: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk(company, tmp_path)
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    return disk


@pytest.fixture
def worker(company: Database, disk: Disk, zone: ZoneInfo) -> Iterator[IngestWorker]:
    worker = IngestWorker(company, Feed(), SystemClock(), zone)
    worker.start()
    yield worker
    disk.open.set()
    worker.stop()


def send(worker: IngestWorker, door: Door, seq: int) -> Future[Received]:
    return worker.submit(Message(door.topic, door.payload(door.punch(seq))))


def ailment(worker: IngestWorker) -> str | None:
    return worker.failing


def send_until_answered(worker: IngestWorker, door: Door, seq: int) -> set[int]:
    """As a terminal does: the worker may still be starting over."""
    for _ in range(20):
        with suppress(NotStored):
            return seqs_of(send(worker, door, seq))
    return set()


def seqs_of(done: Future[Received]) -> set[int]:
    return committed(read_ack(done.result(PATIENCE_S).ack))


def stored(database: Database, expected: int) -> bool:
    for _ in range(400):
        with database.read() as connection:
            if connection.execute(select(func.count()).select_from(punches)).scalar_one() == expected:
                return True
        threading.Event().wait(0.01)
    return False


def test_nobody_is_answered_before_the_disk_and_the_next_group_is_stored_meanwhile(
    worker: IngestWorker, company: Database, disk: Disk
):
    door = Door()
    disk.open.clear()
    first = send(worker, door, 1)
    assert disk.reached.wait(PATIENCE_S)
    second = send(worker, door, 2)

    assert stored(company, 2)
    assert not first.done()
    assert not second.done()

    disk.open.set()
    assert seqs_of(first) == {1}
    assert seqs_of(second) == {2}


def test_a_power_cut_leaves_every_punch_that_was_answered(worker: IngestWorker, disk: Disk):
    door, lost = Door(), []

    def check(seq: int, done: Future[Received]) -> None:
        # In the thread that answers, so nothing is synced meanwhile.
        if seq in committed(read_ack(done.result().ack)) - disk.seqs():
            lost.append(seq)

    waiting = []
    for seq in range(1, 41):
        done = send(worker, door, seq)
        done.add_done_callback(partial(check, seq))
        waiting.append(done)
        threading.Event().wait(0.003)

    assert {seq for done in waiting for seq in seqs_of(done)} == set(range(1, 41))
    worker.stop()
    assert not lost


def test_a_disk_that_refuses_is_told_to_nobody_and_what_is_sent_again_is_durable(
    worker: IngestWorker, company: Database, disk: Disk
):
    door = Door()
    disk.refusals = 1
    with pytest.raises(NotStored):
        send(worker, door, 1).result(PATIENCE_S)
    assert ailment(worker) == "OSError"

    assert send_until_answered(worker, door, 1) == {1}
    assert disk.seqs() == {1}
    assert ailment(worker) is None
    assert stored(company, 1)


def test_what_was_committed_behind_a_torn_place_is_not_answered_either(
    worker: IngestWorker, company: Database, disk: Disk
):
    door = Door()
    disk.open.clear()
    disk.refusals = 1
    first = send(worker, door, 1)
    assert disk.reached.wait(PATIENCE_S)
    second = send(worker, door, 2)
    assert stored(company, 2)
    disk.open.set()

    for done in (first, second):
        with pytest.raises(NotStored):
            done.result(PATIENCE_S)
    assert send_until_answered(worker, door, 2) == {2}
    assert disk.seqs() == {1, 2}


def test_an_answer_that_breaks_us_keeps_the_others_from_nobody(
    worker: IngestWorker, monkeypatch: pytest.MonkeyPatch
):
    door, say = Door(), worker._flusher._say

    def brittle(answers: Answers) -> None:
        monkeypatch.setattr(worker._flusher, "_say", say)
        raise ZeroDivisionError

    monkeypatch.setattr(worker._flusher, "_say", brittle)
    with pytest.raises(NotStored):
        send(worker, door, 1).result(PATIENCE_S)
    assert send_until_answered(worker, door, 1) == {1}
    assert worker._flusher._thread.is_alive()

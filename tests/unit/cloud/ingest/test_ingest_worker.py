from __future__ import annotations

import threading
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from cloud.db.engine import Database
from cloud.db.tables import punches, quarantine
from cloud.feed import Feed
from cloud.ingest import core as core_module
from cloud.ingest import inbox as inbox_module
from cloud.ingest import worker as worker_module
from cloud.ingest.core import GROUP_MAX
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from cloud.ingest.worker import IngestWorker, NotStored
from models.clock import SystemClock
from tests.terminals import Door, committed, read_ack
from tests.unit.cloud.conftest import HandClock

PATIENCE_S = 20


@pytest.fixture
def worker(company: Database, clock: HandClock, zone: ZoneInfo) -> Iterator[IngestWorker]:
    worker = IngestWorker(company, Feed(), clock, zone)
    yield worker
    if worker._thread.is_alive():
        worker.stop()


def count(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(punches)).scalar_one()


def ailment(worker: IngestWorker) -> str | None:
    return worker.failing


def test_many_messages_share_transactions(worker: IngestWorker, company: Database):
    door = Door()
    waiting = [worker.submit(Message(door.topic, door.payload(door.punch(seq)))) for seq in range(1, 601)]
    worker.start()

    assert {seq for one in waiting for seq in committed(read_ack(one.result(PATIENCE_S).ack))} == set(
        range(1, 601)
    )
    assert count(company) == 600
    assert (worker.counts.messages, worker.counts.punches) == (600, 600)
    assert GROUP_MAX < 600


def test_nothing_is_answered_before_the_commit(worker: IngestWorker, company: Database):
    door = Door()
    with company.write():
        worker.start()
        done = worker.submit(Message(door.topic, door.payload(door.punch(1))))
        with pytest.raises(TimeoutError):
            done.result(0.3)
    assert committed(read_ack(done.result(PATIENCE_S).ack)) == {1}


def test_a_database_that_fails_is_tried_again_with_the_same_messages(
    company: Database, zone: ZoneInfo, monkeypatch: pytest.MonkeyPatch
):
    worker = IngestWorker(company, Feed(), SystemClock(), zone)
    monkeypatch.setattr(core_module, "RETRY_MS", 400)
    with company.write() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    door = Door()
    worker.start()
    done = worker.submit(Message(door.topic, door.payload(door.punch(1))))
    with pytest.raises(TimeoutError):
        done.result(0.5)
    assert ailment(worker) == "ReadOnlyError"

    company.write_engine.raw_connection().driver_connection.execute("PRAGMA query_only = OFF")  # type: ignore[union-attr]

    assert committed(read_ack(done.result(PATIENCE_S).ack)) == {1}
    assert ailment(worker) is None
    assert count(company) == 1
    worker.stop()


def test_a_message_that_breaks_us_is_put_aside_and_the_others_go_on(
    worker: IngestWorker, company: Database, monkeypatch: pytest.MonkeyPatch
):
    def brittle(connection, messages, now_ms, zone):
        if any(message.payload == b"poison" for message in messages):
            raise ZeroDivisionError
        return receive_all(connection, messages, now_ms, zone)

    monkeypatch.setattr(worker_module, "receive_all", brittle)
    door = Door()
    good = [worker.submit(Message(door.topic, door.payload(door.punch(seq)))) for seq in (1, 2)]
    poison = worker.submit(Message(door.topic, b"poison"))
    worker.start()

    assert [committed(read_ack(one.result(PATIENCE_S).ack)) for one in good] == [{1}, {2}]
    assert poison.result(PATIENCE_S).quarantined == 1
    with company.read() as connection:
        assert connection.execute(select(quarantine.c.payload)).scalar_one() == b"poison"


def test_what_waits_is_stored_before_it_stops(worker: IngestWorker, company: Database):
    door = Door()
    waiting = [worker.submit(Message(door.topic, door.payload(door.punch(seq)))) for seq in range(1, 11)]
    worker.start()
    worker.stop()

    assert all(one.done() for one in waiting)
    assert count(company) == 10
    with pytest.raises(NotStored):
        worker.submit(Message(door.topic, b""))


def test_a_full_queue_slows_the_sender_down(
    company: Database, clock: HandClock, zone: ZoneInfo, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inbox_module, "INBOX_MAX", 2)
    worker = IngestWorker(company, Feed(), clock, zone)
    door = Door()
    sent = threading.Event()

    def send() -> None:
        for seq in (1, 2, 3):
            worker.submit(Message(door.topic, door.payload(door.punch(seq))))
        sent.set()

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    assert not sent.wait(0.3)
    worker.start()
    assert sent.wait(PATIENCE_S)
    sender.join()
    worker.stop()
    assert count(company) == 3

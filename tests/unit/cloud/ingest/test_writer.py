from __future__ import annotations

import threading
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from cloud.db.engine import Database
from cloud.db.tables import punches, quarantine
from cloud.feed import Feed
from cloud.ingest import writer as writer_module
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from cloud.ingest.writer import GROUP_MAX, IngestWriter, NotStored
from tests.terminals import Door, committed, read_ack
from tests.unit.cloud.conftest import HandClock

PATIENCE_S = 20


@pytest.fixture
def writer(company: Database, clock: HandClock, zone: ZoneInfo) -> Iterator[IngestWriter]:
    writer = IngestWriter(company, Feed(), clock, zone)
    yield writer
    if writer._thread.is_alive():
        writer.stop()


def count(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(punches)).scalar_one()


def ailment(writer: IngestWriter) -> str | None:
    return writer.failing


def test_many_messages_share_transactions(writer: IngestWriter, company: Database):
    door = Door()
    waiting = [writer.submit(Message(door.topic, door.payload(door.punch(seq)))) for seq in range(1, 601)]
    writer.start()

    assert {seq for one in waiting for seq in committed(read_ack(one.result(PATIENCE_S).ack))} == set(
        range(1, 601)
    )
    assert count(company) == 600
    assert (writer.counts.messages, writer.counts.punches) == (600, 600)
    assert GROUP_MAX < 600


def test_nothing_is_answered_before_the_commit(writer: IngestWriter, company: Database):
    door = Door()
    with company.write():
        writer.start()
        done = writer.submit(Message(door.topic, door.payload(door.punch(1))))
        with pytest.raises(TimeoutError):
            done.result(0.3)
    assert committed(read_ack(done.result(PATIENCE_S).ack)) == {1}


def test_a_database_that_fails_is_tried_again_with_the_same_messages(
    writer: IngestWriter, company: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer_module, "_RETRY_S", 0.05)
    with company.write() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    door = Door()
    writer.start()
    done = writer.submit(Message(door.topic, door.payload(door.punch(1))))
    with pytest.raises(TimeoutError):
        done.result(0.5)
    assert ailment(writer) == "OperationalError"

    company.write_engine.raw_connection().driver_connection.execute("PRAGMA query_only = OFF")  # type: ignore[union-attr]

    assert committed(read_ack(done.result(PATIENCE_S).ack)) == {1}
    assert ailment(writer) is None
    assert count(company) == 1


def test_a_message_that_breaks_us_is_put_aside_and_the_others_go_on(
    writer: IngestWriter, company: Database, monkeypatch: pytest.MonkeyPatch
):
    def brittle(connection, messages, now_ms, zone):
        if any(message.payload == b"poison" for message in messages):
            raise ZeroDivisionError
        return receive_all(connection, messages, now_ms, zone)

    monkeypatch.setattr(writer_module, "receive_all", brittle)
    door = Door()
    good = [writer.submit(Message(door.topic, door.payload(door.punch(seq)))) for seq in (1, 2)]
    poison = writer.submit(Message(door.topic, b"poison"))
    writer.start()

    assert [committed(read_ack(one.result(PATIENCE_S).ack)) for one in good] == [{1}, {2}]
    assert poison.result(PATIENCE_S).quarantined == 1
    with company.read() as connection:
        assert connection.execute(select(quarantine.c.payload)).scalar_one() == b"poison"


def test_what_waits_is_stored_before_it_stops(writer: IngestWriter, company: Database):
    door = Door()
    waiting = [writer.submit(Message(door.topic, door.payload(door.punch(seq)))) for seq in range(1, 11)]
    writer.start()
    writer.stop()

    assert all(one.done() for one in waiting)
    assert count(company) == 10
    with pytest.raises(NotStored):
        writer.submit(Message(door.topic, b""))


def test_a_full_queue_slows_the_sender_down(
    company: Database, clock: HandClock, zone: ZoneInfo, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer_module, "_QUEUE_MAX", 2)
    writer = IngestWriter(company, Feed(), clock, zone)
    door = Door()
    sent = threading.Event()

    def send() -> None:
        for seq in (1, 2, 3):
            writer.submit(Message(door.topic, door.payload(door.punch(seq))))
        sent.set()

    sender = threading.Thread(target=send)
    sender.start()
    assert not sent.wait(0.3)
    writer.start()
    assert sent.wait(PATIENCE_S)
    sender.join()
    writer.stop()
    assert count(company) == 3

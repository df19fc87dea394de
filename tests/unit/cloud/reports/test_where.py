from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from cloud.attendance.defaults import seed
from cloud.attendance.worker import RecomputeWorker
from cloud.db.engine import Database
from cloud.db.tables import terminals
from cloud.feed import Feed
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from cloud.reports.aside import count_aside, list_aside
from cloud.reports.where import AROUND_MS, Stop, Whereabouts, where
from tests.databases import on_both_databases
from tests.terminals import NOW_MS, Door
from tests.unit.cloud.conftest import HandClock

pytestmark = on_both_databases
ZONE = ZoneInfo("Asia/Shanghai")


def ask(database: Database, person: str = "p-1", at_ms: int = NOW_MS) -> Whereabouts:
    with database.read() as connection:
        return where(connection, person, at_ms, ZONE)


def take(database: Database, door: Door, payload: bytes) -> None:
    with database.write() as connection:
        receive_all(connection, [Message(door.topic, payload)], NOW_MS, ZONE)


@pytest.fixture
def told(company: Database) -> Database:
    """All terminals have told everything until long after now."""
    with company.write() as connection:
        connection.execute(update(terminals).values(watermark_ms=NOW_MS + 2 * AROUND_MS))
    return company


@pytest.fixture
def seeded(told: Database) -> Database:
    """With rules to judge by."""
    with told.write() as connection:
        seed(connection, 2026)
    return told


def test_nothing_was_made_at_any_terminal(told: Database):
    assert ask(told).stop is Stop.NOT_MADE


def test_a_terminal_that_has_not_told_everything_may_hold_it(company: Database):
    found = ask(company)

    assert found.stop is Stop.PERHAPS_WAITING
    assert [door.terminal for door in found.quiet] == ["door t-1"]


def test_it_is_here_and_about_to_be_judged(told: Database):
    door = Door()
    take(told, door, door.payload(door.punch(7)))

    found = ask(told)

    assert found.stop is Stop.NOT_JUDGED
    assert [(one.terminal, one.seq, one.received_ms) for one in found.traces] == [("door t-1", 7, NOW_MS)]
    assert ask(told, at_ms=NOW_MS - 2 * AROUND_MS).stop is Stop.NOT_MADE
    assert ask(told, "p-2").stop is Stop.NOT_MADE


def test_it_was_judged_into_a_day(seeded: Database, clock: HandClock):
    door = Door()
    take(seeded, door, door.payload(door.punch(1)))
    worker = RecomputeWorker(seeded, Feed(), clock, ZONE)
    worker.tick()
    while worker.round():
        pass

    found = ask(seeded)

    assert found.stop is Stop.JUDGED
    assert str(found.traces[0].day) == "2026-11-18"
    assert found.traces[0].result is not None


def test_nobody_has_the_person_id(told: Database):
    door = Door()
    take(told, door, door.payload(door.punch(1, "p-ghost")))

    assert ask(told, "p-ghost").stop is Stop.UNKNOWN_PERSON


def test_it_was_put_aside_and_why(told: Database):
    door = Door()
    take(told, door, door.payload(door.punch(1, "p-2")))
    take(told, door, door.payload(door.punch(1, "p-1", salt=1)))

    found = ask(told)

    assert found.stop is Stop.PUT_ASIDE
    assert found.traces[0].code == "key_conflict"
    with told.read() as connection:
        assert [one.code for one in list_aside(connection, 10)] == ["key_conflict"]
        assert count_aside(connection) == {"t-1": 1}


def test_the_copy_of_a_punch_is_said_to_be_one(told: Database):
    door, copy = Door(), Door(stream_id=b"copied-1........")
    take(told, door, door.payload(door.punch(1)))
    copy.made[1] = door.made[1]
    take(told, copy, copy.payload(copy.made[1]))

    found = ask(told)

    assert found.stop is Stop.NOT_JUDGED
    assert sorted(one.code for one in found.traces) == ["", "already_stored"]

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from cloud.db.engine import Database
from cloud.db.tables import punches, quarantine, terminals
from cloud.ingest.apart import receive_apart
from cloud.ingest.opening import Message
from tests.terminals import NOW_MS, Door, add_person, add_terminal

ZONE = ZoneInfo("Asia/Shanghai")


def test_a_batch_taken_apart_is_stored_whole_and_nothing_is_put_aside(database: Database):
    door = Door()
    with database.write() as connection:
        add_terminal(connection, "t-1")
        add_person(connection, "p-1")
        batch = Message.of(door.topic, door.payload(door.punch(1), door.punch(2), door.punch(3)))

        received = receive_apart(connection, batch, NOW_MS, ZONE)

        assert len(received.stored) == 3
        assert received.ack is not None
        assert received.ack.committed == ((1, 3),)
        assert connection.execute(select(func.count()).select_from(punches)).scalar_one() == 3
        assert connection.execute(select(quarantine.c.reason)).all() == []


def test_a_state_that_came_to_be_taken_apart_is_recorded_and_not_put_aside(database: Database):
    door = Door()
    with database.write() as connection:
        add_terminal(connection, "t-1")
        state = Message.of(door.state_topic, door.state(highest=7))

        received = receive_apart(connection, state, NOW_MS, ZONE)

        assert received.quarantined == 0
        assert received.terminal_id == "t-1"
        assert connection.execute(select(terminals.c.last_seen_ms)).scalar_one() == NOW_MS
        assert connection.execute(select(quarantine.c.reason)).all() == []

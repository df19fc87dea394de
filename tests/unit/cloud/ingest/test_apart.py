from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from cloud.db.engine import Database
from cloud.db.tables import punches, quarantine
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

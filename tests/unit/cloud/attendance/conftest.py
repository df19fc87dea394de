from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from cloud.attendance.codec import decode
from cloud.attendance.defaults import seed
from cloud.attendance.worker import RecomputeWorker
from cloud.db.engine import Database
from cloud.db.tables import attendance_days
from cloud.feed import Feed
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from models.attendance import AttendanceDay
from tests.terminals import Door, add_person, add_terminal
from tests.unit.cloud.conftest import HandClock


class Office:
    """A small office: one door, two people, the default rules; its time is moved by hand."""

    def __init__(self, database: Database, clock: HandClock, zone: ZoneInfo) -> None:
        self.database = database
        self.clock = clock
        self.zone = zone
        self.door = Door()
        self.seq = 0
        with database.write() as connection:
            seed(connection, 2026)
            add_terminal(connection, "t-1")
            add_person(connection, "p-1")
            add_person(connection, "p-2")
        self.feed = Feed()
        self.worker = RecomputeWorker(database, self.feed, clock, zone)

    def ms(self, text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=self.zone).timestamp() * 1000)

    def at(self, text: str) -> None:
        """It is now ``text``, local time."""
        self.clock.set_to(self.ms(text))

    def press(self, text: str, person: str = "p-1") -> None:
        """Somebody punches at ``text`` and the cloud learns of it now."""
        self.seq += 1
        punch = self.door.punch(self.seq, person, at_ms=self.ms(text), monotonic_ms=self.ms(text))
        self.door.sent_ms = self.door.sent_monotonic_ms = self.clock.now_ms
        self.send(self.door.topic, self.door.payload(punch))

    def report(self) -> None:
        """The door says that it has told everything."""
        self.send(self.door.state_topic, self.door.state(at_ms=self.clock.now_ms, highest=self.seq))

    def send(self, topic: str, payload: bytes) -> None:
        with self.database.write() as connection:
            receive_all(connection, [Message(topic, payload)], self.clock.now_ms, self.zone)

    def judge(self) -> None:
        """Let the worker do everything there is to do now."""
        self.worker.tick()
        while self.worker.round():
            pass

    def days(self, person: str = "p-1") -> dict[str, AttendanceDay]:
        with self.database.read() as connection:
            rows = connection.execute(
                attendance_days.select().where(attendance_days.c.person_id == person)
            ).all()
        return {row.date.isoformat(): decode(row.result) for row in rows}


@pytest.fixture
def office(database: Database, clock: HandClock, zone: ZoneInfo) -> Office:
    return Office(database, clock, zone)

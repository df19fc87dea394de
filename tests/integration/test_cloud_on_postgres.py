"""The same schema, ingest, imports and recompute on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from cloud.attendance.defaults import seed
from cloud.attendance.facts import AsOf
from cloud.attendance.worker import RecomputeWorker
from cloud.db import direct, engine
from cloud.db.engine import Database
from cloud.db.migrate import migrate
from cloud.db.tables import attendance_days, metadata, punches, quarantine
from cloud.feed import Feed
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from cloud.ingest.worker import IngestWorker
from cloud.office.imports import import_records
from cloud.office.plans import import_calendar, import_roster
from cloud.people.imports import import_people
from cloud.sheets import Outcome
from models.office import RecordKind
from tests.postgres import Postgres
from tests.terminals import NOW_MS, Door, add_person, add_terminal, committed, read_ack

ZONE = ZoneInfo("Asia/Shanghai")
PATIENCE_S = 20


class StillClock:
    """A clock whose seconds pass only by being asked."""

    def __init__(self) -> None:
        self._ms = 0

    def wall_ms(self) -> int:
        return NOW_MS

    def monotonic_ms(self) -> int:
        self._ms += 10_000
        return self._ms


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    database = Database(postgres.fresh("kaoqin_test"))
    migrate(database)
    with database.write() as connection:
        seed(connection, 2026)
        add_terminal(connection, "t-1")
        add_person(connection, "p-1")
    yield database
    database.close()


def test_the_steps_lead_to_the_tables_in_use(database: Database):
    with database.write() as connection:
        options = {"compare_type": True, "include_name": lambda name, *_: "_part_" not in (name or "")}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    assert migrate(database) is False


def test_punches_are_stored_once_and_conflicts_refused(database: Database):
    door = Door()
    first = Message(door.topic, door.payload(*(door.punch(seq) for seq in range(1, 101))))
    second = Message(door.topic, door.payload(door.made[1], door.punch(2, salt=1), door.punch(101)))
    answers = []
    for group in ([first, first], [second]):
        with database.write() as connection:
            answers += receive_all(connection, group, NOW_MS, ZONE)

    assert [len(one.stored) for one in answers] == [100, 0, 1]
    assert committed(read_ack(answers[2].ack)) == {1, 101}
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(punches)).scalar_one() == 101


def test_what_this_database_cannot_hold_is_put_aside(database: Database):
    door = Door()
    writer = IngestWorker(database, Feed(), StillClock(), ZONE)
    bad = writer.submit(Message(door.topic, door.payload(door.punch(1, "nul\0person"))))
    good = writer.submit(Message(door.topic, door.payload(door.punch(2))))
    writer.start()

    assert bad.result(PATIENCE_S).quarantined == 1
    assert committed(read_ack(good.result(PATIENCE_S).ack)) == {2}
    writer.stop()
    with database.read() as connection:
        assert connection.execute(select(quarantine.c.code)).scalar_one() == "malformed"


SEEN = "UPDATE terminals SET last_seen_ms = ? WHERE terminal_id = ?"
LAST_WORDS = {
    "one": lambda connection: direct.run(connection, SEEN, (1, "t-1")),
    "many": lambda connection: direct.run_each(connection, SEEN, [(1, "t-1")]),
}


@pytest.mark.parametrize("last_word", LAST_WORDS)
def test_a_process_that_vanished_amid_a_transaction_keeps_nobody_waiting(
    database: Database, monkeypatch: pytest.MonkeyPatch, last_word: str
):
    monkeypatch.setattr(engine, "_ABANDONED_MS", 300)
    vanished = Database(database.url.render_as_string(hide_password=False))

    with vanished.write_engine.connect() as silent:
        silent.begin()
        LAST_WORDS[last_word](silent)
        with database.write() as connection:
            direct.run(connection, "SET LOCAL lock_timeout = '20s'")
            assert direct.run(connection, SEEN, (2, "t-1"))
        with pytest.raises(DBAPIError):
            silent.commit()
    vanished.close()


def test_files_are_taken_and_days_judged(database: Database, tmp_path: Path):
    door, view, file = Door(), AsOf(NOW_MS, ZONE), tmp_path / "file.csv"
    with database.write() as connection:
        receive_all(connection, [Message(door.topic, door.payload(door.punch(1)))], NOW_MS, ZONE)
        file.write_text("employee_no,name,department,pin\n1001,李雷,研发部/平台组,4711\n")
        assert import_people(connection, file, view).counts == {Outcome.NEW: 1}
        file.write_text("employee_no,type,from,to\n1001,annual,2026-11-18 am,2026-11-18 am\n")
        assert import_records(connection, RecordKind.LEAVE, file, view).counts == {Outcome.NEW: 1}
        assert import_records(connection, RecordKind.LEAVE, file, view).counts == {Outcome.SAME: 1}
        file.write_text("employee_no,date,shift\n1001,2026-11-18,DAY\n")
        assert import_roster(connection, file, view).counts == {Outcome.NEW: 1}
        file.write_text("date,kind\n2026-11-18,rest\n")
        assert import_calendar(connection, file, view).counts == {Outcome.NEW: 1}

    worker = RecomputeWorker(database, Feed(), StillClock(), ZONE)
    worker.tick()
    while worker.round():
        pass

    with database.read() as connection:
        rows = connection.execute(select(attendance_days.c.state)).scalars().all()
    assert rows == ["in_progress", "in_progress"]


def test_the_driver_is_told_to_notice_a_vanished_server_within_a_minute(database: Database):
    with database.read() as connection:
        driver: Any = connection.connection.driver_connection
        given = driver.info.get_parameters()

    assert int(given["connect_timeout"]) == 10
    idle, interval, count = (int(given[f"keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert idle + interval * count == 60
    assert int(given["tcp_user_timeout"]) == 60_000


def test_what_the_url_says_about_that_is_kept(postgres: Postgres):
    patient = Database(f"{postgres.fresh('kaoqin_test')}?connect_timeout=77")
    with patient.read() as connection:
        driver: Any = connection.connection.driver_connection
        assert driver.info.get_parameters()["connect_timeout"] == "77"
    patient.close()

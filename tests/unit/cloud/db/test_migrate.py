from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, text

from cloud.attendance import stale
from cloud.db.engine import Database
from cloud.db.migrate import DatabaseNewer, DatabaseOlder, migrate, require_newest, revision
from cloud.db.tables import metadata, punches, quarantine, stale_days
from models.wire.codec import decode
from models.wire.messages import WirePunch
from tests.databases import on_both_databases
from tests.terminals import NOW_MS, add_person, add_terminal


def test_the_steps_lead_to_the_tables_in_use(database: Database):
    with database.write() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_twice_changes_nothing(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'k.db'}")

    assert migrate(database) is True
    assert migrate(database) is False
    require_newest(database)
    database.close()


def test_an_empty_database_is_older(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'k.db'}")
    with database.write() as connection:
        assert revision(connection) is None
    with pytest.raises(DatabaseOlder):
        require_newest(database)
    database.close()


def test_a_newer_database_is_left_alone(database: Database):
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseNewer, match="9999"):
        migrate(database)
    with pytest.raises(DatabaseNewer):
        require_newest(database)


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    database = Database(f"sqlite:///{tmp_path / 'k.db'}")
    with database.write() as connection:
        connection.execute(text("CREATE TABLE audit (x)"))

    with pytest.raises(Exception, match="audit"):
        migrate(database)

    with database.read() as connection:
        names = (
            connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        )
    assert set(names) == {"audit"}
    database.close()


@on_both_databases
def test_punches_that_were_stored_twice_are_put_aside(database: Database):
    with database.write() as connection:
        connection.execute(text("DROP INDEX ix_punches_punch_id_terminal_id"))
        connection.execute(text("CREATE INDEX ix_punches_received_ms ON punches (received_ms)"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0005'"))
        add_terminal(connection, "t-1")
        add_person(connection, "p-1")
        once, twice = bytes(15) + b"1", bytes(15) + b"2"
        connection.execute(
            insert(punches),
            [
                _stored(b"first" + bytes(11), 1, once),
                _stored(b"first" + bytes(11), 2, twice, received_ms=NOW_MS + 9),
                _stored(b"later" + bytes(11), 1, twice, received_ms=NOW_MS),
                _stored(b"later" + bytes(11), 2, once, wall_ms=1, received_ms=NOW_MS + 1),
            ],
        )

    assert migrate(database) is False

    with database.read() as connection:
        left = connection.execute(select(punches.c.stream_id, punches.c.seq, punches.c.punch_id)).all()
        aside = connection.execute(
            select(quarantine.c.code, quarantine.c.seq, quarantine.c.payload).order_by(quarantine.c.code)
        ).all()
        days = set(connection.execute(select(stale_days.c.date)).scalars())
    assert {(bytes(stream)[:5], seq, bytes(who)) for stream, seq, who in left} == {
        (b"first", 1, once),
        (b"later", 1, twice),
    }
    kept = [(code, decode(bytes(payload), WirePunch)) for code, _, payload in aside]
    assert [code for code, _ in kept] == ["already_stored", "id_conflict"]
    assert [punch.wall_ms for _, punch in kept if isinstance(punch, WirePunch)] == [NOW_MS, 1]
    assert days >= set(stale.near(NOW_MS, ZoneInfo("Asia/Shanghai")))


def _stored(
    stream: bytes, seq: int, who: bytes, *, wall_ms: int = NOW_MS, received_ms: int = NOW_MS
) -> dict[str, object]:
    return {
        "terminal_id": "t-1",
        "stream_id": stream,
        "seq": seq,
        "punch_id": who,
        "person_id": "p-1",
        "wall_ms": wall_ms,
        "monotonic_ms": 1,
        "boot": 1,
        "clock": 2,
        "at_ms": NOW_MS,
        "method": 1,
        "direction": 0,
        "received_ms": received_ms,
    }

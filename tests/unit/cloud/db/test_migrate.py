from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from cloud.db.engine import Database
from cloud.db.migrate import DatabaseNewer, DatabaseOlder, migrate, require_newest, revision
from cloud.db.tables import metadata


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

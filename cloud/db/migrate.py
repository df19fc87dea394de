"""Bring a database to the schema this release expects."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from cloud.db.engine import Database
from models.crashpoint import crashpoint

_STEPS = Path(__file__).parent / "migrations"


class DatabaseNewer(Exception):
    """The database was made by a newer release; it is left alone."""


class DatabaseOlder(Exception):
    """The database lacks steps and is shared, so a person has to say when they are made."""


def migrate(database: Database) -> bool:
    """Apply the missing steps in one transaction; whether the database was empty before.

    Raises:
        DatabaseNewer: the database has a step that this release does not know.
    """
    config = _config()
    with database.write() as connection:
        current = revision(connection)
        newest = ScriptDirectory.from_config(config).get_current_head()
        if current == newest:
            return False
        _refuse_newer(config, current)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        crashpoint("migration_applied")
    crashpoint("migration_committed")
    return current is None


def require_newest(database: Database) -> None:
    """Check that nothing is to be migrated.

    Raises:
        DatabaseNewer: the database has a step that this release does not know.
        DatabaseOlder: it lacks one.
    """
    config = _config()
    with database.read() as connection:
        current = revision(connection)
    _refuse_newer(config, current)
    if current != ScriptDirectory.from_config(config).get_current_head():
        raise DatabaseOlder("the database is older than this release: run kaoqin-cloud migrate")


def revision(connection: Connection) -> str | None:
    """The newest step applied to the database, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _refuse_newer(config: Config, current: str | None) -> None:
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise DatabaseNewer(
            f"the database is at step {current}, which this release does not know: install the newer release"
        )

"""Bring a database to the schema this release expects."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from cloud.db.engine import Database
from cloud.errors import CloudError
from models.crashpoint import crashpoint

_STEPS = Path(__file__).parent / "migrations"


class DatabaseNewer(CloudError):
    """The database was made by a newer release; it is left alone."""


class DatabaseOlder(CloudError):
    """The database lacks steps and is shared, so a person has to say when they are made."""


def migrate(database: Database) -> bool:
    """Apply the missing steps in one transaction; whether the database was empty before.

    Raises:
        DatabaseNewer: the database has a step that this release does not know.
    """
    with database.write() as connection:
        current = revision(connection)
        if current == newest():
            return False
        _refuse_newer(current)
        _upgrade(connection)
        crashpoint("migration_applied")
    crashpoint("migration_committed")
    return current is None


def require_newest(database: Database) -> None:
    """Check that nothing is to be migrated.

    Raises:
        DatabaseNewer: the database has a step that this release does not know.
        DatabaseOlder: it lacks one.
    """
    with database.read() as connection:
        current = revision(connection)
    _refuse_newer(current)
    if current != newest():
        raise DatabaseOlder("the database is older than this release: run kaoqin-cloud migrate")


def revision(connection: Connection) -> str | None:
    """The newest step applied to the database, None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def newest() -> str:
    """The newest step of this release."""
    return _steps()[-1]


def _steps() -> list[str]:
    return sorted(path.name.partition("_")[0] for path in (_STEPS / "versions").glob("[0-9]*.py"))


def _upgrade(connection: Connection) -> None:
    # Only here: it takes longer to load than most commands take, and there is seldom something to do.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_newer(current: str | None) -> None:
    if current is not None and current not in _steps():
        raise DatabaseNewer(
            f"the database is at step {current}, which this release does not know: install the newer release"
        )

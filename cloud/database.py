"""Opening the database that the settings name."""

from __future__ import annotations

from cloud.db.engine import Database
from cloud.db.migrate import migrate, require_newest
from cloud.settings import Settings
from models.clock import Clock, from_ms


def open_database(settings: Settings, clock: Clock) -> Database:
    """The database of ``settings``, at the schema of this release and never empty.

    SQLite is migrated here; a shared PostgreSQL only by ``kaoqin-cloud migrate``.

    Raises:
        DatabaseUnavailable: it cannot be opened.
        DatabaseNewer, DatabaseOlder: it belongs to another release.
    """
    database = Database(settings.database)
    try:
        if database.is_sqlite:
            if migrate(database):
                fill(database, settings, clock)
        else:
            require_newest(database)
    except BaseException:
        database.close()
        raise
    return database


def fill(database: Database, settings: Settings, clock: Clock) -> None:
    """Give an empty database what the first punch needs to be judged, and every one its calendars.

    A year that waited for its notice and has it now is judged again where it differs.
    """
    from cloud.attendance import coverage
    from cloud.attendance.defaults import seed

    now_ms = clock.wall_ms()
    today = from_ms(now_ms).astimezone(settings.tzinfo)
    with database.write() as connection:
        coverage.mark_calendar(connection, seed(connection, today.year), now_ms)

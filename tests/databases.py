"""One suite on both databases: ``pytestmark = on_both_databases``, and the fixture ``database``."""

from __future__ import annotations

from functools import cache

import pytest

from cloud.db.engine import Database
from cloud.db.migrate import migrate
from tests.postgres import Postgres

on_both_databases = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


def on_postgres(server: Postgres, name: str = "kaoqin_test") -> Database:
    """A migrated PostgreSQL database without a row; it replaces the one of that name."""
    _template(server)
    return Database(server.fresh(name, template="kaoqin_template"))


@cache
def _template(server: Postgres) -> None:
    database = Database(server.fresh("kaoqin_template"))
    migrate(database)
    database.close()

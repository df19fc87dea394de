"""How SQLite looks keys up; PostgreSQL weighs what it has counted, and has no plan to hold it to."""

from __future__ import annotations

from typing import Any

import apsw

from cloud.db import direct
from cloud.db.engine import Database

MAKE = "CREATE TEMPORARY TABLE doors (name VARCHAR(9), floor INTEGER, PRIMARY KEY (name, floor))"
OF = "SELECT name, floor FROM doors WHERE"


def test_keys_of_several_columns_are_looked_up_in_the_index(database: Database):
    """A table that is read from end to end for a few keys is slower with every punch that is in it."""
    seen: list[str] = []
    with database.write() as connection:
        direct.run(connection, MAKE)
        driver: Any = connection.connection.driver_connection
        driver.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: seen.append(event["sql"]))
        direct.rows_of(connection, OF, ("name", "floor"), [("north", 1), ("south", 2)])
        driver.trace_v2(0, None)

        query = seen[-1]
        steps = direct.rows(connection, f"EXPLAIN QUERY PLAN {query}", [None] * query.count("?"))
        plan = [step[-1] for step in steps]

    assert any("SEARCH doors" in step for step in plan)
    assert not any("SCAN doors" in step for step in plan)

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from cloud.db import direct
from cloud.db.engine import Database
from tests.databases import on_both_databases

pytestmark = on_both_databases

MAKE = "CREATE TEMPORARY TABLE doors (name VARCHAR(9), floor INTEGER, PRIMARY KEY (name, floor))"
ADD = "INSERT INTO doors VALUES (?, ?)"
OF = "SELECT name, floor FROM doors WHERE"


def test_changes_are_counted_and_rows_come_as_the_driver_gives_them(database: Database):
    with database.write() as connection:
        direct.run(connection, MAKE)

        added = direct.run_each(connection, ADD, [("north", 1), ("south", 2)])
        moved = direct.run(connection, "UPDATE doors SET floor = ? WHERE floor > ?", (3, 0))

        assert (added, moved) == (2, 2)
        assert direct.rows(connection, "SELECT name FROM doors ORDER BY name") == [("north",), ("south",)]
        assert direct.run_each(connection, ADD, []) == 0


@pytest.mark.parametrize("count", [0, 1, 2, 2_000, 2_001])
def test_any_number_of_keys_can_be_asked_for(database: Database, count: int):
    with database.write() as connection:
        direct.run(connection, MAKE)
        direct.run_each(connection, ADD, [("north", floor) for floor in range(2_500)])

        keys = [("north", floor) for floor in range(count)]
        found = direct.rows_of(connection, OF, ("name", "floor"), [*keys, ("south", 1)], "ORDER BY floor")

        assert found == keys


def test_errors_are_those_of_sqlalchemy_and_undo_the_transaction(database: Database):
    with database.write() as connection:
        direct.run(connection, "CREATE TABLE doors (name VARCHAR(9) PRIMARY KEY)")

    with pytest.raises(IntegrityError), database.write() as connection:
        direct.run_each(connection, "INSERT INTO doors VALUES (?)", [("north",), ("north",)])
    with pytest.raises((OperationalError, ProgrammingError)), database.write() as connection:
        direct.rows(connection, "SELECT nothing FROM doors")

    with database.write() as connection:
        assert direct.rows(connection, "SELECT * FROM doors") == []

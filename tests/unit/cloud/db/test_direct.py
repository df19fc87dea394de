from __future__ import annotations

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from cloud.db import direct
from cloud.db.engine import Database
from cloud.db.tables import departments
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


def test_a_reader_sees_one_state_and_changes_nothing(database: Database):
    names = "SELECT name FROM departments"
    add = "INSERT INTO departments (department_id, name) VALUES (?, ?)"
    with database.read() as reader:
        before = direct.rows(reader, names)
        with database.write() as connection:
            direct.run(connection, add, ("n", "Night shift"))

        assert direct.rows(reader, names) == before
        assert reader.execute(text(names)).all() == before
        with pytest.raises(DBAPIError):
            direct.run(reader, add, ("d", "Day shift"))
    with database.read() as reader:
        assert sorted(direct.rows(reader, names)) == sorted([*before, ("Night shift",)])


@pytest.mark.parametrize("by_sqlalchemy", [False, True])
def test_a_transaction_that_fails_leaves_nothing_and_the_next_one_is_whole(
    database: Database, *, by_sqlalchemy: bool
):
    names = "SELECT name FROM departments WHERE department_id IN ('n', 'd')"
    add = "INSERT INTO departments (department_id, name) VALUES (?, ?)"

    def fail() -> None:
        with database.write() as connection:
            if by_sqlalchemy:
                connection.execute(insert(departments).values(department_id="n", name="Night shift"))
            direct.run_each(connection, add, [("d", "Day shift"), ("d", "Day shift")])

    with pytest.raises(IntegrityError):
        fail()
    with database.write_derived() as connection:
        assert direct.rows(connection, names) == []
        direct.run(connection, add, ("n", "Night shift"))
    with database.read() as reader:
        assert direct.rows(reader, names) == [("Night shift",)]

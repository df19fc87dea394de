"""apsw as SQLAlchemy meets it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, text, update
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from cloud.db import direct, sqlite
from cloud.db.engine import Database

doors = Table(
    "doors",
    MetaData(),
    Column("number", Integer, primary_key=True),
    Column("name", String(9), nullable=False, unique=True),
)


@pytest.fixture
def site(database: Database) -> Database:
    with database.write() as connection:
        doors.create(connection)
        connection.execute(insert(doors), [{"name": f"door {number}"} for number in range(10)])
    return database


def test_it_is_without_the_wal_reset_bug():
    assert sqlite.sqlite_version_info >= (3, 51, 3)


def test_a_result_without_rows_has_its_columns(site: Database):
    with site.read() as connection:
        nobody = connection.execute(select(doors).where(doors.c.name == "none"))
        assert list(nobody.keys()) == ["number", "name"]
        assert nobody.all() == []


@pytest.mark.parametrize("size", [1, 3, 5, 10, 11])
def test_parts_of_a_result_are_the_result(site: Database, size: int):
    with site.read() as connection:
        result = connection.execution_options(yield_per=size).execute(select(doors.c.number))
        parts = list(result.scalars().partitions(size))
    assert [number for part in parts for number in part] == list(range(1, 11))
    assert {len(part) for part in parts[:-1]} <= {size}


def test_what_a_statement_changed_is_counted(site: Database):
    add = "INSERT INTO doors (name) VALUES (?) ON CONFLICT DO NOTHING"
    with site.write() as connection:
        assert (
            connection.execute(update(doors).where(doors.c.number < 4).values(name=doors.c.name)).rowcount
            == 3
        )
        assert connection.execute(update(doors).where(doors.c.number > 99).values(name="x")).rowcount == 0
        assert direct.run(connection, add, ["door 1"]) == 0
        assert direct.run_each(connection, add, [["door 1"], ["east"], ["east"], ["west"]]) == 2
        assert direct.run(connection, "CREATE TABLE others (name TEXT)") == 0


def test_what_was_inserted_can_be_asked_for(site: Database):
    with site.write() as connection:
        one = connection.execute(insert(doors).values(name="east"))
        assert one.inserted_primary_key == (11,)
        more = connection.execute(
            insert(doors).returning(doors.c.number), [{"name": "west"}, {"name": "south"}]
        )
        assert more.scalars().all() == [12, 13]


def test_errors_are_those_that_sqlalchemy_names(site: Database):
    with pytest.raises(IntegrityError), site.write() as connection:
        connection.execute(insert(doors).values(name="door 1"))
    with pytest.raises(OperationalError), site.read() as connection:
        connection.execute(text("SELECT * FROM windows"))
    with pytest.raises(OperationalError), site.read() as connection:
        connection.execute(insert(doors).values(name="east"))
    with pytest.raises(DatabaseError), site.read() as connection:
        direct.rows(connection, "SELECT name FROM doors WHERE name = ?", ["too", "many"])


def test_a_reader_cannot_checkpoint(site: Database):
    with site.read() as connection:
        driver: Any = connection.connection.driver_connection
        assert driver.readonly("main")


def test_a_transaction_that_sqlite_itself_undid_is_over(site: Database):
    with site.write() as connection:
        connection.execute(insert(doors).values(name="east"))
        with pytest.raises(IntegrityError):
            connection.execute(text("INSERT OR ROLLBACK INTO doors (name) VALUES ('door 1')"))
    with site.write() as connection:
        connection.execute(insert(doors).values(name="west"))
    with site.read() as connection:
        names = connection.execute(select(doors.c.name).where(doors.c.number > 10)).scalars().all()
    assert names == ["west"]


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path):
    path = tmp_path / "kaoqin.db"
    path.write_bytes(b"name,door\n" * 500)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseError, match="not a database"), database.read() as connection:
        connection.execute(select(doors))
    database.close()


def test_only_who_reads_much_maps_the_file(site: Database):
    def mapped() -> int:
        return int(direct.rows(connection, "PRAGMA mmap_size")[0][0])

    with site.read() as connection:
        assert mapped() == 0
    with site.read_mapped() as connection:
        assert mapped() > 0
        assert connection.execute(select(doors.c.name).where(doors.c.number == 1)).scalar() == "door 0"
        with pytest.raises(OperationalError):
            connection.execute(insert(doors).values(name="another"))
    with site.write() as connection:
        assert mapped() == 0

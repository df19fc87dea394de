"""Statements on the driver's own cursor in a transaction of SQLAlchemy: for what runs with every message.

There the database takes a twentieth of what building, compiling and wrapping a statement costs. A text is
written with ``?``; only what both databases spell alike is for here. Errors are SQLAlchemy's, as elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Value = str | int | bytes | None

_KEYS_A_QUERY = 2_000
_ARRAYS = {str: "text[]", bytes: "bytea[]", int: "bigint[]"}


def rows(
    connection: Connection, text: str, values: Sequence[Value | list[str]] = ()
) -> list[tuple[Any, ...]]:
    """The rows of a query, as the driver gives them; only PostgreSQL takes a list for a value."""
    with closing(_cursor(connection, fetching=True)) as cursor:
        _execute(connection, cursor.execute, text, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def run(connection: Connection, text: str, values: Sequence[Value] = ()) -> int:
    """Change something; how many rows were changed."""
    with closing(_cursor(connection)) as cursor:
        _execute(connection, cursor.execute, text, values)
        return int(cursor.rowcount)


def run_each(connection: Connection, text: str, many: Sequence[Sequence[Value]]) -> int:
    """Change something with each of ``many`` values; how many rows were changed."""
    if not many:
        return 0
    with closing(_cursor(connection)) as cursor:
        _execute(connection, cursor.executemany, text, many)
        changed = int(cursor.rowcount)
        if connection.dialect.name == "postgresql":
            # With psycopg that is a pipeline, and after one the server does not count how long a transaction
            # is silent (see cloud.db.engine): this is a word outside of it.
            _execute(connection, cursor.execute, "SELECT 1", ())
        return changed


def rows_of(
    connection: Connection,
    text: str,
    columns: tuple[str, ...],
    keys: Sequence[tuple[Value, ...]],
    more: str = "",
    values: Sequence[Value] = (),
) -> list[tuple[Any, ...]]:
    """The rows of a query whose ``columns`` are one of ``keys``, which differ.

    ``text`` is the query up to ``WHERE`` or ``AND``, with ``values`` in it; ``more`` what comes behind the
    condition. Keys of several columns are for one table without ``values``: see ``_joined``.
    """
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(keys), _KEYS_A_QUERY):
        part = keys[start : start + _KEYS_A_QUERY]
        if len(columns) > 1:
            query, given = _joined(text, columns, part, connection.dialect.name)
        else:
            query, given = f"{text} {columns[0]} IN ({', '.join('?' * len(part))})", [key for (key,) in part]
        found += rows(connection, f"{query} {more}", [*values, *given])
    return found


def _joined(
    text: str, columns: tuple[str, ...], keys: Sequence[tuple[Value, ...]], database: str
) -> tuple[str, list[Any]]:
    """The query of a table, and its values, so that each of ``keys`` is looked up in the table's index.

    For ``(a, b) IN (VALUES ...)`` SQLite reads the whole table or index. PostgreSQL does not, but gets one
    text here, however many keys there are: it is parsed once.
    """
    if database == "sqlite":
        names = [f"wanted_{column}" for column in columns]
        marks = ", ".join(["(" + ", ".join("?" * len(columns)) + ")"] * len(keys))
        wanted = f"WITH wanted ({', '.join(names)}) AS (VALUES {marks})"
        condition = " AND ".join(map("{} = {}".format, columns, names))
        joined = text.replace(" FROM ", " FROM wanted CROSS JOIN ", 1)
        return f"{wanted} {joined} {condition}", [value for key in keys for value in key]
    arrays = ", ".join(f"?::{_ARRAYS[type(value)]}" for value in keys[0])
    condition = f"({', '.join(columns)}) IN (SELECT * FROM unnest({arrays}))"  # noqa: S608  names of ours
    return f"{text} {condition}", list(map(list, zip(*keys, strict=True)))


def day_of(value: str | date) -> date:
    """A date as the driver gives it: that of SQLite has texts."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def json_of(value: Any) -> Any:
    """A column of JSON as the driver gives it: that of SQLite has texts."""
    return json.loads(value) if isinstance(value, str) else value


def _cursor(connection: Connection, *, fetching: bool = False) -> Any:
    """One that hands texts on as they are: psycopg's usual one takes them apart, which is dear.

    ``fetching``: nobody will ask how many rows were changed.
    """
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        from psycopg import RawCursor  # a command on SQLite starts without it

        return RawCursor(driver)
    return driver.plain_cursor() if fetching else driver.cursor()


def _execute(connection: Connection, call: Any, text: str, values: Sequence[Any]) -> None:
    dialect = connection.dialect
    driver: Any = dialect.loaded_dbapi
    try:
        call(_spelled(text, dialect.name), values)
    except driver.Error as error:
        raise DBAPIError.instance(text, values, error, driver.Error, dialect=dialect) from error


@lru_cache(maxsize=256)
def _spelled(text: str, database: str) -> str:
    if database == "sqlite":
        return text
    first, *others = text.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(others, 1))

"""Many rows in one statement, without what an expression language costs per row.

The values go to the driver as they are: only types that every driver takes; dates as ISO text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from sqlalchemy import Connection

from cloud.db import direct
from cloud.db.direct import Value

Row = tuple[Value, ...]

_ROWS_A_STATEMENT = 1_000
_FEW = 200


@dataclass(frozen=True, slots=True)
class Into:
    """An insert of whole rows; the values of a row stand in the order of ``columns``.

    ``otherwise``: what to do about a row whose key is there, as the two databases spell it alike
    (``ON CONFLICT ...``).
    """

    table: str
    columns: tuple[str, ...]
    otherwise: str = "ON CONFLICT DO NOTHING"


def insert_rows(connection: Connection, into: Into, rows: Sequence[Row]) -> int:
    """Insert ``rows``, whose keys differ; how many were inserted or changed.

    PostgreSQL gets many rows in one statement: for a row by itself it takes ten times as long.
    """
    if not rows:
        return 0
    if connection.dialect.name == "sqlite":
        return direct.run_each(connection, _text(into), rows)
    done = 0
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        part = rows[start : start + _ROWS_A_STATEMENT]
        done += direct.run(connection, _text(into, len(part)), [value for row in part for value in row])
    return done


def insert_new(
    connection: Connection, into: Into, key: tuple[str, ...], rows: Sequence[Row]
) -> frozenset[Row] | None:
    """Insert those of ``rows`` that no unique index refuses; their keys, or None if that is all of them.

    ``rows`` have different keys and are sorted, so that two workers with the same rows cannot block each
    other for ever. PostgreSQL takes many of them by COPY into a temporary table, which is dear for a few.
    """
    if connection.dialect.name == "postgresql":
        add = _copy_new if len(rows) > _FEW else _add_new
        new = add(connection, into, key, rows)
        return None if len(new) == len(rows) else new
    # Nearly always everything is new, and that is all it takes. If not: new rows have the highest rowids.
    [(last,)] = direct.rows(connection, f"SELECT coalesce(max(rowid), 0) FROM {into.table}")  # noqa: S608
    if insert_rows(connection, into, rows) == len(rows):
        return None
    query = f"SELECT {', '.join(key)} FROM {into.table} WHERE rowid > ?"  # noqa: S608  names of ours
    return frozenset(direct.rows(connection, query, (last,)))


def _add_new(connection: Connection, into: Into, key: tuple[str, ...], rows: Sequence[Row]) -> frozenset[Row]:
    text = f"{_text(into, len(rows))} RETURNING {', '.join(key)}"
    return frozenset(direct.rows(connection, text, [value for row in rows for value in row]))


def _copy_new(
    connection: Connection, into: Into, key: tuple[str, ...], rows: Sequence[Row]
) -> frozenset[Row]:
    create, copy, move = _copy_texts(into, key)
    direct.run(connection, create)
    cursor = connection.connection.cursor()
    try:
        with cursor.copy(copy) as incoming:
            for row in rows:
                incoming.write_row(row)
        cursor.execute(move)
        return frozenset(cursor.fetchall())
    finally:
        cursor.close()


def those_in(connection: Connection, table: str, column: str, values: Sequence[str]) -> set[str]:
    """Which of ``values`` a text column has; one parameter, however many they are."""
    if connection.dialect.name == "postgresql":
        query = f"SELECT {column} FROM {table} WHERE {column} = ANY(?)"  # noqa: S608  names of ours
        return {found for (found,) in direct.rows(connection, query, (list(values),))}
    query = f"SELECT {column} FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))"  # noqa: S608
    return {found for (found,) in direct.rows(connection, query, (json.dumps(list(values)),))}


@lru_cache(maxsize=128)
def _text(into: Into, rows: int = 1) -> str:
    values = ", ".join([f"({', '.join('?' * len(into.columns))})"] * rows)
    return f"INSERT INTO {into.table} ({', '.join(into.columns)}) VALUES {values} {into.otherwise}"  # noqa: S608  names of ours


@cache
def _copy_texts(into: Into, key: tuple[str, ...]) -> tuple[str, str, str]:
    """Make the temporary table, fill it, move what is new and tell its keys."""
    columns, keys = ", ".join(into.columns), ", ".join(key)
    rows = f"SELECT {columns} FROM incoming_{into.table} ORDER BY {keys}"  # noqa: S608  names of ours
    return (
        f"CREATE TEMP TABLE IF NOT EXISTS incoming_{into.table} (LIKE {into.table}) ON COMMIT DELETE ROWS",
        f"COPY incoming_{into.table} ({columns}) FROM STDIN",
        f"INSERT INTO {into.table} ({columns}) {rows} {into.otherwise} RETURNING {keys}",
    )

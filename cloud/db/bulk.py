"""Many rows in one statement, without what an expression language costs per row."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection
from sqlalchemy.sql.dml import Insert

Value = str | int | bytes | None
Row = tuple[Value, ...]


def insert_rows(
    connection: Connection, statement: Insert, columns: Sequence[str], rows: Sequence[Row]
) -> int:
    """Execute an insert for ``rows``, whose values stand in the order of ``columns``; rows inserted.

    The values go to the driver as they are: only types that every driver takes.
    """
    if not rows:
        return 0
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(columns))
    if compiled.positional:
        if list(compiled.positiontup or ()) != list(columns):
            raise ValueError(f"the statement takes {compiled.positiontup}, not {columns}")
        return connection.exec_driver_sql(str(compiled), list(rows)).rowcount
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    return connection.exec_driver_sql(str(compiled), named).rowcount

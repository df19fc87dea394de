"""SQLAlchemy on apsw, which brings a new SQLite and binds a row in a third of the time: decision 0002.

apsw is no DB-API module. What SQLAlchemy needs of one (PEP 249) is here, and nothing else: a transaction is
begun by whoever wants one, values are what SQLite stores, errors are apsw's own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice
from typing import Any, Self, cast

import apsw
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.engine.interfaces import DBAPIModule

paramstyle = "qmark"
threadsafety = 1
sqlite_version_info = tuple(map(int, apsw.sqlite_lib_version().split(".")))
Binary = bytes
Error = apsw.Error

_OPEN = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
_OPERATIONAL = (
    *("SQLError", "PermissionsError", "AbortError", "BusyError", "LockedError", "ReadOnlyError"),
    *("InterruptError", "IOError", "FullError", "CantOpenError", "ProtocolError", "SchemaChangeError"),
)
_NAMED = {
    **dict.fromkeys(_OPERATIONAL, "OperationalError"),
    **dict.fromkeys(("ConstraintError", "MismatchError"), "IntegrityError"),
    **dict.fromkeys(("MisuseError", "RangeError"), "InterfaceError"),
    "NotFoundError": "InternalError",
    "TooBigError": "DataError",
    "Error": "DatabaseError",
}
"""What PEP 249 calls apsw's errors, as Python's own sqlite3 does it (``set_error_from_code``)."""

_Description = tuple[tuple[Any, ...], ...]


class Cursor(apsw.Cursor):
    """A cursor that still knows what it has described and changed when its statement is done."""

    arraysize = 1

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self.described: _Description | None = None
        self.rowcount = -1

    @property
    def description(self) -> _Description | None:  # type: ignore[override]
        """The columns of the rows; None of a statement that has none."""
        return self.described

    @property
    def lastrowid(self) -> int:
        """Of the row inserted last on this connection."""
        return self.connection.last_insert_rowid()

    def execute(self, statements: str, bindings: Any = ()) -> Self:  # type: ignore[override]
        """Run one statement."""
        self.exec_trace = _describe
        before = self.connection.total_changes()
        super().execute(statements, bindings)
        self.rowcount = -1 if self.described else self.connection.total_changes() - before
        return self

    def executemany(self, statements: str, sequenceofbindings: Iterable[Any]) -> Self:  # type: ignore[override]
        """Run one statement with each of some values."""
        self.exec_trace = None
        self.described = None
        before = self.connection.total_changes()
        super().executemany(statements, sequenceofbindings)
        self.rowcount = self.connection.total_changes() - before
        return self

    def fetchmany(self, size: int = 1) -> list[Any]:
        """The next rows, at most ``size``."""
        return list(islice(self, size))


class Connection(apsw.Connection):
    """A connection on which commit and rollback may be said without a transaction."""

    def plain_cursor(self) -> apsw.Cursor:
        """A cursor for whoever only fetches rows, in half the time."""
        return apsw.Cursor(self)

    def commit(self) -> None:
        """End the transaction, if there is one."""
        if self.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, if there is one: SQLite itself may have undone it."""
        if self.in_transaction:
            self.execute("ROLLBACK")


def connect(path: str, *, timeout: float, read_only: bool = False) -> Connection:
    """Open the file; ``timeout``: how many seconds a statement waits for the locks of others."""
    connection = Connection(path, apsw.SQLITE_OPEN_READONLY if read_only else _OPEN)
    connection.cursor_factory = Cursor
    connection.set_busy_timeout(int(timeout * 1000))
    return connection


class Dialect(SQLiteDialect):
    """SQLAlchemy's SQLite, on this module."""

    driver = "apsw"
    default_paramstyle = paramstyle
    supports_statement_cache = True
    returns_native_bytes = True
    dbapi_exception_translation_map = _NAMED

    @classmethod
    def import_dbapi(cls) -> DBAPIModule:
        """This module."""
        return cast("DBAPIModule", sys.modules[__name__])

    def _get_server_version_info(self, _connection: object) -> tuple[int, ...]:
        return sqlite_version_info


def _describe(cursor: apsw.Cursor, _text: str, _values: object) -> bool:
    """Before each statement: when it has no row, nothing is left to describe after it."""
    cast("Cursor", cursor).described = cursor.get_description() or None
    return True


registry.register("sqlite.apsw", __name__, Dialect.__name__)

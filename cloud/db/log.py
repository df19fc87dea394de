"""The write-ahead log of SQLite as a file, to wait for the disk apart from the commit: decision 0019."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from cloud.db import direct

_EMPTY = "PRAGMA wal_checkpoint(TRUNCATE)"


class Log:
    """What one writing connection appends to, as a file of its own.

    It must be open before the transaction whose failure it is to hear of: an operating system tells a file of
    a failed write once, at its next sync, and later syncs succeed.
    """

    def __init__(self, database: Path) -> None:
        self._path = f"{database}-wal"
        self._file: int | None = None
        self._is_torn = False

    def open(self) -> None:
        """Have it open from now on; SQLite has made it."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """The connection is closed, and may have deleted it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def sync(self) -> None:
        """Wait until what is in it is on the disk.

        Raises:
            OperationalError: the disk refused. What was committed since the last sync can be read and is not
                durable; :meth:`mend` comes before the next transaction.
        """
        if self._file is None:
            return
        if self._is_torn:
            raise OperationalError("fdatasync", {}, OSError("the log is torn"))
        try:
            os.fdatasync(self._file)
        except OSError as error:
            self._is_torn = True
            raise OperationalError("fdatasync", {}, error) from error

    def mend(self, connection: Connection) -> None:
        """After a sync that failed: bring all of it into the database file and begin it anew.

        What follows a torn place in a log is lost with it, though it was synced itself.

        Raises:
            OperationalError: that failed too, or a reader is in the way.
        """
        if not self._is_torn:
            return
        [(is_busy, _, _)] = direct.rows(connection, _EMPTY)
        if is_busy:
            raise OperationalError(_EMPTY, {}, OSError("a reader is in the way"))
        self._is_torn = False

"""One database, two doors: ``write`` for one transaction at a time, ``read`` for many.

On SQLite there is one writing connection a process, and every write transaction holds a file lock beside the
database that all processes respect: they wait in a queue for it, where SQLite would have them try again.
Readers are opened read-only, which keeps them from checkpointing. See docs/decisions/0002.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import QueuePool, StaticPool

from cloud.db import direct, sqlite
from cloud.db.log import Log
from cloud.errors import CloudError

_BUSY_S = 10.0
_CACHE_KIB = 65_536
_MAPPED_BYTES = 1 << 36
"""Of a longer file the rest is read."""
_ABANDONED_MS = 60_000
"""PostgreSQL ends a transaction of which it heard nothing for so long: its process may be gone without a
word, and everybody waits for its locks."""
_KEEPALIVE_S = 15
_KEEPALIVES = 3
"""... and asks a silent machine whether it is there, as we ask it; left to themselves both would do so after
two hours."""
_CONNECT_S = 10
_DERIVED = "kaoqin_derived"
_ONE_VIEW = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_SYNCHRONOUS = {False: "FULL", True: "NORMAL"}
# A checkpoint waits for the disk: it is left to transactions that do so anyway, if there are any.
_CHECKPOINT_PAGES = {False: 4_000, True: 8_000}
"""Of transactions of facts, and of what is derived from them: see docs/decisions/0017."""


class DatabaseUnavailable(CloudError):
    """The database cannot be opened; the message says which and why, for the person who started us."""


class Database:
    """Transactions on one database.

    ``write`` commits when its block ends and rolls back when it raises; writers of all processes take turns.
    ``read`` sees one consistent state and can change nothing.
    """

    def __init__(self, url: str) -> None:
        """Open ``url`` (``sqlite:///path`` or ``postgresql+psycopg://...``).

        Raises:
            DatabaseUnavailable: the file or server cannot be opened.
        """
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._thread_lock = threading.RLock()
        self._lock_file: int | None = None
        self._writer: Connection | None = None
        self._log: Log | None = None
        if self.is_sqlite:
            path = _sqlite_path(self.url)
            self._lock_file = _open_lock(path)
            self._log = Log(path)
            self.write_engine = _sqlite_writer(path)
            self.read_engine = _sqlite_readers(path)
        else:
            self.write_engine = _postgresql(self.url)
            self.read_engine = self.write_engine.execution_options(**_ONE_VIEW)
            self._derived_engine = self.write_engine.execution_options(**{_DERIVED: True})

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction; committed, and durable, when the block ends."""
        with self._writing(derived=False) as connection:
            yield connection

    @contextmanager
    def write_derived(self) -> Iterator[Connection]:
        """One transaction of what can be made again from facts, with the note that it has been made.

        It is committed when the block ends, and durable when any later :meth:`write` is: a power cut takes
        the newest of such transactions, whole ones, and never a durable one. See docs/decisions/0017.
        """
        with self._writing(derived=True) as connection:
            yield connection

    @contextmanager
    def write_ahead(self) -> Iterator[Connection]:
        """One transaction; committed when the block ends, and durable when a later :meth:`flush` returns.

        Others write while that waits for the disk. On PostgreSQL it is durable at once. See decision 0019.
        """
        with self._writing(derived=self.is_sqlite) as connection:
            yield connection

    def flush(self) -> None:
        """Wait until all that was committed before is durable; any thread may call it.

        Raises:
            OperationalError: the disk refused: nobody may be told of what was committed since the last flush.
        """
        if self._log is not None:
            self._log.sync()

    @contextmanager
    def _writing(self, *, derived: bool) -> Iterator[Connection]:
        if self._lock_file is None or self._log is None:
            with (self._derived_engine if derived else self.write_engine).begin() as connection:
                yield connection
            return
        with self._thread_lock, _flock(self._lock_file):
            # It is kept: to check it out of the pool and in takes longer than a small transaction.
            if self._writer is None:
                self._writer = self.write_engine.connect()
            _prepare(self._writer, derived=derived)
            self._log.mend(self._writer)
            with _whole(self._writer):
                self._log.open()
                yield self._writer

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view."""
        with self.read_engine.connect() as connection:
            if self.is_sqlite:
                direct.run(connection, "BEGIN")
            yield connection

    @contextmanager
    def read_mapped(self) -> Iterator[Connection]:
        """The same for who reads much: without a call of the system for each page of a file.

        Where the disk cannot be read the process is killed, so it must be one that nobody waits for and that
        can be run again.
        """
        with self.read() as connection:
            if self.is_sqlite:
                direct.run(connection, f"PRAGMA mmap_size={_MAPPED_BYTES}")
            yield connection

    def close(self) -> None:
        """Give back every connection and the lock file."""
        if self._lock_file is None:
            self.write_engine.dispose()
            return
        # Closing the last writing connection checkpoints, so it takes its turn too.
        with self._thread_lock, _flock(self._lock_file):
            self.disconnect()
        os.close(self._lock_file)
        self._lock_file = None

    def disconnect(self) -> None:
        """Give back every connection; the next transaction makes another."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._log is not None:
            self._log.close()
        self.read_engine.dispose()
        self.write_engine.dispose()


@contextmanager
def _whole(connection: Connection) -> Iterator[None]:
    """All that happens within on the writing connection of SQLite, or nothing of it."""
    driver: Any = connection.connection.driver_connection
    try:
        direct.run(connection, "BEGIN IMMEDIATE")
        yield
        # Where only the driver was used, SQLAlchemy knows of no transaction.
        connection.commit()
        if driver.in_transaction:
            direct.run(connection, "COMMIT")
    except BaseException:
        connection.rollback()
        driver.rollback()
        raise


def _prepare(connection: Connection, *, derived: bool) -> None:
    if connection.info.get(_DERIVED, False) != derived:
        direct.run(connection, f"PRAGMA synchronous={_SYNCHRONOUS[derived]}")
        driver: Any = connection.connection.driver_connection
        driver.wal_autocheckpoint(_CHECKPOINT_PAGES[derived])
        connection.info[_DERIVED] = derived


def _sqlite_path(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise DatabaseUnavailable("the database needs a file: sqlite:////path/to/kaoqin.db")
    return Path(url.database).resolve()


def _open_lock(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseUnavailable(f"cannot open the database {path}: {error.strerror}") from error


@contextmanager
def _flock(lock_file: int) -> Iterator[None]:
    fcntl.flock(lock_file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(lock_file, fcntl.LOCK_UN)


def _postgresql(url: URL) -> Engine:
    given = str(url.query.get("options", ""))
    ours = {
        "idle_in_transaction_session_timeout": _ABANDONED_MS,
        "tcp_keepalives_idle": _KEEPALIVE_S,
        "tcp_keepalives_interval": _KEEPALIVE_S,
        "tcp_keepalives_count": _KEEPALIVES,
    }
    patience = {
        "connect_timeout": _CONNECT_S,
        "keepalives_idle": _KEEPALIVE_S,
        "keepalives_interval": _KEEPALIVE_S,
        "keepalives_count": _KEEPALIVES,
        "tcp_user_timeout": _ABANDONED_MS,
    }
    arguments: dict[str, Any] = {name: value for name, value in patience.items() if name not in url.query}
    arguments["options"] = " ".join([given, *(f"-c {name}={value}" for name, value in ours.items())]).strip()
    engine = create_engine(url, pool_pre_ping=True, connect_args=arguments)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get(_DERIVED):
            direct.run(connection, "SET LOCAL synchronous_commit TO off")

    return engine


def _sqlite_writer(path: Path) -> Engine:
    engine = create_engine(
        "sqlite+apsw://",
        poolclass=StaticPool,
        creator=lambda: sqlite.connect(str(path), timeout=_BUSY_S),
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite.Connection, _record: object) -> None:
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "mmap_size=0"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA synchronous={_SYNCHRONOUS[False]}")
        connection.wal_autocheckpoint(_CHECKPOINT_PAGES[False])
        # Punches go into six trees: what of them is worked on should stay in memory.
        connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        _begin_once(connection, "BEGIN IMMEDIATE")

    return engine


def _sqlite_readers(path: Path) -> Engine:
    engine = create_engine(
        "sqlite+apsw://",
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=8,
        creator=lambda: sqlite.connect(str(path), timeout=_BUSY_S, read_only=True),
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite.Connection, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        _begin_once(connection, "BEGIN")

    return engine


def _begin_once(connection: Connection, text: str) -> None:
    """Begin where SQLAlchemy does, unless a transaction has begun already."""
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        direct.run(connection, text)

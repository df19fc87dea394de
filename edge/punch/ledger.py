"""The ledger: the one SQLite file a terminal must not lose.

One connection, owned by one thread, does everything; callers wait for its answer. Two connections would meet
SQLite's WAL-reset defect (versions before 3.51.3), and a promise of durability needs one place that keeps it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar

import structlog

from edge.errors import LedgerBusy, LedgerUnavailable, LedgerUnsafe
from edge.health.machine import Machine
from edge.punch import rows
from edge.punch.rows import Draft, Stream
from edge.punch.schema import TABLES, VERSION
from models import ids
from models.ids import StreamId, TerminalId
from models.punch import Punch

KEEP_ACKED_MS = 90 * 24 * 3600 * 1000
"""The terminal is the cloud's backup for so long."""

_FULL = 2

log = structlog.get_logger(__name__)
T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]
Listener = Callable[[StreamId, int, int], None]


class Ledger:
    """Punches of one terminal, in ``path``.

    After an I/O error the connection is thrown away; the next job opens the file anew and checks it first.

    Attributes:
        path: the file.
        punching: hold it from reading the clock until the punch is committed. Whoever states "all punches
            made before now have a seq up to N" holds it too; see :mod:`edge.sync.outbox`.
    """

    def __init__(
        self,
        path: Path,
        terminal_id: TerminalId,
        machine: Machine,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Open or make the ledger.

        Raises:
            LedgerBusy: another process has it open.
            LedgerUnsafe: the file is damaged or newer, or its disk cannot keep WAL with full syncs.
            LedgerUnavailable: the disk refused; it may pass.
        """
        self.path = path
        self.punching = threading.RLock()
        self._terminal_id = terminal_id
        self._machine = machine
        self._random_bytes = random_bytes
        self._listeners: list[Listener] = []
        self._connection: sqlite3.Connection | None = None
        self._streams: tuple[Stream, ...] = ()
        self._boot = 0
        self._opened: Stream | None = None
        self._added: tuple[StreamId, int, int] | None = None
        self._owner_lock = _take_ownership(path)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        try:
            self.write(lambda _: None)
        except LedgerUnavailable as error:
            self.close()
            raise LedgerUnavailable(f"cannot open the ledger {path}: {error}") from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- punches ---------------------------------------------------------------------------------------------

    @property
    def stream(self) -> Stream:
        """The stream punches are added to."""
        return self._streams[-1]

    @property
    def streams(self) -> tuple[Stream, ...]:
        """All streams of this file, oldest first."""
        return self._streams

    @property
    def boot(self) -> int:
        """The number of this boot."""
        return self._boot

    def append(self, draft: Draft) -> Punch:
        """Add one punch; it is durable when this returns.

        Raises:
            LedgerUnavailable: it was not stored.
        """
        return self.append_many([draft])[0]

    def append_many(self, drafts: Sequence[Draft]) -> tuple[Punch, ...]:
        """Add punches in one durable transaction: all or none.

        Raises:
            LedgerUnavailable: none was stored.
        """
        return self.write(lambda db: self.append_in(db, drafts))

    def append_in(self, db: sqlite3.Connection, drafts: Sequence[Draft]) -> tuple[Punch, ...]:
        """Add punches inside a job of :meth:`write`."""
        stream = self._opened or self.stream
        punches = rows.append(db, stream, self._boot, drafts)
        if punches:
            self._added = (stream.stream_id, punches[0].seq, punches[-1].seq)
        return punches

    def listen(self, listener: Listener) -> None:
        """Call ``listener(stream_id, first_seq, last_seq)`` after each commit that added punches.

        It runs in the ledger's thread: hand the news on and return.
        """
        self._listeners.append(listener)

    def prune(self, now_ms: int) -> int:
        """Delete what the cloud acknowledged more than 90 days ago; the number of rows."""
        return self.write(lambda db: rows.prune(db, now_ms - KEEP_ACKED_MS))

    def open_stream_in(self, db: sqlite3.Connection, reason: str) -> Stream:
        """Begin a new stream inside a job of :meth:`write`; punches are added to it from then on."""
        self._opened = rows.open_stream(
            db,
            ids.stream_id(self._random_bytes(ids.STREAM_ID_BYTES)),
            self._terminal_id,
            self._machine.machine_id,
            reason,
        )
        return self._opened

    # -- the one connection ----------------------------------------------------------------------------------

    def write(self, job: Job[T]) -> T:
        """Run ``job`` in the ledger's thread, in one transaction that is durable when this returns.

        Raises:
            LedgerUnavailable: nothing of it was kept.
        """
        try:
            return self._writer.submit(self._transact, job).result()
        except RuntimeError as error:
            raise LedgerUnavailable("the ledger is closed") from error

    def close(self) -> None:
        """Finish the jobs under way and let go of the file; closing twice is fine."""
        self._writer.shutdown(wait=True)
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        with suppress(OSError):
            os.close(self._owner_lock)
        self._owner_lock = -1

    def _transact(self, job: Job[T]) -> T:
        self._begin()
        try:
            db = self._connection or self._open()
            db.execute("BEGIN IMMEDIATE")
            result = job(db)
            db.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up(error)
            raise LedgerUnavailable(str(error)) from error
        except BaseException:
            self._drop()
            raise
        if self._opened is not None:
            self._streams = (*self._streams, self._opened)
            log.info("stream_opened", reason=self._opened.reason, stream=self._opened.stream_id.hex())
        if self._added is not None:
            for listener in self._listeners:
                listener(*self._added)
        return result

    def _begin(self) -> None:
        self._opened = None
        self._added = None

    def _give_up(self, error: sqlite3.Error) -> None:
        if self._streams:  # else it never was open, and who wanted to open it is told
            log.error("ledger_failed", error=str(error), sqlite=getattr(error, "sqlite_errorname", ""))
        self._drop()

    def _drop(self) -> None:
        """Throw the connection away; closing rolls back what was not committed."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            _make_durable(db)
            _check(db, self.path)
            db.execute("BEGIN IMMEDIATE")
            if not db.execute("PRAGMA user_version").fetchone()[0]:
                _create(db)
            self._boot = rows.begin_boot(db, self._machine.boot_id)
            self._streams = rows.streams(db)
            if self._must_move():
                rows.appeal(db)
                self.open_stream_in(db, rows.MOVED if self._streams else rows.FIRST)
                self._streams = rows.streams(db)
                self._opened = None
            db.execute("COMMIT")
        except BaseException:
            db.close()
            raise
        self._connection = db
        return db

    def _must_move(self) -> bool:
        """Whether the newest stream is another machine's or identity's: its numbers may be in use there."""
        return not self._streams or (self.stream.machine_id, self.stream.terminal_id) != (
            self._machine.machine_id,
            self._terminal_id,
        )


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection that can neither write nor checkpoint, for looking at a ledger in use."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _take_ownership(path: Path) -> int:
    """The descriptor of a lock that lasts as long as this process, or until it is closed."""
    lock = path.with_suffix(".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LedgerUnsafe(f"cannot write in {path.parent}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise LedgerBusy(f"{path} is in use by another process: only one may write it") from error
    return descriptor


def _make_durable(db: sqlite3.Connection) -> None:
    """Set the pragmas durability rests on, and read them back: SQLite may refuse them in silence."""
    db.execute("PRAGMA mmap_size = 0")
    (journal,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    db.execute("PRAGMA synchronous = FULL")
    (synchronous,) = db.execute("PRAGMA synchronous").fetchone()
    if journal != "wal" or synchronous != _FULL:
        raise LedgerUnsafe(
            f"the ledger's disk gives journal_mode {journal}, synchronous {synchronous}; wal and 2 are needed"
        )


def _check(db: sqlite3.Connection, path: Path) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise LedgerUnsafe(f"{path} is of version {version}; this program knows {VERSION}: update it")
    found: Iterable[tuple[str]] = db.execute("PRAGMA quick_check(3)").fetchall()
    if [line for (line,) in found] != ["ok"]:
        damage = "; ".join(line for (line,) in found)
        raise LedgerUnsafe(f"{path} is damaged ({damage}): keep the file and move it aside")


def _create(db: sqlite3.Connection) -> None:
    for statement in TABLES.split(";"):
        if statement.strip():
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {VERSION}")

"""The ledger's file: one connection, and what durability rests on.

It has no thread and no lock of its own: :class:`edge.punch.ledger.Ledger` gives it both, a simulation drives
it as it is, over a file system that fails.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar

import apsw
import structlog
from apsw import Connection

from edge.errors import LedgerFull, LedgerUnavailable, LedgerUnsafe
from edge.health.machine import Machine
from edge.punch import rows, streams
from edge.punch.chained import Sign
from edge.punch.rows import Draft
from edge.punch.schema import VERSION, prepare
from edge.punch.streams import Stream
from models import ids
from models.crashpoint import crashpoint
from models.ids import StreamId, TerminalId
from models.punch import Punch

KEEP_ACKED_MS = 90 * 24 * 3600 * 1000
"""The terminal is the cloud's backup for so long."""

SQLITE_MIN = (3, 51, 3)
"""Older ones have the WAL-reset defect; see docs/decisions/0002."""

_FULL = 2
_INDEX_BYTES = 32 * 1024
_OPEN = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE

log = structlog.get_logger(__name__)
T = TypeVar("T")
Job = Callable[[Connection], T]
Listener = Callable[[StreamId, int, int], None]


class LedgerFile:
    """Punches of one terminal, in ``path``; used by one thread at a time.

    After an error of the disk the connection is thrown away; the next job opens the file anew and checks it
    first.

    Attributes:
        path: the file.
        punching: hold it from reading the clock until the punch is committed. Whoever states "all punches
            made before now have a seq up to N" holds it too; see :mod:`edge.sync.outbox`.
    """

    _connection: Connection | None = None

    def __init__(
        self,
        path: Path,
        terminal_id: TerminalId,
        machine: Machine,
        sign: Sign,
        random_bytes: Callable[[int], bytes] = os.urandom,
        vfs: str | None = None,
    ) -> None:
        """Nothing is opened yet: :meth:`open` or the first job does.

        Args:
            path: the file; it need not exist.
            terminal_id: the identity new streams are opened for.
            machine: where this process runs, and which boot of it.
            sign: the terminal's signature; see :mod:`edge.punch.signing`.
            random_bytes: what stream ids are made of.
            vfs: SQLite's name of the file system to use; None is the machine's own.
        """
        self.path = path
        self.punching = threading.RLock()
        self._terminal_id = terminal_id
        self._machine = machine
        self._sign = sign
        self._random_bytes = random_bytes
        self._vfs = vfs
        self._listeners: list[Listener] = []
        self._streams: tuple[Stream, ...] = ()
        self._boot = 0
        self._opened: Stream | None = None
        self._added: tuple[StreamId, int, int] | None = None

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

    def append_in(self, db: Connection, drafts: Sequence[Draft]) -> tuple[Punch, ...]:
        """Add punches inside a job of :meth:`write`."""
        stream = self._opened or self.stream
        punches = rows.append(db, stream, self._boot, drafts, self._sign)
        if punches:
            self._added = (stream.stream_id, punches[0].seq, punches[-1].seq)
        return punches

    def listen(self, listener: Listener) -> None:
        """Call ``listener(stream_id, first_seq, last_seq)`` after each commit that added punches.

        It runs in the thread that wrote: hand the news on and return.
        """
        self._listeners.append(listener)

    def prune(self) -> int:
        """Delete the days the cloud acknowledged more than 90 days ago; how many punches."""

        def job(db: Connection) -> int:
            removed = rows.prune(db, KEEP_ACKED_MS, self._sign)
            crashpoint("retention_deleted")
            return removed

        removed = self.write(job)
        crashpoint("retention_committed")
        return removed

    def open_stream_in(self, db: Connection, reason: str) -> Stream:
        """Begin a new stream inside a job of :meth:`write`; punches are added to it from then on."""
        self._opened = streams.add(
            db,
            ids.stream_id(self._random_bytes(ids.STREAM_ID_BYTES)),
            self._terminal_id,
            (self._machine.machine_id, self._machine.storage_id),
            reason,
        )
        return self._opened

    def random(self, count: int) -> bytes:
        """So many random bytes, from where stream ids are made of."""
        return self._random_bytes(count)

    # -- the one connection ----------------------------------------------------------------------------------

    def open(self) -> None:
        """Open or make the file.

        Raises:
            LedgerUnsafe: it is damaged or newer, or its disk cannot keep WAL with full syncs.
            LedgerUnavailable: the disk refused; it may pass.
        """
        try:
            self.write(lambda _: None)
        except LedgerUnavailable as error:
            raise type(error)(f"cannot open the ledger {self.path}: {error}") from error

    def write(self, job: Job[T]) -> T:
        """Run ``job`` in one transaction that is durable when this returns.

        Raises:
            LedgerUnavailable: nothing of it was kept.
            LedgerUnsafe: the file had to be opened anew, and is damaged.
        """
        self._begin()
        try:
            db = self._connection or self._connect()
            db.execute("BEGIN IMMEDIATE")
            result = job(db)
            db.execute("COMMIT")
        except apsw.Error as error:
            raise self._failure(error) from error
        except BaseException:
            self._drop()
            raise
        if self._opened is not None:
            self._streams = (*self._streams, self._opened)
            log.info("stream_opened", reason=self._opened.reason, stream=self._opened.stream_id.hex())
        if self._added is not None:
            crashpoint("punch_committed")
            for listener in self._listeners:
                listener(*self._added)
        return result

    def close(self) -> None:
        """Let go of the file; closing twice is fine, and the next job opens it again."""
        self._drop()

    def _begin(self) -> None:
        self._opened = None
        self._added = None

    def _failure(self, error: apsw.Error) -> LedgerUnavailable:
        if self._streams:  # else it never was open, and who wanted to open it is told
            log.error("ledger_failed", error=str(error), sqlite=getattr(error, "extendedresult", 0))
        self._drop()
        if isinstance(error, apsw.FullError):
            return LedgerFull(str(error))
        # Where even the index of the write-ahead log cannot grow, SQLite speaks of input and output.
        is_full = isinstance(error, apsw.IOError) and self._vfs is None and not _has_room(self.path)
        return LedgerFull(str(error)) if is_full else LedgerUnavailable(str(error))

    def _drop(self) -> None:
        """Throw the connection away; closing rolls back what was not committed."""
        if self._connection is not None:
            with suppress(apsw.Error):
                self._connection.close()
        self._connection = None

    def _connect(self) -> Connection:
        _require_sqlite()
        db = Connection(str(self.path), flags=_OPEN, vfs=self._vfs)
        try:
            _make_durable(db)
            _check(db, self.path)
            # What a failed commit or a dead process left in the log can be read and may never have reached
            # the disk: "recorded already" must not be said of it before it has.
            # SQLite syncs the log first; if the disk is too full to fold it back, that much is certain.
            with suppress(apsw.FullError):
                db.wal_checkpoint()
            db.execute("BEGIN IMMEDIATE")
            prepare(db, self._sign)
            self._boot = streams.begin_boot(db, self._machine.boot_id)
            self._streams = streams.read(db)
            self._find_stream(db)
            db.execute("COMMIT")
        except BaseException:
            db.close()
            raise
        self._connection = db
        return db

    def _find_stream(self, db: Connection) -> None:
        """Go on in the newest stream, or in a new one if that is another place's: it may go on there."""
        newest = self._streams[-1] if self._streams else None
        if newest is None or self._is_elsewhere(newest):
            rows.appeal(db)
            self.open_stream_in(db, streams.MOVED if newest else streams.FIRST)
            self._opened = None
        elif not newest.storage_id:
            streams.settle(db, newest.number, self._machine.storage_id)
        self._streams = streams.read(db)

    def _is_elsewhere(self, stream: Stream) -> bool:
        """Whether a stream is another identity's, machine's or disk's; a disk that cannot be told is none."""
        here = self._machine
        other_disk = stream.storage_id and here.storage_id and stream.storage_id != here.storage_id
        return bool(
            (stream.terminal_id, stream.machine_id) != (self._terminal_id, here.machine_id) or other_disk
        )


def _has_room(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free >= _INDEX_BYTES
    except OSError:
        return True


def _require_sqlite() -> None:
    found = apsw.sqlite_lib_version()
    if tuple(int(part) for part in found.split(".")) < SQLITE_MIN:
        least = ".".join(map(str, SQLITE_MIN))
        raise LedgerUnsafe(f"SQLite {found} can damage a ledger; {least} or later is needed: update apsw")


def _make_durable(db: Connection) -> None:
    """Set the pragmas durability rests on, and read them back: SQLite may refuse them in silence."""
    db.pragma("mmap_size", 0)
    journal = db.pragma("journal_mode", "wal")
    db.pragma("synchronous", "full")
    synchronous = db.pragma("synchronous")
    if journal != "wal" or synchronous != _FULL:
        raise LedgerUnsafe(
            f"the ledger's disk gives journal_mode {journal}, synchronous {synchronous}; wal and 2 are needed"
        )


def _check(db: Connection, path: Path) -> None:
    version = db.pragma("user_version")
    if version > VERSION:
        raise LedgerUnsafe(f"{path} is of version {version}; this program knows {VERSION}: update it")
    damage = [line for (line,) in db.execute("PRAGMA quick_check(3)") if line != "ok"]
    if damage:
        raise LedgerUnsafe(f"{path} is damaged ({'; '.join(damage)}): keep the file and move it aside")

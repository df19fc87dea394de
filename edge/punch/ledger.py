"""The ledger: the one SQLite file a terminal must not lose.

One process owns it and one thread of that process does everything on it; callers wait for its answer. A
promise of durability needs one place that keeps it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.errors import LedgerBusy, LedgerFull, LedgerUnavailable, LedgerUnsafe
from edge.health.machine import Machine
from edge.health.storage import Reserve
from edge.punch.file import Job, LedgerFile, T
from edge.punch.signing import ledger_key
from models.ids import TerminalId


class Ledger(LedgerFile):
    """A ledger that any thread may use and no other process."""

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
        self._owner_lock = _take_ownership(path)
        self._reserve = Reserve(path.parent)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        try:
            super().__init__(path, terminal_id, machine, ledger_key(path.parent).sign, random_bytes)
            self.open()
        except BaseException:
            self.close()
            raise

    def write(self, job: Job[T]) -> T:
        """Run ``job`` in the ledger's thread; else as :meth:`LedgerFile.write`.

        Where the disk is full the job is done again, at last with the room of the reserve.
        """
        try:
            done = self._writer.submit(self._write, job)
        except RuntimeError as error:
            raise LedgerUnavailable("the ledger is closed") from error
        return done.result()

    def _write(self, job: Job[T]) -> T:
        try:
            return super().write(job)
        except LedgerFull:
            pass  # nothing of it was kept, so it can be done again
        try:
            # The connection was closed, which folded the write-ahead log back: mostly room enough.
            return super().write(job)
        except LedgerFull:
            if not self._reserve.release():
                raise
        return super().write(job)

    def close(self) -> None:
        """Finish the jobs under way and let go of the file; closing twice is fine."""
        self._writer.shutdown(wait=True)
        super().close()
        with suppress(OSError):
            os.close(self._owner_lock)
        self._owner_lock = -1


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Keep the agent and everybody else from the ledger in ``path`` meanwhile.

    Raises:
        LedgerBusy: another process has it open.
    """
    lock = _take_ownership(path)
    try:
        yield
    finally:
        os.close(lock)


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

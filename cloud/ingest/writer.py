"""The one thread that writes punches: everybody's messages, many to a transaction."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from cloud.db.engine import Database
from cloud.feed import Feed, PunchStored, TerminalChanged
from cloud.ingest.opening import Message
from cloud.ingest.quarantine import Code, PutAside, put_aside
from cloud.ingest.receive import Received, receive_all
from models.clock import Clock
from models.ids import PersonId, TerminalId

GROUP_MAX = 256
"""Messages to a transaction: the cost of a commit is shared, and nobody waits long."""
_QUEUE_MAX = 2_000
_RETRY_S = 1.0

log = structlog.get_logger()


class NotStored(Exception):
    """The message was not stored and must be sent again; the message says why."""


@dataclass(slots=True)
class Counts:
    """Since the start of this process."""

    messages: int = 0
    punches: int = 0
    quarantined: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    message: Message
    done: Future[Received] = field(default_factory=Future)


class IngestWriter:
    """Stores messages in groups; each caller gets what became of its message after the commit.

    A database that fails is tried again with the same messages until it works or the writer is stopped:
    nothing is acknowledged meanwhile, so nothing is lost.
    """

    def __init__(self, database: Database, feed: Feed, clock: Clock, zone: ZoneInfo) -> None:
        self._database = database
        self._feed = feed
        self._clock = clock
        self._zone = zone
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(_QUEUE_MAX)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest-writer", daemon=True)
        self.counts = Counts()
        self.failing: str | None = None

    def start(self) -> None:
        """Begin to take messages."""
        self._thread.start()

    def stop(self) -> None:
        """Store what waits, then end; what cannot be stored fails with ``NotStored``."""
        self._stopping.set()
        self._queue.put(None)
        self._thread.join()
        while not self._queue.empty():
            late = self._queue.get_nowait()
            if late is not None:
                _give_up([late])

    def submit(self, message: Message) -> Future[Received]:
        """Have ``message`` stored; blocks while too many wait, which slows the sender down.

        Raises:
            NotStored: the writer has been stopped.
        """
        if self._stopping.is_set():
            raise NotStored("the service is stopping")
        waiting = _Waiting(message)
        self._queue.put(waiting)
        return waiting.done

    def _run(self) -> None:
        ended = False
        while not ended:
            group, ended = self._take()
            if group:
                self._store(group)

    def _take(self) -> tuple[list[_Waiting], bool]:
        group: list[_Waiting] = []
        first = self._queue.get()
        if first is None:
            return group, True
        group.append(first)
        while len(group) < GROUP_MAX:
            try:
                one = self._queue.get_nowait()
            except queue.Empty:
                break
            if one is None:
                return group, True
            group.append(one)
        return group, False

    def _store(self, group: list[_Waiting]) -> None:
        while True:
            try:
                received = self._commit(group)
            except (OperationalError, InterfaceError) as error:
                self._failed(error)
                if self._stopping.wait(_RETRY_S):
                    _give_up(group)
                    return
            except Exception:
                # Not the database but what we made of one of the messages: find it, keep the others.
                log.exception("ingest_group_failed", messages=len(group))
                self._store_singly(group)
                return
            else:
                self._answer(group, received)
                return

    def _store_singly(self, group: list[_Waiting]) -> None:
        if len(group) > 1:
            for one in group:
                self._store([one])
            return
        waiting = group[0]
        self.counts.failures += 1
        thing = PutAside(
            Code.MALFORMED, "it cannot be stored", waiting.message.payload, waiting.message.topic
        )
        try:
            with self._database.write() as connection:
                put_aside(connection, [thing], self._clock.wall_ms())
        except DBAPIError as error:
            waiting.done.set_exception(NotStored(f"not even to quarantine: {type(error.orig).__name__}"))
        else:
            self._answer(group, [Received(quarantined=1)])

    def _commit(self, group: list[_Waiting]) -> list[Received]:
        with self._database.write() as connection:
            return receive_all(connection, [one.message for one in group], self._clock.wall_ms(), self._zone)

    def _answer(self, group: list[_Waiting], received: list[Received]) -> None:
        self.failing = None
        for one, result in zip(group, received, strict=True):
            self.counts.messages += 1
            self.counts.punches += len(result.stored)
            self.counts.quarantined += result.quarantined
            one.done.set_result(result)
            self._tell(result)

    def _tell(self, result: Received) -> None:
        for one in result.stored:
            terminal, person = TerminalId(one.key.terminal_id), PersonId(one.wire.person_id)
            self._feed.publish(PunchStored(terminal, person, one.at_ms, one.wire.method))
        if result.terminal_id is not None and not result.stored:
            self._feed.publish(TerminalChanged(result.terminal_id))

    def _failed(self, error: DBAPIError) -> None:
        self.counts.failures += 1
        self.failing = type(error.orig).__name__
        log.warning("ingest_commit_failed", error=self.failing)


def _give_up(group: list[_Waiting]) -> None:
    for one in group:
        one.done.set_exception(NotStored("the service stopped before the message was stored"))

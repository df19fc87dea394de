"""The ingest's thread: the core's decisions carried out on the database and the MQTT link.

Everything that happens becomes an item of one bounded queue, so the core is touched by one thread only, and
while the database is behind, the link stops reading and the broker holds the terminals back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from typing import assert_never
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

from cloud.backoff import delay_ms, jitter
from cloud.db.engine import Database
from cloud.feed import Feed, PunchStored, TerminalChanged
from cloud.ingest.address import BrokerAddress
from cloud.ingest.apart import receive_apart
from cloud.ingest.core import (
    Answer,
    Came,
    Commit,
    Committed,
    Connected,
    Delivery,
    Disconnected,
    Event,
    Failed,
    IngestCore,
    Isolate,
    Puback,
    Settle,
    Stop,
    Tell,
    Tick,
    Transaction,
)
from cloud.ingest.flushing import Answers, Flusher
from cloud.ingest.inbox import Asked, Brought, Down, Inbox, Item, Listener, Look, Up, size
from cloud.ingest.link import BrokerLink
from cloud.ingest.opening import Message
from cloud.ingest.packets import Published
from cloud.ingest.receive import Received, receive_all
from models.clock import Clock
from models.crashpoint import crashpoint
from models.ids import PersonId, TerminalId
from models.wire.codec import encode
from models.wire.topics import Channel

_LOOK_EVERY_S = 1.0
_GATHER_S = 0.005
"""A message that comes alone waits so long for company: a commit costs as much for one as for many."""
_RETAINED_MS = 10_000
_RECONNECT_FIRST_MS = 1_000
_RECONNECT_LAST_MS = 30_000

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


class IngestWorker:
    """Takes what terminals send into ``database``.

    Args:
        address: of the broker; None: there is none, and messages come by ``submit`` alone.
        listens: take messages from the broker; False: other workers do, this one only tells terminals.
    """

    def __init__(
        self,
        database: Database,
        feed: Feed,
        clock: Clock,
        zone: ZoneInfo,
        address: BrokerAddress | None = None,
        *,
        listens: bool = True,
    ) -> None:
        self._database = database
        self._feed = feed
        self._clock = clock
        self._zone = zone
        self._address = address
        self._listens = listens
        self._share_due_ms: int | None = None
        self._core = IngestCore(jitter)
        self._inbox = Inbox()
        self._callers: dict[int, Future[Received]] = {}
        self._tickets = count(1)
        self._link: BrokerLink | None = None
        self._connected = threading.Event()
        self._reported_down = False
        self._lost = 0
        self._connect_due_ms = 0
        self._stopping = threading.Event()
        self._unflushed = threading.Event()
        self._flusher = Flusher(database.flush, self._say, self._leave_unsaid)
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self.counts = Counts()
        self.failing: str | None = None
        self.sessions = 0

    # -- for other threads -----------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether the broker answers now; True if there is none to answer."""
        return self._address is None or self._connected.is_set()

    def start(self) -> None:
        """Begin to take messages, from the broker as soon as it is there."""
        if self._database.is_sqlite:
            self._flusher.start()
        self._thread.start()

    def stop(self) -> None:
        """Store and answer what was taken, leave the broker, end; what fails then is ``NotStored``."""
        self._stopping.set()
        self._inbox.wake()
        if self._thread.is_alive():
            self._thread.join()

    def submit(self, message: Message) -> Future[Received]:
        """Have ``message`` stored; blocks while too many wait, which slows the sender down.

        Raises:
            NotStored: the worker has been stopped.
        """
        if self._stopping.is_set():
            raise NotStored("the service is stopping")
        asked = Asked(message)
        self._inbox.put(asked)
        return asked.done

    def tell(self, terminal: TerminalId, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        """Publish to a terminal; whether there was a broker to take it."""
        link = self._link
        return (
            link is not None
            and self._connected.is_set()
            and link.tell(terminal, channel, payload, retain=retain)
        )

    # -- the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._unflushed.is_set():
                self._unflushed.clear()
                self._start_over()
            self._connect_if_due()
            self._share_if_due()
            try:
                self._handle(self._take())
            except Exception:
                # Whatever it was, what terminals send must still be taken.
                log.exception("ingest_failed")
                self._start_over()
        self._leave()

    def _start_over(self) -> None:
        """With a new core and a new connection; what was held is acknowledged to nobody, and sent again."""
        for ticket in list(self._callers):
            self._give_up(ticket)
        self._core = IngestCore(jitter)
        if self._link is not None:
            self._link_changed(Down(self._link, "started over"))

    def _take(self) -> list[Item]:
        """What waits, as far as the core has room for it; empty after a while in which nothing came."""
        now = self._clock.monotonic_ms()
        if not self._core.room:
            due = self._core.due_ms() or now
            self._stopping.wait(max(0, due - now) / 1000)
            return []
        due_ms = [self._core.due_ms(), None if self._link or not self._address else self._connect_due_ms]
        waits = [max(0, at - now) / 1000 for at in due_ms if at is not None]
        if (first := self._inbox.wait(min([_LOOK_EVERY_S, *waits]))) is None:
            return []
        self._stopping.wait(_GATHER_S)
        return [first, *self._inbox.rest(self._core.room - size(first))]

    def _handle(self, items: Iterable[Item]) -> None:
        came: list[Delivery] = []
        for item in items:
            match item:
                case Brought():
                    connection = self._core.connection if item.link is self._link else 0
                    came += [_delivery(each, connection) for each in item.published]
                case Asked():
                    ticket = next(self._tickets)
                    self._callers[ticket] = item.done
                    came.append(Delivery(item.message, ticket=ticket))
                case Up() | Down():
                    self._came(came)
                    came = []
                    self._link_changed(item)
                case Look():
                    pass
                case _:
                    assert_never(item)
        self._came(came)

    def _came(self, came: list[Delivery]) -> None:
        self._feed_core(Came(tuple(came)) if came else Tick())

    def _leave(self) -> None:
        """Store and answer what was taken, then close; messages still in the queue were not taken."""
        self._handle(self._inbox.rest())
        self._feed_core(Stop())
        self._flusher.stop()
        if self._link is not None:
            self._link.close()
        self._connected.clear()
        self._link = None

    # -- the link --------------------------------------------------------------------------------------------

    def _connect_if_due(self) -> None:
        if self._address is None or self._link is not None:
            return
        if self._clock.monotonic_ms() < self._connect_due_ms:
            return
        listener = Listener(self._inbox)
        link = listener.link = self._link = BrokerLink(self._address, listener, listens=self._listens)
        threading.Thread(target=_open, args=(link, listener), name="ingest-connect", daemon=True).start()

    def _share_if_due(self) -> None:
        """Leave the states to whoever is free, once those the broker had kept are read."""
        if self._share_due_ms is None or self._clock.monotonic_ms() < self._share_due_ms:
            return
        self._share_due_ms = None
        if self._link is not None:
            self._link.share_states()

    def _link_changed(self, item: Up | Down) -> None:
        if item.link is not self._link or self._address is None:
            return
        if isinstance(item, Up):
            self._feed_core(Connected())
            self.sessions += 1
            self._connected.set()
            self._share_due_ms = self._clock.monotonic_ms() + _RETAINED_MS
            self._reported_down = False
            self._lost = 0
            log.info("broker_connected", host=self._address.host, port=self._address.port)
            return
        if not self._reported_down:
            log.warning("broker_lost", reason=item.reason)
            self._reported_down = True
        self._connected.clear()
        self._link = None
        item.link.close()
        self._feed_core(Disconnected())
        wait = delay_ms(self._lost, _RECONNECT_FIRST_MS, _RECONNECT_LAST_MS)
        self._connect_due_ms = self._clock.monotonic_ms() + wait
        self._lost += 1

    # -- what the core decides -------------------------------------------------------------------------------

    def _feed_core(self, event: Event) -> None:
        pending: list[Event] = [event]
        while pending:
            answers: list[Answer] = []
            for effect in self._core.on(pending.pop(0), self._clock.monotonic_ms()):
                if isinstance(effect, Commit | Isolate):
                    self._hand_over(answers)
                    answers = []
                    pending.append(self._carry_out(effect))
                else:
                    answers.append(effect)
            self._hand_over(answers)

    def _carry_out(self, transaction: Transaction) -> Committed | Failed:
        match transaction:
            case Commit(messages):
                return self._transact(lambda db, now: receive_all(db, messages, now, self._zone))
            case Isolate(message):
                return self._transact(lambda db, now: [receive_apart(db, message, now, self._zone)])
            case _:
                assert_never(transaction)

    def _hand_over(self, answers: Sequence[Answer]) -> None:
        if answers:
            # The connection they are for: by the time the disk is done there may be another.
            self._flusher.hand_over(Answers(tuple(answers), self._link))

    def _say(self, answers: Answers) -> None:
        crashpoint("ingest_flushed")
        for answer in answers.all:
            self._answer(answer, answers.link)

    def _answer(self, answer: Answer, link: BrokerLink | None) -> None:
        match answer:
            case Puback():
                if link is not None:
                    link.puback(answer.mid, answer.qos)
                    crashpoint("ingest_pubacked")
            case Tell():
                if link is not None:
                    link.tell(answer.terminal_id, Channel.ACK, encode(answer.ack))
                crashpoint("ingest_acked")
            case Settle():
                if (caller := self._callers.pop(answer.ticket, None)) is not None:
                    self._settle(caller, answer.received)
            case _:
                assert_never(answer)

    def _leave_unsaid(self, dropped: Sequence[Answers], error: Exception) -> None:
        """The disk refused, or an answer broke us: nobody is told, so everybody sends again."""
        reason = type(error.orig if isinstance(error, DBAPIError) else error).__name__
        log.warning("ingest_flush_failed", error=reason, exc_info=not isinstance(error, DBAPIError))
        self.counts.failures += 1
        self.failing = reason
        for answer in (each for answers in dropped for each in answers.all):
            if isinstance(answer, Settle):
                self._give_up(answer.ticket)
        self._unflushed.set()
        self._inbox.wake()

    def _transact(self, work: Callable[[Connection, int], list[Received]]) -> Committed | Failed:
        crashpoint("ingest_before_begin")
        try:
            with self._database.write_ahead() as connection:
                received = work(connection, self._clock.wall_ms())
                crashpoint("ingest_inserted")
            crashpoint("ingest_committed")
        except (OperationalError, InterfaceError, InternalError) as error:
            self.counts.failures += 1
            if self.failing is None:
                log.warning("ingest_commit_failed", error=type(error.orig).__name__)
            self.failing = type(error.orig).__name__
            return Failed(again=True)
        except Exception:
            # Not the database but what we made of one of the messages: find it, keep the others.
            self.counts.failures += 1
            log.exception("ingest_group_failed")
            return Failed(again=False)
        self.failing = None
        self._count(received)
        return Committed(tuple(received))

    def _count(self, received: Sequence[Received]) -> None:
        new = sum(len(one.stored) for one in received)
        self.counts.messages += len(received)
        self.counts.punches += new
        self.counts.quarantined += sum(one.quarantined for one in received)
        if new:
            self._feed.punched.set()
        if self._feed.is_heard:
            for one in received:
                self._publish(one)

    def _publish(self, received: Received) -> None:
        for one in received.stored:
            terminal, person = TerminalId(one.terminal_id), PersonId(one.person_id)
            self._feed.publish(PunchStored(terminal, person, one.at_ms, one.method))
        if received.terminal_id is not None and not received.stored:
            self._feed.publish(TerminalChanged(received.terminal_id))

    def _give_up(self, ticket: int) -> None:
        # Both threads come here, and one of them finds it.
        if (caller := self._callers.pop(ticket, None)) is not None:
            self._settle(caller, None)

    def _settle(self, caller: Future[Received], received: Received | None) -> None:
        if received is None:
            caller.set_exception(NotStored("the message could not be stored"))
        else:
            caller.set_result(received)


def _delivery(published: Published, connection: int) -> Delivery:
    message = Message.of(published.topic, published.payload, retained=published.retained)
    return Delivery(message, connection, published.mid, published.qos)


def _open(link: BrokerLink, listener: Listener) -> None:
    try:
        link.open()
    except OSError as error:
        listener.down(str(error))

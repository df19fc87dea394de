"""What an ingest worker does, without input or output: ``on(event, now) -> effects``.

Messages are taken in groups, one transaction at a time; a punch of now overtakes backlogs. After its commit
a group is acknowledged to the terminals, then the broker gets PUBACKs, in the order in which the messages
came (MQTT 3.1.1, section 4.6): of what overtook others the terminal hears at once, the broker after them.

A commit that failed acknowledges nothing and is tried again; a group that keeps failing is halved until the
message at fault is alone, and that one is taken apart punch by punch. If that fails too it is let go
unacknowledged, so that nobody waits behind it: its terminal sends it again. A packet id of an earlier
connection means another message by now and gets no PUBACK. What is held is bounded: hand over no more than
``room``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from msgspec import Struct

from cloud.ingest.answers import merged
from cloud.ingest.opening import Message
from cloud.ingest.receive import Received
from models.ids import TerminalId
from models.wire.messages import PunchAck
from models.wire.topics import Channel

GROUP_MAX = 256
"""Messages to a transaction: the cost of a commit is shared, and nobody waits long."""
GROUP_BYTES = 384 * 1024
"""... and bytes of backlogs, some 6,600 punches: one of now waits for such a commit."""
BESIDE_LIVE_BYTES = GROUP_BYTES // 4
"""So much of backlogs goes with punches of now, which wait for it."""
LIVE_BYTES = 256
"""A batch that is no longer is of now: one punch or two."""
HELD_MAX = 2_000
RETRY_MS = 250
"""Before the second try; doubled before each further one."""
TRIES_MAX = 3
"""So often a group is tried on a database that fails: then it is narrowed, for the fault may be in it."""
_UP = f"/{Channel.UP}"


class Delivery(Struct, frozen=True):
    """A message, and who waits for what becomes of it.

    Attributes:
        connection: by which connection to the broker it came; 0 if not by the broker.
        mid: its packet id on that connection.
        ticket: a caller in this process, told by ``Settle``.
    """

    message: Message
    connection: int = 0
    mid: int = 0
    qos: int = 1
    ticket: int | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """A new connection to the broker: ``IngestCore.connection`` is its number from now on."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """It is over; the broker will send again, or the terminals will."""


@dataclass(frozen=True, slots=True)
class Came:
    """Messages arrived, in this order."""

    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """The transaction asked for is done: what became of each of its messages.

    Answers are for who hears of it when it is durable; the next transaction need not wait for that.
    """

    received: tuple[Received, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The transaction asked for left no trace, or nobody knows. ``again``: the database is at fault."""

    again: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went by; see :meth:`IngestCore.due_ms`."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Store what is held and take no more; what fails now is given up."""


Event = Connected | Disconnected | Came | Committed | Failed | Tick | Stop


@dataclass(frozen=True, slots=True)
class Commit:
    """``receive_all`` these in one transaction, then say ``Committed`` or ``Failed``."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Isolate:
    """``receive_apart`` this one in a transaction of its own, then say ``Committed`` or ``Failed``."""

    message: Message


class Tell(Struct, frozen=True):
    """Publish the ack on the terminal's topic, QoS 0."""

    terminal_id: TerminalId
    ack: PunchAck


class Puback(Struct, frozen=True):
    """Give the broker its slot back; only on the connection of this number."""

    connection: int
    mid: int
    qos: int


@dataclass(frozen=True, slots=True)
class Settle:
    """Tell the caller what became of its message; None: it was not stored."""

    ticket: int
    received: Received | None


Transaction = Commit | Isolate
Answer = Tell | Puback | Settle
Effect = Transaction | Answer


@dataclass(slots=True)
class _Group:
    """Messages of one transaction; ``apart``: a single one that is taken punch by punch."""

    deliveries: tuple[Delivery, ...]
    tries: int = 0
    apart: bool = False


class IngestCore:
    """The worker's decisions. ``jitter`` gives the factor of each waiting time, 0.8 to 1.2."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._live: deque[Delivery] = deque()
        self._held: deque[Delivery] = deque()
        # The broker's slots in the order in which it filled them, and those whose message is done with.
        self._slots: deque[Puback] = deque()
        self._done: set[Puback] = set()
        # Groups formed and not yet committed, in order: more than one once a group was halved.
        self._groups: deque[_Group] = deque()
        self._under_way = False
        self._retry_ms: int | None = None
        self._stopping = False
        self._connected = False
        self.connection = 0

    @property
    def room(self) -> int:
        """How many more messages may be handed over."""
        return 0 if self._stopping else max(0, HELD_MAX - self.held)

    @property
    def held(self) -> int:
        """Messages neither answered nor given up."""
        return len(self._live) + len(self._held) + sum(len(group.deliveries) for group in self._groups)

    def due_ms(self) -> int | None:
        """The monotonic time at which the next :class:`Tick` changes something, if any will."""
        return self._retry_ms

    def on(self, event: Event, now_ms: int) -> tuple[Effect, ...]:
        """What to do about ``event``, in this order. ``now_ms`` is monotonic."""
        done: list[Effect] = []
        match event:
            case Connected():
                self.connection += 1
                self._connected = True
                self._slots.clear()
                self._done.clear()
            case Disconnected():
                self._connected = False
            case Came():
                self._hold(event.deliveries)
            case Committed():
                done += self._answer(event.received)
            case Failed():
                done += self._fail(now_ms, again=event.again)
            case Stop():
                self._stopping = True
                self._retry_ms = None
            case Tick():
                if self._retry_ms is not None and self._retry_ms <= now_ms:
                    self._retry_ms = None
            case _:
                assert_never(event)
        return (*done, *self._next())

    def _hold(self, deliveries: Iterable[Delivery]) -> None:
        for one in deliveries:
            (self._live if _is_live(one.message) else self._held).append(one)
            if one.qos and one.connection == self.connection:
                self._slots.append(Puback(one.connection, one.mid, one.qos))

    def _next(self) -> tuple[Effect, ...]:
        """The next transaction, if none is under way and none waits to be tried again."""
        if self._under_way or self._retry_ms is not None:
            return ()
        if not self._groups:
            if not (self._live or self._held):
                return ()
            self._groups.append(_Group(self._take()))
        self._under_way = True
        group = self._groups[0]
        if group.apart:
            return (Isolate(group.deliveries[0].message),)
        return (Commit(tuple(one.message for one in group.deliveries)),)

    def _take(self) -> tuple[Delivery, ...]:
        """The next messages, as far as they share a commit."""
        # One place is left: however many punches of now there are, backlogs get on.
        taken = [self._live.popleft() for _ in range(min(len(self._live), GROUP_MAX - 1))]
        size, room = 0, BESIDE_LIVE_BYTES if taken else GROUP_BYTES
        while self._held and len(taken) < GROUP_MAX:
            size += len(self._held[0].message.payload)
            taken.append(self._held.popleft())
            if self._held and size + len(self._held[0].message.payload) > room:
                break
        return tuple(taken)

    # -- after the commit ------------------------------------------------------------------------------------

    def _answer(self, received: Sequence[Received]) -> list[Effect]:
        """Ours first, then PUBACKs: a worker that dies between the two has only to hear it all again."""
        group = self._end()
        pairs = list(zip(group.deliveries, received, strict=True))
        acks = [
            (one.terminal_id, one.ack)
            for delivery, one in pairs
            if delivery.connection and one.ack is not None and one.terminal_id is not None
        ]
        return [
            *(Tell(terminal, ack) for terminal, ack in merged(acks)),
            *(Settle(each.ticket, one) for each, one in pairs if each.ticket is not None),
            *self._pubacks(group.deliveries),
        ]

    def _end(self) -> _Group:
        self._under_way = False
        return self._groups.popleft()

    def _pubacks(self, deliveries: Iterable[Delivery]) -> list[Effect]:
        """The slots that can be given back now that these are done with."""
        if not self._connected:
            return []
        self._done.update(Puback(each.connection, each.mid, each.qos) for each in deliveries)
        given: list[Effect] = []
        while self._slots and self._slots[0] in self._done:
            slot = self._slots.popleft()
            self._done.discard(slot)
            given.append(slot)
        return given

    # -- when it fails ---------------------------------------------------------------------------------------

    def _fail(self, now_ms: int, *, again: bool) -> list[Effect]:
        group = self._groups[0]
        group.tries += 1
        if again and self._stopping:
            return self._give_up_all()
        if again:
            self._retry_ms = now_ms + int((RETRY_MS << (group.tries - 1)) * self._jitter())
        self._under_way = False
        if again and group.tries < TRIES_MAX:
            return []
        if group.apart:
            # The broker gets its slot back, the terminal no ack: it keeps everything and sends it again.
            self._end()
            return [*_unstored(group.deliveries), *self._pubacks(group.deliveries)]
        self._narrow()
        return []

    def _narrow(self) -> None:
        """Halve the group at fault, or take its only message apart; the order stays."""
        group = self._groups.popleft()
        half = len(group.deliveries) // 2
        if not half:
            self._groups.appendleft(_Group(group.deliveries, apart=True))
            return
        for part in (group.deliveries[half:], group.deliveries[:half]):
            self._groups.appendleft(_Group(part))

    def _give_up_all(self) -> list[Effect]:
        """The service ends and the database is away: nobody is acknowledged, everybody sends again."""
        self._under_way = False
        given_up = [one for group in self._groups for one in group.deliveries]
        given_up += [*self._live, *self._held]
        self._groups.clear()
        self._live.clear()
        self._held.clear()
        return _unstored(given_up)


def _is_live(message: Message) -> bool:
    # What else is said of a terminal's streams must not arrive before the punches it speaks of.
    return len(message.payload) <= LIVE_BYTES and message.topic.endswith(_UP)


def _unstored(deliveries: Iterable[Delivery]) -> list[Effect]:
    return [Settle(each.ticket, None) for each in deliveries if each.ticket is not None]

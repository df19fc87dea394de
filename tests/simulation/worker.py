"""One worker process of the cloud: the product's, without its thread, killed at each of its steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from cloud.feed import Feed
from cloud.ingest import worker as product
from cloud.ingest.address import BrokerAddress
from cloud.ingest.core import Answer, Committed, Failed, Puback, Tell, Transaction
from cloud.ingest.inbox import Item, Listener
from cloud.ingest.link import BrokerLink
from cloud.ingest.opening import Message
from cloud.ingest.packets import Published
from cloud.ingest.receive import Received
from cloud.ingest.worker import IngestWorker
from models.ids import TerminalId
from models.wire import topics
from models.wire.codec import encode
from models.wire.messages import WirePunch
from models.wire.topics import Channel
from tests.simulation.cloud import ZONE, Cloud
from tests.simulation.disk import Died
from tests.simulation.history import Content, Key
from tests.simulation.loop import SECOND

if TYPE_CHECKING:
    from tests.simulation.broker import Broker
    from tests.simulation.world import World

STEPS = ("before begin", "after insert", "after commit", "after ack", "after puback")
"""Where a worker may die. ``after insert`` is before the commit."""

_ADDRESS = BrokerAddress("mqtt", "broker", 1883)


class WorkerClock:
    """The cloud's clock, which is right; a process that starts counts from its own beginning."""

    def __init__(self, world: World, skew_ms: int) -> None:
        self._world = world
        self._skew_ms = skew_ms

    def wall_ms(self) -> int:
        """Within two seconds of the truth."""
        return self._world.loop.wall_ms + self._skew_ms

    def monotonic_ms(self) -> int:
        """True."""
        return self._world.loop.now + 1


class SimIngest(IngestWorker):
    """The product's worker; its transactions may fail, and it may die around each."""

    def __init__(self, process: WorkerProcess, cloud: Cloud, clock: WorkerClock) -> None:
        super().__init__(cloud.database, Feed(), clock, ZONE, _ADDRESS)
        self.process = process

    def take(self) -> list[Item]:
        """What came, as far as there is room."""
        return self._inbox.rest(self._core.room)

    def handle(self, items: list[Item]) -> None:
        """Do it."""
        self._handle(items)

    def due_ms(self) -> int | None:
        """When it wants to try again."""
        return self._core.due_ms()

    def share_if_due(self) -> int | None:
        """Share the states if it is time to; when it will be, if it is not."""
        self._share_if_due()
        return self._share_due_ms

    def connect(self, now: int) -> int | None:
        """Connect if it is time to; when it will be, if it is not."""
        if self._link is not None:
            return None
        if now < self._connect_due_ms:
            return self._connect_due_ms
        self.process.world.connecting = self.process
        listener = Listener(self._inbox)
        link = listener.link = self._link = product.BrokerLink(  # type: ignore[attr-defined]
            _ADDRESS, listener
        )
        link.open()
        return None

    def _carry_out(self, transaction: Transaction) -> Committed | Failed:
        self.process.step("before begin")
        done = super()._carry_out(transaction)
        self.process.step("after commit")
        return done

    def _answer(self, answer: Answer, link: BrokerLink | None) -> None:
        super()._answer(answer, link)
        if isinstance(answer, Tell):
            self.process.step("after ack")
        elif isinstance(answer, Puback):
            self.process.step("after puback")

    def _transact(self, work: Callable[[Connection, int], list[Received]]) -> Committed | Failed:
        mood = self.process.database_mood()
        if mood == "refuses":
            return super()._transact(_fails)
        done = super()._transact(partial(self._work, work, fails=mood == "breaks off"))
        if isinstance(done, Committed):
            self.process.committed(done)
            if mood == "unknown":
                self.process.world.history.reached["commit outcome unknown"] += 1
                return Failed(again=True)
        return done

    def _work(
        self,
        work: Callable[[Connection, int], list[Received]],
        connection: Connection,
        now_ms: int,
        *,
        fails: bool,
    ) -> list[Received]:
        received = work(connection, now_ms)
        self.process.step("after insert")
        if fails:
            _fails(connection, now_ms)
        return received


def _fails(_connection: Connection, _now_ms: int) -> list[Received]:
    raise OperationalError("COMMIT", {}, OSError("database is gone"))


class WorkerProcess:
    """Holds the worker of the day; a killed one is replaced by a new one after a while."""

    def __init__(self, world: World, node: str, broker: Broker) -> None:
        self.world = world
        self.node = node
        self.broker = broker
        self.ingest: SimIngest | None = None
        self.doom: str | None = None
        self.life = 0
        self._random: Random = world.random(node)
        self._clock = WorkerClock(world, self._random.randint(-2_000, 2_000))
        self._busy = False
        self._wake_at: int | None = None

    def start(self) -> None:
        """A new process."""
        if self.ingest is not None:
            return
        self.life += 1
        self._busy = False
        self._wake_at = None
        self.ingest = SimIngest(self, self.world.cloud, self._clock)
        self.pump()

    def kill(self) -> None:
        """kill -9; its sockets close at once."""
        if self.ingest is None:
            return
        self.world.loop.note(self.node, "killed")
        self.world.network.faults["worker_kill"] += 1
        self.ingest = self.doom = None
        self.world.vanished(self.node, at_once=True)
        self.world.loop.after(self._random.choice((SECOND, 30 * SECOND, 600 * SECOND)), self.start)

    def step(self, name: str) -> None:
        """A step at which it may be doomed."""
        if self.doom == name:
            self.world.died_at[f"worker: {name}"] += 1
            raise Died

    def database_mood(self) -> str:
        """How the next transaction goes."""
        world = self.world
        if not world.network.faulty or "db_error" not in world.options.faults:
            return "works"
        if self._random.random() > world.options.rate:
            return "works"
        world.network.faults["db_error"] += 1
        return self._random.choice(("refuses", "breaks off", "unknown"))

    # -- one thread ------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Do what waits, unless it is at it."""
        if self.ingest is None or self._busy:
            return
        now = self._clock.monotonic_ms()
        due = [self.ingest.connect(now), self.ingest.share_if_due(), self.ingest.due_ms()]
        items = self.ingest.take()
        ripe = self.ingest.due_ms()
        if items or (ripe is not None and ripe <= now):
            self._busy = True
            self.world.loop.after(self._latency(), self._finish, self.life, items)
            return
        waits = [at - now for at in due if at is not None]
        if waits:
            self._wake_in(max(1, min(waits)))

    def _latency(self) -> int:
        latency = self.world.options.commit_ms
        if (
            self.world.network.faulty
            and "db_slow" in self.world.options.faults
            and self._random.random() < 0.2
        ):
            self.world.network.faults["db_slow"] += 1
            latency = self._random.randint(SECOND, 40 * SECOND)
        return latency

    def _finish(self, life: int, items: list[Any]) -> None:
        if life != self.life or self.ingest is None:
            return
        self._busy = False
        try:
            self.ingest.handle(items)
        except Died:
            self.kill()
            return
        self.pump()

    def _wake_in(self, delay: int) -> None:
        at = self.world.loop.now + delay
        if self._wake_at is None or at < self._wake_at or self._wake_at <= self.world.loop.now:
            self._wake_at = at
            self.world.loop.after(delay, self._wake, self.life, at)

    def _wake(self, life: int, at: int) -> None:
        if life == self.life and at == self._wake_at:
            self._wake_at = None
            self.pump()

    def committed(self, done: Committed) -> None:
        """Rows became durable: the checker hears of it before anybody is told."""
        history, new = self.world.history, 0
        for received in done.received:
            new += len(received.stored)
            for one in received.stored:
                key = Key(one.key.terminal_id, bytes(one.key.stream_id), one.key.seq)
                if key in history.committed:
                    history.reached["stored again after a rollback"] += 1
                history.cloud_committed(key, one.wire.punch_id, _content(one.wire))
            ack = received.ack
            if ack is not None:
                told = sum(last - first + 1 for first, last in ack.committed)
                history.reached["duplicate delivered"] += told > len(received.stored)
                history.reached["hole asked for"] += bool(ack.needed)
        self.world.loop.note(self.node, "committed", len(done.received), new)

    # -- HTTPS -----------------------------------------------------------------------------------------------

    def asked(self, message: Message, reply: Callable[[bytes | None], None]) -> None:
        """A request came in; ``reply`` carries the answer back."""
        if self.ingest is None:
            reply(None)
            return
        future = self.ingest.submit(message)
        future.add_done_callback(lambda done: reply(None if done.exception() else _answer(done.result())))
        self.pump()


def _answer(received: Received) -> bytes:
    return encode(received.ack) if received.ack is not None else b""


def _content(wire: WirePunch) -> Content:
    return Content(
        wire.person_id,
        wire.wall_ms,
        wire.monotonic_ms,
        wire.clock,
        wire.method,
        wire.direction,
        wire.score_milli,
    )


class SimBrokerLink:
    """Stands where cloud.ingest.link.BrokerLink does."""

    def __init__(self, process: WorkerProcess, listener: Listener) -> None:
        self._process = process
        self._world = process.world
        self._life = process.life
        self._listener = listener
        self._number = 0
        self._closed = False
        self._is_up = False

    @property
    def node(self) -> str:
        """The worker's."""
        return self._process.node

    @property
    def _gone(self) -> bool:
        return self._closed or self._process.life != self._life or self._process.ingest is None

    def open(self) -> None:
        """Connect."""
        broker = self._process.broker
        self._world.network.send(self.node, broker.node, self._arrived)
        self._world.loop.after(10 * SECOND, self._time_out)

    def tell(self, terminal: TerminalId, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        """Publish."""
        if self._closed:
            return False
        broker = self._process.broker
        topic = topics.topic(terminal, channel)
        send = partial(broker.publish, self._number, topic, payload, 0, retain=retain)
        self._world.network.send(self.node, broker.node, send)
        return True

    def share_states(self) -> None:
        """From now on each state goes to one worker."""
        broker = self._process.broker
        self._world.network.send(self.node, broker.node, broker.share_states, self._number)

    def puback(self, mid: int, qos: int) -> bool:
        """Give the slot back."""
        broker = self._process.broker
        if qos and not self._closed:
            self._world.network.send(self.node, broker.node, broker.acknowledged, self._number, mid)
        return not self._closed

    def close(self) -> None:
        """Done with it."""
        self._closed = True
        if self._number:
            self._process.broker.disconnect(self._number)

    def _arrived(self) -> None:
        if self._process.broker.up and not self._gone and not self._number:
            self._number = self._process.broker.connect(self, None, None)

    def _time_out(self) -> None:
        if not self._is_up:
            self.lost("no answer")

    def connected(self) -> None:
        """SUBACK."""
        if not self._gone and not self._is_up:
            self._is_up = True
            self._listener.up()
            self._process.pump()

    def lost(self, reason: str) -> None:
        """It broke."""
        if not self._gone:
            self._closed = True
            self._listener.down(reason)
            self._process.pump()

    def publish_acked(self, mid: int) -> None:
        """Acks are QoS 0."""

    def delivered(self, topic: str, payload: bytes, mid: int, qos: int, *, retained: bool) -> None:
        """A message."""
        if not self._gone:
            self._listener.came([Published(topic, payload, mid, qos, retained)])
            self._process.pump()

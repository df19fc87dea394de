"""The terminal's ends of its connections: to a broker, or over HTTPS to a worker."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cloud.ingest.opening import Message
from edge.sync.link import LinkListener, Login
from models.wire import topics
from models.wire.topics import Channel
from tests.simulation.broker import Broker
from tests.simulation.loop import SECOND

if TYPE_CHECKING:
    from tests.simulation.terminal import Terminal
    from tests.simulation.world import World

_TIMEOUT_MS = 10 * SECOND
_QUEUE = 52
"""paho: 20 under way and 32 queued."""


class SimMqttLink:
    """Stands where edge.sync.mqtt.MqttLink does; ``login.token`` is the terminal's node."""

    def __init__(self, world: World, login: Login, will: bytes, listener: LinkListener, *_: Any) -> None:
        self._world = world
        self._terminal: Terminal = world.terminals[login.token]
        self._life = self._terminal.life
        self._will = will
        self._listener = listener
        self._closed = False
        self._is_up = False
        self._broker: Broker | None = None
        self._number = 0
        self._mid = 0
        self._unacked: dict[int, bytes] = {}

    @property
    def node(self) -> str:
        """The terminal's."""
        return self._terminal.node

    def open(self) -> None:
        """Look for a broker."""
        world = self._world
        broker = self._broker = world.pick_broker(self.node)
        if broker is None:
            world.loop.after(_TIMEOUT_MS // 2, self.lost, "nobody answered")
            return
        world.network.send(self.node, broker.node, self._arrived, broker)
        world.loop.after(_TIMEOUT_MS, self._time_out)

    def publish(self, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        """QoS 1."""
        if self._closed or self._broker is None:
            return False
        if len(self._unacked) >= _QUEUE:
            # TCP loses nothing within a connection: one that seems to is dead.
            self._world.loop.after(1, self.lost, "stalled")
            return False
        self._mid += 1
        self._unacked[self._mid] = payload
        topic = topics.topic(self._terminal.terminal_id, channel)
        payload = self._terminal.encode(payload)
        send = partial(self._broker.publish, self._number, topic, payload, self._mid, retain=retain)
        self._world.network.send(self.node, self._broker.node, send)
        return True

    def farewell(self, payload: bytes, timeout_s: float) -> None:
        """The product says it when it is stopped politely; nobody is polite here."""

    def close(self) -> None:
        """The uplink is done with this connection."""
        self._closed = True
        if self._broker is not None and self._number:
            self._broker.disconnect(self._number)

    # -- the broker's side calls -----------------------------------------------------------------------------

    def _arrived(self, broker: Broker) -> None:
        if not broker.up or self._gone or self._number:
            return
        topic = topics.topic(self._terminal.terminal_id, Channel.STATE)
        self._number = broker.connect(
            self, self._terminal.terminal_id, (topic, self._terminal.encode(self._will))
        )

    def _time_out(self) -> None:
        if not self._is_up:
            self.lost("no answer")

    @property
    def _gone(self) -> bool:
        return self._closed or self._terminal.life != self._life or not self._terminal.alive

    def connected(self) -> None:
        """CONNACK and SUBACK."""
        if not self._gone and not self._is_up:
            self._is_up = True
            self._listener.up()
            self._terminal.poke()

    def lost(self, reason: str) -> None:
        """It broke."""
        if not self._gone:
            self._closed = True
            self._listener.down(reason)
            self._terminal.poke()

    def publish_acked(self, mid: int) -> None:
        """PUBACK: a slot is free, nothing else."""
        self._unacked.pop(mid, None)

    def delivered(self, topic: str, payload: bytes, mid: int, qos: int, *, retained: bool) -> None:
        """A message. One of an earlier connection, or life, is heard by whoever is there now."""
        del mid, qos, retained
        parsed = topics.parse(topic)
        if parsed is not None:
            self._terminal.hear(parsed.channel, payload)


class SimHttpsLink:
    """Stands where edge.sync.https.HttpsLink does: one request after the other, each answered by a worker."""

    def __init__(self, world: World, login: Login, hello: bytes, listener: LinkListener, *_: Any) -> None:
        self._world = world
        self._terminal: Terminal = world.terminals[login.token]
        self._life = self._terminal.life
        self._waiting: list[tuple[Channel, bytes]] = [(Channel.STATE, hello)]
        self._listener = listener
        self._closed = False
        self._is_up = False
        self._request = 0

    def open(self) -> None:
        """Say hello."""
        self._post()

    def publish(self, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        """Post behind what waits."""
        del retain
        if self._closed or len(self._waiting) > 32:
            return False
        self._waiting.append((channel, payload))
        if len(self._waiting) == 1:
            self._post()
        return True

    def farewell(self, payload: bytes, timeout_s: float) -> None:
        """As for the broker."""

    def close(self) -> None:
        """No answer is heard any more."""
        self._closed = True

    def _post(self) -> None:
        world, terminal = self._world, self._terminal
        self._request += 1
        channel, payload = self._waiting[0]
        message = Message(topics.topic(terminal.terminal_id, channel), terminal.encode(payload))
        worker = world.pick_worker()
        world.history.reached["over HTTPS"] += 1
        answer = partial(self._answered, self._request)
        if worker is not None:
            reply = partial(world.network.send, worker.node, terminal.node, answer)
            world.network.send(terminal.node, worker.node, worker.asked, message, reply)
        world.loop.after(30 * SECOND, answer, None)

    def _answered(self, request: int, answer: bytes | None) -> None:
        if request != self._request or self._closed or self._terminal.life != self._life:
            return
        if not self._terminal.alive:
            return
        self._request += 1
        if answer is None:
            self._closed = True
            self._listener.down("no answer")
        else:
            self._waiting.pop(0)
            if not self._is_up:
                self._is_up = True
                self._listener.up()
            if answer:
                self._listener.heard(Channel.ACK, answer)
            if self._waiting:
                self._post()
        self._terminal.poke()

"""A model of what MQTT brokers promise, and of what they do not.

QoS 1 with clean sessions only. PUBACK says that the broker took a message, nothing more. A shared
subscription gives each message to one live member; what a dead member had in flight may be lost. Retained
messages live until the state is wiped. A queue may overflow without a word.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from models.ids import TerminalId
from models.wire import topics
from models.wire.topics import Channel
from tests.simulation.loop import MINUTE, Loop
from tests.simulation.network import KEEPALIVE_MS, Network
from tests.simulation.options import Options

MAX_IN_FLIGHT = 20
"""Mosquitto's default: so many unacknowledged messages a client is given at once."""

_STALLED_MS = 10 * MINUTE
"""TCP loses nothing within a connection: one that seems to is dead."""


class Peer(Protocol):
    """The client's end of one connection."""

    @property
    def node(self) -> str:
        """Where it is in the network."""
        ...

    def connected(self) -> None:
        """CONNACK and SUBACK came."""

    def lost(self, reason: str) -> None:
        """The connection is over."""

    def publish_acked(self, mid: int) -> None:
        """PUBACK came."""

    def delivered(self, topic: str, payload: bytes, mid: int, qos: int, *, retained: bool) -> None:
        """A message came."""


@dataclass(slots=True)
class Session:
    """One connection of one client; ``terminal`` None: a worker, which hears everybody.

    Attributes:
        every_state: whether it has each state, not only those that its group gives to it.
    """

    peer: Peer
    terminal: TerminalId | None
    will: tuple[str, bytes] | None
    number: int
    every_state: bool = True
    mid: int = 0
    in_flight: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    queued: list[tuple[str, bytes]] = field(default_factory=list)


class Broker:
    """One broker. Nothing is decided here but what MQTT leaves to chance."""

    def __init__(
        self,
        node: str,
        loop: Loop,
        network: Network,
        random: Random,
        options: Options,
    ) -> None:
        self.node = node
        self.up = True
        self.retained: dict[str, bytes] = {}
        self.sessions: dict[int, Session] = {}
        self.faults: Counter[str] = network.faults
        self._loop = loop
        self._network = network
        self._random = random
        self._options = options
        self._made = 0
        self._turn = 0

    # -- connections -----------------------------------------------------------------------------------------

    def connect(self, peer: Peer, terminal: TerminalId | None, will: tuple[str, bytes] | None) -> int:
        """Begin a clean session; ``peer`` hears of it by the network."""
        self._made += 1
        session = Session(peer, terminal, will, self._made)
        for old in [each for each in self.sessions.values() if terminal and each.terminal == terminal]:
            self.end(old.number, "taken over")
        self.sessions[session.number] = session
        self._network.send(self.node, peer.node, peer.connected)
        if terminal is None:
            for topic, payload in sorted(self.retained.items()):
                self._give(session, topic, payload, retained=True)
        return session.number

    def disconnect(self, number: int) -> None:
        """The client said goodbye: no will."""
        self.sessions.pop(number, None)

    def share_states(self, number: int) -> None:
        """A worker leaves the states to whoever of its group is free."""
        if number in self.sessions:
            self.sessions[number].every_state = False

    def vanish(self, number: int) -> None:
        """The client's process or power ended; the broker notices after the keepalive."""
        self._loop.after(KEEPALIVE_MS, self.end, number, "keepalive")

    def end(self, number: int, reason: str) -> None:
        """It ends the bad way: its will is published, what it had in flight is lost or given to others."""
        session = self.sessions.pop(number, None)
        if session is None:
            return
        self._loop.after(1, session.peer.lost, reason)
        if session.will is not None:
            self._route(*session.will, retain=True)
        for topic, payload in [*session.in_flight.values(), *session.queued]:
            if session.terminal is None and self._random.random() < 0.5:
                self._route(topic, payload, retain=False)

    def restart(self, down_ms: int, *, keep_state: bool) -> None:
        """Every connection breaks; wills are not published, because nobody is there to do it."""
        self.up = False
        if not keep_state:
            self.retained.clear()
        for session in list(self.sessions.values()):
            self._loop.after(1, session.peer.lost, "broker went away")
        self.sessions.clear()
        self._loop.after(down_ms, self._start)

    def _start(self) -> None:
        self.up = True

    # -- messages --------------------------------------------------------------------------------------------

    def publish(self, number: int, topic: str, payload: bytes, mid: int, *, retain: bool) -> None:
        """A client's message arrived; one of an earlier connection is taken too: queues do that."""
        if not self.up:
            return
        session = self.sessions.get(number)
        if session is not None and mid:
            self._network.send(self.node, session.peer.node, session.peer.publish_acked, mid)
        dropping = self._network.faulty and "broker_drop" in self._options.faults
        if dropping and self._random.random() < self._options.rate:
            self.faults["broker_drop"] += 1
            return
        self._route(topic, payload, retain=retain)

    def acknowledged(self, number: int, mid: int) -> None:
        """A worker's PUBACK arrived: its next message may go."""
        session = self.sessions.get(number)
        if session is None:
            return
        session.in_flight.pop(mid, None)
        if session.queued and len(session.in_flight) < MAX_IN_FLIGHT:
            self._give(session, *session.queued.pop(0), retained=False)

    def _route(self, topic: str, payload: bytes, *, retain: bool) -> None:
        if not self.up:
            return
        if retain:
            self.retained[topic] = payload
        parsed = topics.parse(topic)
        if parsed is not None and parsed.channel in {Channel.ACK, Channel.WANT}:
            for session in list(self.sessions.values()):
                if session.terminal == parsed.terminal_id:
                    self._give(session, topic, payload, retained=False)
            return
        members = [session for session in self.sessions.values() if session.terminal is None]
        if members:
            self._turn += 1
            chosen = members[self._turn % len(members)]
            is_state = parsed is not None and parsed.channel is Channel.STATE
            for session in members:
                if session is chosen or (is_state and session.every_state):
                    self._give(session, topic, payload, retained=False)

    def _give(self, session: Session, topic: str, payload: bytes, *, retained: bool) -> None:
        peer = session.peer
        if session.terminal is not None:
            self._network.send(self.node, peer.node, self._arrive, session, topic, payload, 0, retained)
            return
        if len(session.in_flight) >= MAX_IN_FLIGHT:
            session.queued.append((topic, payload))
            return
        session.mid += 1
        session.in_flight[session.mid] = (topic, payload)
        self._loop.after(_STALLED_MS, self._end_if_stalled, session.number, session.mid)
        self._network.send(self.node, peer.node, self._arrive, session, topic, payload, session.mid, retained)

    def _end_if_stalled(self, number: int, mid: int) -> None:
        session = self.sessions.get(number)
        if session is not None and mid in session.in_flight:
            self.end(number, "stalled")

    def _arrive(self, session: Session, topic: str, payload: bytes, mid: int, retained: bool) -> None:  # noqa: FBT001
        session.peer.delivered(topic, payload, mid, 1 if mid else 0, retained=retained)

"""The MQTT link of one worker: one object per connection, thrown away when it breaks.

Speaks MQTT 3.1.1 with clean sessions and PUBACKs by hand; nothing rests on what brokers keep. Workers share
the topics of the terminals: each message goes to one of them. One thread reads and writes the socket (a TLS
connection allows no more); what is to be sent waits in a buffer, and goes out with whatever else is in it.
"""

from __future__ import annotations

import secrets
import select
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import Protocol

from cloud.ingest import packets
from cloud.ingest.address import BrokerAddress
from cloud.ingest.packets import Accepted, BadPacket, Published, Reader, Subscribed
from cloud.ingest.tls import share_group, worker_context
from models.clock import SystemClock
from models.crashpoint import crashpoint
from models.ids import TerminalId
from models.wire import topics
from models.wire.topics import Channel

_KEEPALIVE_S = 30
_SILENCE_MS = 45_000
"""A broker that says nothing for so long, not even to a ping, is gone."""
_PING_EVERY_MS = 15_000
_LOOK_EVERY_MS = 5_000
_CONNECT_TIMEOUT_S = 5.0
_GATHER_S = 0.001
"""The first answer of a group waits so long for the others: they go out in one piece."""
_CLOSE_TIMEOUT_S = 2.0
_READ_BYTES = 64 * 1024
_QOS_AT_LEAST_ONCE = 1
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_CLOCK = SystemClock()


class LinkListener(Protocol):
    """Called from the link's own thread."""

    def up(self) -> None:
        """Connected, and our topics are subscribed."""

    def down(self, reason: str) -> None:
        """The connection is over, or was refused."""

    def came(self, published: Sequence[Published]) -> None:
        """Messages, in the order of the broker; while this blocks, it holds back the next."""


class _Lost(Exception):
    """The connection is over; the message says why."""


class BrokerLink:
    """One connection to the broker of ``address``; ``listens``: it takes messages, and not only tells."""

    def __init__(self, address: BrokerAddress, listener: LinkListener, *, listens: bool = True) -> None:
        self._address = address
        self._listens = listens
        self._listener = listener
        self._group = share_group(None)
        self._mids = count()
        self._reader = Reader()
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._outgoing = bytearray()
        self._is_open = False
        self._stopping = threading.Event()
        self._woken, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="ingest-link", daemon=True)

    def open(self) -> None:
        """Connect and start the link's thread; ``up`` or ``down`` follows.

        Raises:
            OSError: nobody answered, or the certificate to show cannot be used.
        """
        address = self._address
        context = None
        if address.scheme == "mqtts":
            context = worker_context(address.certificate)
            self._group = share_group(address.certificate)
        plain = socket.create_connection((address.host, address.port), _CONNECT_TIMEOUT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(plain, server_hostname=address.host) if context else plain
        self._socket.settimeout(0)
        name = f"ingest-{secrets.token_hex(8)}"
        self._outgoing += packets.connect(name, _KEEPALIVE_S, address.user, address.password)
        self._is_open = True
        self._thread.start()

    def tell(self, terminal: TerminalId, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        """Publish to a terminal, with QoS 1 if it is to be retained; whether the link took it."""
        mid = self._next_mid() if retain else None
        return self._send(packets.publish(topics.topic(terminal, channel), payload, mid=mid, retain=retain))

    def puback(self, mid: int, qos: int) -> bool:
        """Give the broker its slot back; whether the link took it."""
        return self._send(packets.puback(mid)) if qos else True

    def share_states(self) -> None:
        """The retained states have come: from now on each state goes to one worker, as punches do."""
        if self._listens:
            self._send(packets.unsubscribe(self._next_mid(), topics.every(Channel.STATE)))

    def close(self) -> None:
        """Disconnect and end the link's thread; not from a callback."""
        self._send(packets.DISCONNECT)
        self._stopping.set()
        self._rouse()
        if self._thread.is_alive():
            # It may wait for a place to put a message: then it ends once somebody takes one.
            self._thread.join(_CLOSE_TIMEOUT_S)
        else:
            self._shut()

    def _next_mid(self) -> int:
        return next(self._mids) % packets.MID_MAX + 1

    def _send(self, packet: bytes) -> bool:
        with self._lock:
            if not self._is_open:
                return False
            is_first = not self._outgoing
            self._outgoing += packet
        if is_first:
            self._rouse()
        return True

    def _rouse(self) -> None:
        with suppress(OSError):  # it is awake, or gone
            self._wake.send(b"!")

    # -- the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        reason: str | None = None
        try:
            self._talk()
        except (_Lost, BadPacket, OSError) as error:
            reason = str(error) or type(error).__name__
        self._shut()
        if reason is not None and not self._stopping.is_set():
            self._listener.down(reason)

    def _talk(self) -> None:
        link = self._socket
        if link is None:
            return
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        heard_ms = pinged_ms = _CLOCK.monotonic_ms()
        while self._outgoing or not self._stopping.is_set():
            poll.register(link, select.POLLIN | (select.POLLOUT if self._outgoing else 0))
            ready = dict(poll.poll(_LOOK_EVERY_MS))
            now_ms = _CLOCK.monotonic_ms()
            if self._woken.fileno() in ready:
                self._stopping.wait(_GATHER_S)
                self._woken.recv(4096)
            if ready.get(link.fileno(), 0) & ~select.POLLOUT:
                self._read(link)
                heard_ms = now_ms
            self._write(link)
            if now_ms - heard_ms > _SILENCE_MS:
                raise _Lost("the broker does not answer")
            if now_ms - pinged_ms > _PING_EVERY_MS:
                pinged_ms = now_ms
                self._send(packets.PING)

    def _read(self, link: socket.socket) -> None:
        is_more = True
        while is_more:
            try:
                data = link.recv(_READ_BYTES)
            except _NOT_NOW:
                return
            if not data:
                raise _Lost("the broker closed the connection")
            came: list[Published] = []
            for said in self._reader.feed(data):
                if isinstance(said, Published):
                    came.append(said)
                else:
                    self._hear(said)
            if came:
                crashpoint("message_received")
                self._listener.came(came)
            is_more = isinstance(link, ssl.SSLSocket) and link.pending() > 0

    def _write(self, link: socket.socket) -> None:
        with self._lock:
            waiting = bytes(self._outgoing)
        if not waiting:
            return
        try:
            sent = link.send(waiting)
        except _NOT_NOW:
            return
        with self._lock:
            del self._outgoing[:sent]

    def _hear(self, said: Accepted | Subscribed) -> None:
        match said:
            case Accepted(None) if self._listens:
                # Retained states come by a subscription of one's own only; see ``share_states``.
                shared = [topics.shared(channel, self._group) for channel in (Channel.UP, Channel.STATE)]
                wanted = [*shared, topics.every(Channel.STATE)]
                self._send(packets.subscribe(self._next_mid(), wanted, _QOS_AT_LEAST_ONCE))
            case Accepted(None) | Subscribed(True):
                self._listener.up()
            case Accepted(refusal):
                raise _Lost(f"the broker refused the connection: {refusal}")
            case Subscribed():
                raise _Lost("the broker refused the subscription")

    def _shut(self) -> None:
        self._is_open = False
        for each in (self._socket, self._woken, self._wake):
            if each is not None:
                each.close()

"""MQTT 3.1.1 as far as a worker speaks it: requests to bytes, and bytes to what the broker says. Pure.

Source: OASIS MQTT 3.1.1, chapters 2 and 3. A message costs a fifteenth of what paho takes for it, with its
acknowledgement; see docs/decisions/0018.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

PING = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
MID_MAX = 65_535

_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _SUBSCRIBE, _SUBACK, _UNSUBSCRIBE = 1, 2, 3, 4, 8, 9, 10
_CLEAN, _HAS_PASSWORD, _HAS_USER = 0x02, 0x40, 0x80
_REQUEST_FLAGS = 0x02
_LENGTH_BYTES_MAX = 4
_MORE = 0x80
_REFUSALS = {
    1: "it does not speak MQTT 3.1.1",
    2: "it does not take our name",
    3: "it is not available",
    4: "wrong user or password",
    5: "not authorized",
}


class BadPacket(Exception):
    """What came is not MQTT; the message says what."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to CONNECT; ``refusal``: why not, or None."""

    refusal: str | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The answer to SUBSCRIBE; whether all of it was granted."""

    granted: bool


class Published(msgspec.Struct, frozen=True):
    """A message for us."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    retained: bool


Said = Accepted | Subscribed | Published


def connect(name: str, keepalive_s: int, user: str | None, password: str | None) -> bytes:
    """Begin a clean session."""
    flags, rest = _CLEAN, _text(name)
    if user is not None:
        flags, rest = flags | _HAS_USER, rest + _text(user)
        if password is not None:
            flags, rest = flags | _HAS_PASSWORD, rest + _text(password)
    return _packet(_CONNECT << 4, _text("MQTT") + struct.pack(">BBH", 4, flags, keepalive_s) + rest)


def subscribe(mid: int, topics: Sequence[str], qos: int) -> bytes:
    """Ask for ``topics``."""
    wanted = b"".join(_text(topic) + bytes([qos]) for topic in topics)
    return _packet(_SUBSCRIBE << 4 | _REQUEST_FLAGS, struct.pack(">H", mid) + wanted)


def unsubscribe(mid: int, topic: str) -> bytes:
    """Ask for ``topic`` no more."""
    return _packet(_UNSUBSCRIBE << 4 | _REQUEST_FLAGS, struct.pack(">H", mid) + _text(topic))


def publish(topic: str, payload: bytes, *, mid: int | None = None, retain: bool = False) -> bytes:
    """Tell; with ``mid`` at least once (QoS 1), else at most once."""
    name = _topic(topic)
    if mid is None:
        return _packet(_PUBLISH << 4 | retain, name + payload)
    return _packet(_PUBLISH << 4 | 2 | retain, name + struct.pack(">H", mid) + payload)


def puback(mid: int) -> bytes:
    """A message of QoS 1 is done with."""
    return struct.pack(">BBH", _PUBACK << 4, 2, mid)


class Reader:
    """Cuts what comes into packets, however it was cut on its way."""

    def __init__(self) -> None:
        self._left = bytearray()

    def feed(self, data: bytes) -> Iterator[Said]:
        """What the broker says with ``data``, as far as it is for us to know.

        Raises:
            BadPacket: the rest cannot be read.
        """
        left = self._left
        left += data
        at = 0
        try:
            while (span := _span(left, at)) is not None:
                body, end = span
                said = _said(left[at], bytes(left[body:end]))
                at = end
                if said is not None:
                    yield said
        finally:
            del left[:at]


def _span(data: bytearray, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at ``at`` begins and ends, once all of it is there."""
    size = 0
    for place in range(_LENGTH_BYTES_MAX):
        index = at + 1 + place
        if index >= len(data):
            return None
        size |= (data[index] & ~_MORE) << 7 * place
        if data[index] < _MORE:
            end = index + 1 + size
            return (index + 1, end) if end <= len(data) else None
    raise BadPacket("a length of more than four bytes")


def _said(first: int, body: bytes) -> Said | None:
    kind = first >> 4
    try:
        if kind == _PUBLISH:
            return _published(first, body)
        if kind == _CONNACK:
            return Accepted(_REFUSALS.get(body[1], f"refused with {body[1]}") if body[1] else None)
        if kind == _SUBACK:
            return Subscribed(all(code < _MORE for code in body[2:]))
    except IndexError as error:
        raise BadPacket(f"a packet of kind {kind} that is too short") from error
    return None


def _published(first: int, body: bytes) -> Published:
    qos = first >> 1 & 3
    name = 2 + (body[0] << 8 | body[1])
    start, mid = name, 0
    if qos:
        start += 2
        mid = body[name] << 8 | body[name + 1]
    return Published(body[2:name].decode(errors="replace"), body[start:], mid, qos, bool(first & 1))


def _packet(first: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, low = size >> 7, size & ~_MORE & 0xFF
        length.append(low | (_MORE if size else 0))
        if not size:
            return bytes([first]) + length + body


@lru_cache(maxsize=4096)
def _topic(text: str) -> bytes:
    """The topic of a message: those we publish to are few, and come again with each message."""
    return _text(text)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw

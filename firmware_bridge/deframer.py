"""Byte stream to packets, without input or output.

A UART loses bytes and adds some. The rule to get back in step: a candidate begins with header and address;
if its pid, length or sum is impossible, only its first byte is given up and the search goes on right behind
it, so a packet that follows (or lies inside) a false start is still found.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from firmware_bridge.packets import MAX_LENGTH, MIN_LENGTH, SUM_BYTES, Packet, PacketId, checksum, header

_PID_AT = 6
_LENGTH_AT = 7
_CONTENT_AT = 9


@dataclass(frozen=True, slots=True)
class Damaged:
    """A packet with a plausible head whose sum was wrong; its content is not known."""


class Deframer:
    """Collects bytes and gives packets of one address; chunking never changes what comes out.

    Args:
        address: packets of other modules are noise.
        pids: what this side of the wire may receive.
    """

    def __init__(self, address: int, pids: Collection[PacketId]) -> None:
        self._header = header(address)
        self._address = address
        self._pids = frozenset(int(pid) for pid in pids)
        self._bytes = bytearray()

    @property
    def partial(self) -> bool:
        """Whether bytes are held that may be the beginning of a packet."""
        return bool(self._bytes)

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._bytes += data

    def clear(self) -> None:
        """Forget everything held."""
        self._bytes.clear()

    def abandon(self) -> None:
        """Give up the candidate held, no more of it will come; search behind its first byte."""
        del self._bytes[:1]

    def next_packet(self) -> Packet | Damaged | None:
        """The next packet, the next damaged one, or None when more bytes are needed."""
        while self._find_header():
            if len(self._bytes) < _CONTENT_AT:
                return None
            pid = self._bytes[_PID_AT]
            length = int.from_bytes(self._bytes[_LENGTH_AT:_CONTENT_AT], "big")
            if pid not in self._pids or not MIN_LENGTH <= length <= MAX_LENGTH:
                self.abandon()
                continue
            end = _CONTENT_AT + length
            if len(self._bytes) < end:
                return None
            return self._take(PacketId(pid), end)
        return None

    def _find_header(self) -> bool:
        at = self._bytes.find(self._header)
        if at >= 0:
            del self._bytes[:at]
            return True
        keep = next(n for n in range(len(self._header) - 1, -1, -1) if self._bytes.endswith(self._header[:n]))
        del self._bytes[: len(self._bytes) - keep]
        return False

    def _take(self, pid: PacketId, end: int) -> Packet | Damaged:
        content_end = end - SUM_BYTES
        if checksum(bytes(self._bytes[_PID_AT:content_end])) != self._bytes[content_end:end]:
            self.abandon()
            return Damaged()
        packet = Packet(pid, bytes(self._bytes[_CONTENT_AT:content_end]), self._address)
        del self._bytes[:end]
        return packet

"""One packet: ``EF 01 | address(4) | pid(1) | length(2) | content | sum(2)``, all big-endian.

Length counts content and sum; sum is (pid + both length bytes + all content bytes) modulo 65536: header and
address are outside it. Source: ZFM-20 user manual, section "Data package format".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

START = b"\xef\x01"
DEFAULT_ADDRESS = 0xFFFF_FFFF
SUM_BYTES = 2
MAX_CONTENT_BYTES = 256
MIN_LENGTH = 1 + SUM_BYTES
MAX_LENGTH = MAX_CONTENT_BYTES + SUM_BYTES


class PacketId(IntEnum):
    """What a packet is for (PID)."""

    COMMAND = 0x01
    DATA = 0x02
    ACK = 0x07
    END_OF_DATA = 0x08


@dataclass(frozen=True, slots=True)
class Packet:
    """A whole packet. ``content``: 1 to 256 bytes, first the opcode of a command or the code of an ack."""

    pid: PacketId
    content: bytes
    address: int = DEFAULT_ADDRESS

    def encode(self) -> bytes:
        """The bytes of this packet on the wire.

        Raises:
            ValueError: the content is empty or longer than 256 bytes.
        """
        if not 1 <= len(self.content) <= MAX_CONTENT_BYTES:
            raise ValueError(f"a packet carries 1 to {MAX_CONTENT_BYTES} bytes, not {len(self.content)}")
        summed = bytes([self.pid]) + (len(self.content) + SUM_BYTES).to_bytes(2, "big") + self.content
        return header(self.address) + summed + checksum(summed)


def header(address: int) -> bytes:
    """The six bytes every packet of the module at ``address`` begins with."""
    return START + address.to_bytes(4, "big")


def checksum(summed: bytes) -> bytes:
    """The two sum bytes over pid, length and content."""
    return (sum(summed) & 0xFFFF).to_bytes(SUM_BYTES, "big")


def data_packets(data: bytes, size: int, address: int = DEFAULT_ADDRESS) -> list[Packet]:
    """``data`` cut into packets of ``size`` bytes, the last one marked as the end. ``data`` is not empty."""
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    pids = [PacketId.DATA] * (len(pieces) - 1) + [PacketId.END_OF_DATA]
    return [Packet(pid, piece, address) for pid, piece in zip(pids, pieces, strict=True)]

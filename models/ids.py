"""Identifiers, and how each is made.

Random bytes come from the caller, so that this module stays pure and a simulation can repeat itself.
"""

from __future__ import annotations

from typing import NewType
from uuid import UUID

PersonId = NewType("PersonId", str)
"""Ours for ever: an OA system may rename its user ids, so those are attributes of a person."""

TerminalId = NewType("TerminalId", str)
"""Given by the cloud when a terminal is claimed; also its MQTT user name and certificate name."""

PunchId = NewType("PunchId", UUID)
"""UUIDv7: sorts by the terminal's time, and tells two punches with one (stream, seq) apart."""

StreamId = NewType("StreamId", bytes)
"""16 random bytes minted with the outbox file; a restored or cloned card mints new ones."""

STREAM_ID_BYTES = 16
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u to misread
_ID_RANDOM_BYTES = 10


def _base32(raw: bytes) -> str:
    number = int.from_bytes(raw, "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(len(raw) * 8 - 5, -1, -5))


def person_id(random: bytes) -> PersonId:
    """``p-`` and 16 base 32 digits of 10 random bytes."""
    return PersonId("p-" + _base32(_exactly(random, _ID_RANDOM_BYTES)))


def terminal_id(random: bytes) -> TerminalId:
    """``t-`` and 16 base 32 digits of 10 random bytes."""
    return TerminalId("t-" + _base32(_exactly(random, _ID_RANDOM_BYTES)))


def stream_id(random: bytes) -> StreamId:
    """16 random bytes, as they are."""
    return StreamId(_exactly(random, STREAM_ID_BYTES))


def punch_id(wall_ms: int, random: bytes) -> PunchId:
    """A UUIDv7 of ``wall_ms`` and 10 random bytes. Source: RFC 9562 section 5.7."""
    tail = int.from_bytes(_exactly(random, _ID_RANDOM_BYTES), "big")
    time_bits = (wall_ms & (1 << 48) - 1) << 80
    version = 7 << 76
    rand_a = (tail >> 62 & 0xFFF) << 64
    variant = 2 << 62
    return PunchId(UUID(int=time_bits | version | rand_a | variant | tail & (1 << 62) - 1))


def _exactly(raw: bytes, length: int) -> bytes:
    if len(raw) != length:
        raise ValueError(f"{length} random bytes are needed, not {len(raw)}")
    return raw

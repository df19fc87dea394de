"""Bytes <-> messages. Bad bytes are a value, not an exception: the caller decides whom to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

PAYLOAD_MAX_BYTES = 64 * 1024
"""A batch of 100 punches has about 6 kB; anything near this is not ours."""

_JSON_START = b"[{ \t\r\n"  # none of these begins a MessagePack array or map

M = TypeVar("M", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Malformed:
    """Bytes that are not the message asked for; ``reason`` names the field and what is wrong with it."""

    reason: str


def encode(message: msgspec.Struct) -> bytes:
    """The message as MessagePack."""
    return msgspec.msgpack.encode(message)


def decode(payload: bytes, kind: type[M]) -> M | Malformed:
    """The message of ``kind`` in ``payload``, MessagePack or JSON; never raises on bad input."""
    if not payload:
        return Malformed("empty payload")
    if len(payload) > PAYLOAD_MAX_BYTES:
        return Malformed(f"{len(payload)} bytes, at most {PAYLOAD_MAX_BYTES} are taken")
    try:
        if payload[0] in _JSON_START:
            return msgspec.json.decode(payload, type=kind)
        return msgspec.msgpack.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Malformed(str(error))

"""Reading a batch so that one bad punch costs no good one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from models.wire.codec import Malformed, decode
from models.wire.messages import Ms, PunchBatch, Sender, Seq, StreamBytes, Text, WirePunch


@dataclass(frozen=True, slots=True)
class Damaged:
    """A punch of a batch that cannot be read; ``seq`` is None where not even that could be."""

    seq: int | None
    reason: str
    raw: bytes


class Batch(msgspec.Struct, frozen=True):
    """A batch whose head could be read; see models.wire.messages.PunchBatch."""

    terminal_id: str
    stream_id: bytes
    boot: int
    sent_ms: int
    sent_monotonic_ms: int
    lowest: int
    highest: int
    punches: tuple[WirePunch, ...]
    damaged: tuple[Damaged, ...] = ()
    sender: bytes = b""


class _Head(msgspec.Struct, array_like=True, frozen=True):
    version: Annotated[int, Meta(ge=1)]
    terminal_id: Text
    stream_id: StreamBytes
    boot: Annotated[int, Meta(ge=0)]
    sent_ms: Ms
    sent_monotonic_ms: Ms
    lowest: Seq
    highest: Seq
    punches: tuple[msgspec.Raw, ...]
    sender: Sender = b""


class _Place(msgspec.Struct, array_like=True, frozen=True):
    seq: Seq


def read(payload: bytes) -> Batch | Malformed:
    """The batch in ``payload``; punches that cannot be read are in ``damaged``, the others go on."""
    whole = decode(payload, PunchBatch)
    if isinstance(whole, PunchBatch):
        return _batch(whole, whole.punches, ())
    head = decode(payload, _Head)
    if isinstance(head, Malformed):
        return whole
    good: list[WirePunch] = []
    damaged: list[Damaged] = []
    for part in head.punches:
        raw = bytes(part)
        punch = decode(raw, WirePunch)
        if isinstance(punch, WirePunch):
            good.append(punch)
        else:
            place = decode(raw, _Place)
            seq = place.seq if isinstance(place, _Place) else None
            damaged.append(Damaged(seq, punch.reason, raw))
    if not good and not damaged:
        return whole
    return _batch(head, tuple(good), tuple(damaged))


def _batch(head: PunchBatch | _Head, punches: tuple[WirePunch, ...], damaged: tuple[Damaged, ...]) -> Batch:
    return Batch(
        head.terminal_id,
        head.stream_id,
        head.boot,
        head.sent_ms,
        head.sent_monotonic_ms,
        head.lowest,
        head.highest,
        punches,
        damaged,
        head.sender,
    )

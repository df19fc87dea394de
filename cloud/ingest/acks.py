"""What a terminal is answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from cloud.ingest.answers import ranges
from cloud.ingest.opening import Opened
from cloud.ingest.streams import Advanced, StreamKey
from models.ranges import Ranges
from models.wire.messages import VERSION, PunchAck, Range, Refusal

NEEDED_MAX = 20
"""Ranges asked for in one ack; the next asks further."""


def ack(
    one: Opened, advanced: Mapping[StreamKey, Advanced], lost: Mapping[StreamKey, Ranges], now_ms: int
) -> PunchAck | None:
    """The answer to a batch or a state; None if there is nobody to answer or nothing to say.

    ``lost``: what the terminal's days show to be missing here.
    """
    if one.batch is not None:
        return _to_batch(one, advanced, now_ms)
    return _to_state(one, advanced, lost, now_ms)


def _to_batch(one: Opened, advanced: Mapping[StreamKey, Advanced], now_ms: int) -> PunchAck | None:
    batch = one.batch
    if batch is None or one.terminal_id is None:
        return None
    stream = advanced.get(StreamKey(batch.terminal_id, batch.stream_id)) if one.accepted else None
    return PunchAck(
        VERSION,
        batch.stream_id,
        ranges({punch.seq for punch in one.punches} - one.refused.keys()),
        _first(stream.needed) if stream is not None else (),
        tuple(Refusal(seq, code) for seq, code in sorted(one.refused.items())),
        now_ms,
        batch.sent_monotonic_ms,
        stream.progress.highest if stream is not None else 0,
        batch.sender,
    )


def _to_state(
    one: Opened, advanced: Mapping[StreamKey, Advanced], lost: Mapping[StreamKey, Ranges], now_ms: int
) -> PunchAck | None:
    """A terminal with nothing to send learns so of holes, of what was lost, and that it is an older copy."""
    state = one.state
    if state is None:
        return None
    own = StreamKey(state.terminal_id, state.stream_id)
    kept = [StreamKey(state.terminal_id, each.stream_id) for each in state.kept]
    for key in (own, *kept):
        stream = advanced.get(key)
        needed = (stream.needed if stream is not None else Ranges()) | lost.get(key, Ranges())
        known = stream.progress.highest if stream is not None else 0
        if needed or (key == own and known > state.highest):
            return PunchAck(VERSION, key.stream_id, (), _first(needed), (), now_ms, 0, known)
    return None


def _first(needed: Ranges) -> tuple[Range, ...]:
    return needed.spans[:NEEDED_MAX]

"""What messages say of the streams they speak of: what came, how far it goes, what is left of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cloud.ingest.opening import Opened
from cloud.ingest.redate import AGREES_MS
from cloud.ingest.streams import Claim, Heard, StreamKey
from models.ids import STREAM_ID_BYTES
from models.punch import ClockQuality
from models.ranges import Ranges
from models.wire.messages import TerminalState


def heard(opened: Sequence[Opened], now_ms: int) -> dict[StreamKey, Heard]:
    """What ``opened`` say, by stream."""
    found: dict[StreamKey, Heard] = {}
    for one in opened:
        if one.batch is not None and one.accepted:
            batch = one.batch
            key = StreamKey(batch.terminal_id, batch.stream_id)
            if (stream := found.get(key)) is None:
                stream = found[key] = Heard()
            stream.seqs.update([punch.seq for punch in batch.punches])
            if batch.damaged:
                stream.seqs.update([part.seq for part in batch.damaged if part.seq is not None])
            stream.highest = max(stream.highest, batch.highest)
            stream.lowest = max(stream.lowest, batch.lowest)
            if abs(batch.sent_ms - now_ms) <= AGREES_MS:
                stream.claims.append(Claim(min(batch.sent_ms, now_ms), batch.highest))
        if one.state is not None and speaks_of_a_stream(one.state):
            _state(one.state, found, now_ms)
    return found


def _state(state: TerminalState, found: dict[StreamKey, Heard], now_ms: int) -> None:
    stream = found.setdefault(StreamKey(state.terminal_id, state.stream_id), Heard())
    stream.highest = max(stream.highest, state.highest)
    # An unset clock can claim nothing about time.
    if state.at_ms > 0 and state.clock != ClockQuality.UNTRUSTED:
        stream.claims.append(Claim(min(state.at_ms, now_ms), state.highest))
    for kept in state.kept:
        older = found.setdefault(StreamKey(state.terminal_id, kept.stream_id), Heard())
        older.highest = max(older.highest, kept.highest)
        older.lowest = max(older.lowest, kept.lowest)
        older.ends = kept.highest
    for each in state.missing:
        stream = found.setdefault(StreamKey(state.terminal_id, each.stream_id), Heard())
        stream.missing |= Ranges.of([(each.first_seq, each.last_seq)])


def speaks_of_a_stream(state: TerminalState) -> bool:
    """Whether the state says how far the terminal has got."""
    return len(state.stream_id) == STREAM_ID_BYTES


def present(opened: Iterable[Opened]) -> dict[str, set[bytes]]:
    """The streams that are left on each terminal that told its state."""
    return {
        one.state.terminal_id: {one.state.stream_id, *(each.stream_id for each in one.state.kept)}
        for one in opened
        if one.state is not None and speaks_of_a_stream(one.state)
    }

"""Punch <-> WirePunch."""

from __future__ import annotations

from uuid import UUID

from models.ids import PersonId, PunchId, StreamId, TerminalId
from models.punch import ClockQuality, Direction, Method, Punch
from models.wire.messages import WirePunch


def to_wire(punch: Punch) -> WirePunch:
    """The punch without what its batch says already."""
    return WirePunch(
        punch.seq,
        punch.punch_id.bytes,
        punch.person_id,
        punch.wall_ms,
        punch.monotonic_ms,
        punch.boot,
        int(punch.clock),
        int(punch.method),
        int(punch.direction),
        punch.score_milli,
    )


def from_wire(wire: WirePunch, terminal_id: TerminalId, stream_id: StreamId) -> Punch:
    """The punch of a decoded batch; the decoder has checked every range."""
    return Punch(
        terminal_id=terminal_id,
        stream_id=stream_id,
        seq=wire.seq,
        punch_id=PunchId(UUID(bytes=wire.punch_id)),
        person_id=PersonId(wire.person_id),
        wall_ms=wire.wall_ms,
        monotonic_ms=wire.monotonic_ms,
        boot=wire.boot,
        clock=ClockQuality(wire.clock),
        method=Method(wire.method),
        direction=Direction(wire.direction),
        score_milli=wire.score_milli,
    )

"""Acks as ranges, one for all batches of a stream that were committed together. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from models.ids import TerminalId
from models.wire.messages import PunchAck, Range, Refusal


def ranges(seqs: Iterable[int]) -> tuple[Range, ...]:
    """``seqs`` as inclusive ranges, lowest first."""
    found: list[Range] = []
    for seq in sorted(seqs):
        if found and found[-1][1] == seq - 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return tuple(found)


def merged(acks: Iterable[tuple[TerminalId, PunchAck]]) -> list[tuple[TerminalId, PunchAck]]:
    """One ack for each stream, in the order in which the streams first came."""
    by_stream: dict[tuple[TerminalId, bytes], list[PunchAck]] = {}
    for terminal, ack in acks:
        by_stream.setdefault((terminal, ack.stream_id), []).append(ack)
    return [
        (terminal, found[0] if len(found) == 1 else _merge(found))
        for (terminal, _), found in by_stream.items()
    ]


def _merge(acks: list[PunchAck]) -> PunchAck:
    """What is refused anywhere is committed nowhere: two outboxes may use one stream, each keeps its own."""
    newest = max(acks, key=lambda ack: ack.echo_monotonic_ms)
    refused = {one.seq: one for ack in acks for one in ack.refused}
    committed = {seq for ack in acks for first, last in ack.committed for seq in range(first, last + 1)}
    return PunchAck(
        newest.version,
        newest.stream_id,
        ranges(committed - refused.keys()),
        tuple(sorted({one for ack in acks for one in ack.needed})),
        tuple(Refusal(seq, refused[seq].code) for seq in sorted(refused)),
        newest.server_ms,
        newest.echo_monotonic_ms,
        max(ack.known for ack in acks),
    )

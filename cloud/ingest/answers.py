"""Acks as ranges, one for all batches of a stream and sender that were committed together. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from models.ids import TerminalId
from models.ranges import Ranges
from models.wire.messages import PunchAck, Range, Refusal


def ranges(seqs: Collection[int]) -> tuple[Range, ...]:
    """``seqs``, all different, as inclusive ranges, lowest first."""
    ordered = sorted(seqs)
    if not ordered:
        return ()
    if ordered[-1] - ordered[0] == len(ordered) - 1:
        return ((ordered[0], ordered[-1]),)
    found: list[Range] = []
    first = last = ordered[0]
    for seq in ordered:
        if seq > last + 1:
            found.append((first, last))
            first = seq
        last = seq
    return (*found, (first, last))


def merged(acks: Iterable[tuple[TerminalId, PunchAck]]) -> list[tuple[TerminalId, PunchAck]]:
    """One ack for each stream and sender, in the order in which they first came."""
    found: dict[tuple[TerminalId, bytes, bytes], list[PunchAck]] = {}
    for terminal, ack in acks:
        found.setdefault((terminal, ack.stream_id, ack.sender), []).append(ack)
    return [(key[0], each[0] if len(each) == 1 else _merge(each)) for key, each in found.items()]


def _merge(acks: list[PunchAck]) -> PunchAck:
    """What is refused anywhere is committed nowhere: senders that do not say who they are may be two."""
    newest = max(acks, key=lambda ack: ack.echo_monotonic_ms)
    refused = {one.seq: one for ack in acks for one in ack.refused}
    committed = Ranges.of([span for ack in acks for span in ack.committed])
    return PunchAck(
        newest.version,
        newest.stream_id,
        (committed - Ranges.of([(seq, seq) for seq in refused])).spans,
        tuple(sorted({one for ack in acks for one in ack.needed})),
        tuple(Refusal(seq, refused[seq].code) for seq in sorted(refused)),
        newest.server_ms,
        newest.echo_monotonic_ms,
        max(ack.known for ack in acks),
        newest.sender,
    )

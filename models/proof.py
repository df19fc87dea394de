"""Is a stream what the terminal wrote? The walk that finds the first record that is not.

Pure: rows and a way to check signatures come in, a :class:`Fault` comes out. The terminal walks its ledger,
the cloud an exported file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from models.chain import (
    DayHead,
    Pruned,
    chain_begin,
    day_begin,
    day_of,
    head_bytes,
    link,
    pruned_bytes,
    punch_digest,
)
from models.ids import StreamId, TerminalId
from models.wire.messages import WirePunch

S = TypeVar("S", DayHead, Pruned)
IsSigned = Callable[[bytes, bytes], bool]
"""Whether the second argument is the terminal's signature of the first."""


@dataclass(frozen=True, slots=True)
class Signed(Generic[S]):
    """A statement with its signature."""

    said: S
    signature: bytes


@dataclass(frozen=True, slots=True)
class Linked:
    """A punch with its link of the chain as it was stored."""

    punch: WirePunch
    link: bytes


@dataclass(frozen=True, slots=True)
class StreamProof:
    """All that is kept of one stream; ``punches`` in order of seq."""

    stream_id: StreamId
    terminal_id: TerminalId
    punches: Iterable[Linked]
    heads: Sequence[Signed[DayHead]]
    pruned: Sequence[Signed[Pruned]]


@dataclass(frozen=True, slots=True)
class Fault:
    """The first bad record of a stream is a seq from ``first`` to ``last``; mostly they are the same."""

    stream_id: StreamId
    first: int
    last: int
    what: str


@dataclass(slots=True)
class _Day:
    first: int
    last: int
    count: int
    digest: bytes


@dataclass(slots=True)
class _Walk:
    """What a walk along a stream has seen.

    Attributes:
        good: the last seq the chain could be followed to; ``link`` is the chain there.
        links: the chain at the seqs that heads sign.
    """

    stream_id: StreamId
    link: bytes
    good: int = 0
    links: dict[int, bytes] = field(default_factory=dict)
    days: dict[int, _Day] = field(default_factory=dict)
    fault: Fault | None = None

    def stop(self, first: int, what: str, last: int | None = None) -> None:
        self.fault = Fault(self.stream_id, first, first if last is None else last, what)


def check_stream(proof: StreamProof, is_signed: IsSigned) -> Fault | None:
    """The first fault of a stream, or None if it is what the terminal wrote.

    Who edits a punch without the key breaks the chain there, or, if they compute the chain anew, every signed
    head from that day on; then the fault is narrowed to the punches of that day. Taken out of a stream's end
    together with its head, punches leave no trace here: only a newer head, the cloud's or an export's, tells.
    """
    walk = _Walk(proof.stream_id, chain_begin(proof.stream_id, proof.terminal_id))
    heads = sorted(proof.heads, key=lambda head: head.said.last_seq)
    walk.links = {head.said.last_seq: b"" for head in heads}
    for step in _in_order(proof):
        if isinstance(step, Signed):
            _pass_pruned(walk, step, is_signed)
        else:
            _pass_punch(walk, step)
        if walk.fault is not None:
            break
    return _check_heads(walk, heads, is_signed)


def check_against(
    stream_id: StreamId,
    highest: int,
    link_at: Callable[[int], bytes | None],
    heads: Iterable[Signed[DayHead]],
    is_signed: IsSigned,
) -> Fault | None:
    """The first fault that heads from elsewhere prove, such as an earlier export's: is this an older copy?

    Args:
        stream_id: whose heads they are.
        highest: the newest seq kept here, 0 if the stream is not here at all.
        link_at: the chain at a seq, None where it was deleted.
        heads: what was signed then; one that this terminal did not sign proves nothing.
        is_signed: the check of signatures.
    """
    for head in sorted(heads, key=lambda each: each.said.last_seq):
        said = head.said
        if not is_signed(head_bytes(said), head.signature):
            continue
        if said.last_seq > highest:
            return Fault(stream_id, highest + 1, said.last_seq, "missing: they were exported once")
        if link_at(said.last_seq) not in {said.link, None}:
            return Fault(stream_id, 1, said.last_seq, "not what was exported once")
    return None


def _in_order(proof: StreamProof) -> Iterator[Linked | Signed[Pruned]]:
    """Punches and deleted runs by their seqs."""
    runs = sorted(proof.pruned, key=lambda run: run.said.first_seq)
    at = 0
    for punch in proof.punches:
        while at < len(runs) and runs[at].said.first_seq <= punch.punch.seq:
            yield runs[at]
            at += 1
        yield punch
    yield from runs[at:]


def _pass_pruned(walk: _Walk, run: Signed[Pruned], is_signed: IsSigned) -> None:
    said = run.said
    if not is_signed(pruned_bytes(said), run.signature):
        walk.stop(said.first_seq, "a note of deleted punches that this terminal did not sign")
    elif said.first_seq > walk.good + 1:
        walk.stop(walk.good + 1, "missing")
    elif said.first_seq <= walk.good or said.last_seq < said.first_seq:
        walk.stop(said.first_seq, "noted as deleted, and kept")
    else:
        walk.good, walk.link = said.last_seq, said.link


def _pass_punch(walk: _Walk, kept: Linked) -> None:
    punch = kept.punch
    if punch.seq > walk.good + 1:
        walk.stop(walk.good + 1, "missing")
        return
    if punch.seq <= walk.good:
        walk.stop(punch.seq, "noted as deleted, and kept")
        return
    digest = punch_digest(punch)
    if link(walk.link, digest) != kept.link:
        walk.stop(punch.seq, "not as it was written")
        return
    walk.good, walk.link = punch.seq, kept.link
    if punch.seq in walk.links:
        walk.links[punch.seq] = kept.link
    number = day_of(punch.wall_ms)
    day = walk.days.get(number)
    if day is None:
        begin = day_begin(walk.stream_id, number)
        walk.days[number] = _Day(punch.seq, punch.seq, 1, link(begin, digest))
    else:
        day.last, day.count = punch.seq, day.count + 1
        day.digest = link(day.digest, digest)


def _check_heads(walk: _Walk, heads: Sequence[Signed[DayHead]], is_signed: IsSigned) -> Fault | None:
    """The chain's fault, unless a head shows an earlier one."""
    certain = 0  # what a signed head vouches for
    for head in heads:
        said = head.said
        if walk.fault is not None and said.last_seq >= walk.fault.first:
            break
        day = walk.days.pop(said.day, None)
        if not is_signed(head_bytes(said), head.signature):
            what = f"the head of day {said.day} is not signed by this terminal"
            return Fault(walk.stream_id, certain + 1, max(certain + 1, said.last_seq), what)
        if said.last_seq > walk.good:
            return Fault(walk.stream_id, walk.good + 1, said.last_seq, "missing: a signed head proves it")
        if walk.links.get(said.last_seq) != said.link:
            return Fault(walk.stream_id, certain + 1, said.last_seq, "not what the head of its day signs")
        certain = max(certain, said.last_seq)
        if day is None or (day.first, day.last, day.count, day.digest) != (
            *(said.first_seq, said.last_seq),
            *(said.count, said.digest),
        ):
            last = said.last_seq if day is None else max(day.last, said.last_seq)
            return Fault(walk.stream_id, min(certain + 1, last), last, "more than the head of its day signs")
    if walk.fault is None and walk.days:
        day = min(walk.days.values(), key=lambda each: each.first)
        walk.stop(day.first, "of a day without a signed head", day.last)
    return walk.fault

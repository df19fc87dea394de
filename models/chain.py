"""What makes a terminal's punches provable: a digest of each, a chain through a stream, a digest of a day.

Terminal and cloud compute the same bytes from what each of them keeps, so only what crosses the wire
unchanged enters. The bytes are text: an auditor needs no more than ``printf`` and ``sha256sum``. Nothing here
is secret, and who can write may compute a new chain; what they lack is the terminal's signature of a
:class:`DayHead`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from models.ids import StreamId, TerminalId
from models.wire.messages import WirePunch

DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class DayHead:
    """What a stream holds of one UTC day of the terminal's own clock, up to ``last_seq``.

    Attributes:
        day: days since 1970-01-01; see :func:`day_of`.
        first_seq, last_seq: lowest and highest seq of that day; if the clock was set back, seqs of other days
            may lie between.
        count: punches of that day.
        link: the stream's chain at ``last_seq``; it stands for every punch of the stream before it.
        digest: of the day's punches; see :func:`day_digest`.
    """

    stream_id: StreamId
    day: int
    first_seq: int
    last_seq: int
    count: int
    link: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Pruned:
    """Punches that were deleted because the cloud had them long enough; the chain goes on from ``link``.

    Attributes:
        first_seq, last_seq: all from one to the other.
        link: the chain at ``last_seq``.
    """

    stream_id: StreamId
    first_seq: int
    last_seq: int
    link: bytes


def punch_digest(punch: WirePunch) -> bytes:
    """SHA-256 of the punch: its fields in the order of the wire, a line each.

    ``person_id`` is the last line, because it alone is free text. A field that the wire gets later enters
    only where it is set, so that what was digested keeps its digest.
    """
    score = "" if punch.score_milli is None else punch.score_milli
    return sha256(
        f"kaoqin punch 1\n{punch.seq}\n{punch.punch_id.hex()}\n{punch.wall_ms}\n{punch.monotonic_ms}\n"
        f"{punch.boot}\n{punch.clock:d}\n{punch.method:d}\n{punch.direction:d}\n{score}\n"
        f"{punch.person_id}".encode()
    ).digest()


def chain_begin(stream_id: StreamId, terminal_id: TerminalId) -> bytes:
    """The link before the first punch of a stream."""
    return sha256(f"kaoqin chain 1\n{stream_id.hex()}\n{terminal_id}".encode()).digest()


def link(previous: bytes, digest: bytes) -> bytes:
    """The link of a punch: SHA-256 of the link before it and the punch's digest."""
    return sha256(previous + digest).digest()


def day_of(wall_ms: int) -> int:
    """The UTC day of a punch by the clock it was made with, which never changes."""
    return wall_ms // DAY_MS


def day_begin(stream_id: StreamId, day: int) -> bytes:
    """The digest of a day without punches."""
    return sha256(f"kaoqin day 1\n{stream_id.hex()}\n{day}".encode()).digest()


def day_digest(stream_id: StreamId, day: int, punches: Iterable[WirePunch]) -> bytes:
    """The digest of ``punches``, all of that stream and day, in the order of their seqs.

    It grows by :func:`link`, so whoever adds a later punch needs only the digest so far.
    """
    digest = day_begin(stream_id, day)
    for punch in punches:
        digest = link(digest, punch_digest(punch))
    return digest


def head_bytes(head: DayHead) -> bytes:
    """What the terminal signs of a day."""
    return (
        f"kaoqin day head 1\n{head.stream_id.hex()}\n{head.day}\n{head.first_seq}\n{head.last_seq}\n"
        f"{head.count}\n{head.link.hex()}\n{head.digest.hex()}"
    ).encode()


def pruned_bytes(pruned: Pruned) -> bytes:
    """What the terminal signs of punches it deleted."""
    return (
        f"kaoqin pruned 1\n{pruned.stream_id.hex()}\n{pruned.first_seq}\n{pruned.last_seq}\n"
        f"{pruned.link.hex()}"
    ).encode()

"""The file in which a terminal's punches travel by hand: a line of JSON for each record, the last one signed.

Pure: lines in, streams and their proofs out. Nothing in it may be trusted before :attr:`Export.signature` of
:attr:`Export.signed` was checked with the key that the cloud registered for the terminal. The records are
described in docs/reference/export.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from models.chain import DayHead, Pruned
from models.ids import StreamId, TerminalId
from models.proof import Linked, Signed, StreamProof
from models.wire.messages import Ms, Seq, Text, WirePunch

T = TypeVar("T", bound=msgspec.Struct)

FORMAT = "kaoqin punches"
VERSION = 1

_Id = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
_Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_Signature = Annotated[str, Meta(pattern="^[0-9a-f]{128}$")]
_Count = Annotated[int, Meta(ge=0)]
_Day = tuple[_Count, Seq, Seq, _Count, _Hash, _Hash, _Signature]
_Punch = tuple[
    Seq,
    _Id,
    Text,
    Ms,
    Ms,
    _Count,
    Annotated[int, Meta(ge=0, le=2)],
    Annotated[int, Meta(ge=1, le=4)],
    Annotated[int, Meta(ge=0, le=2)],
    int | None,
    _Hash,
]


class _Header(msgspec.Struct, frozen=True):
    format: str
    version: int
    terminal_id: Text
    made_ms: Ms
    public_key: _Hash


class _Record(msgspec.Struct, frozen=True):
    """Any line but the first; exactly one of these is set, besides what goes with it."""

    stream: _Id | None = None
    terminal_id: Text | None = None
    pruned: tuple[Seq, Seq, _Hash, _Signature] | None = None
    head: _Day | None = None
    refused: tuple[Seq, str] | None = None
    punch: _Punch | None = None
    signature: _Signature | None = None


class BadExport(Exception):
    """The lines are no whole export; the message names the line."""


@dataclass(slots=True)
class ExportedStream:
    """One stream of the file.

    Attributes:
        punches: in the order of the file, with the number of each one's line in ``lines``.
        refused: codes by seq, as the cloud once answered.
    """

    stream_id: StreamId
    terminal_id: TerminalId
    punches: list[Linked] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    heads: list[Signed[DayHead]] = field(default_factory=list)
    pruned: list[Signed[Pruned]] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)

    def proof(self) -> StreamProof:
        """All that is to be checked of the stream."""
        return StreamProof(self.stream_id, self.terminal_id, self.punches, self.heads, self.pruned)


@dataclass(frozen=True, slots=True)
class Export:
    """A whole file, unchecked; ``terminal_id`` is whose it says it is."""

    terminal_id: TerminalId
    made_ms: int
    public_key: bytes
    streams: tuple[ExportedStream, ...]
    signed: bytes
    signature: bytes


def signed_bytes(digest: bytes) -> bytes:
    """What the terminal signs: the SHA-256 of all lines before the last."""
    return f"kaoqin export 1\n{digest.hex()}".encode()


def read_export(lines: Iterable[bytes]) -> Export:
    """The file in ``lines``, each with its line feed.

    Raises:
        BadExport: it is no such file, it is cut off, or a line cannot be read.
    """
    header: _Header | None = None
    streams: list[ExportedStream] = []
    digest = sha256()
    for number, line in enumerate(lines, 1):
        if header is None:
            header = _header(line)
        else:
            record = _decode(line, _Record, number)
            if record.signature is not None:
                return Export(
                    TerminalId(header.terminal_id),
                    header.made_ms,
                    bytes.fromhex(header.public_key),
                    tuple(streams),
                    signed_bytes(digest.digest()),
                    bytes.fromhex(record.signature),
                )
            _take(streams, record, number)
        digest.update(line)
    raise BadExport("it is cut off: the last line, with the signature, is missing")


def _header(line: bytes) -> _Header:
    header = _decode(line, _Header, 1)
    if header.format != FORMAT:
        raise BadExport(f"line 1: this is not an export of punches but {header.format!r}")
    if header.version != VERSION:
        raise BadExport(f"line 1: version {header.version} of the format is not known here")
    return header


def _take(streams: list[ExportedStream], record: _Record, number: int) -> None:
    if record.stream is not None:
        terminal = TerminalId(record.terminal_id or "")
        streams.append(ExportedStream(StreamId(bytes.fromhex(record.stream)), terminal))
        return
    if not streams:
        raise BadExport(f"line {number}: no stream was named before it")
    stream = streams[-1]
    if record.punch is not None:
        stream.punches.append(_punch(record.punch))
        stream.lines.append(number)
    elif record.head is not None:
        stream.heads.append(_head(stream.stream_id, record.head))
    elif record.pruned is not None:
        first, last, link, signature = record.pruned
        run = Pruned(stream.stream_id, first, last, bytes.fromhex(link))
        stream.pruned.append(Signed(run, bytes.fromhex(signature)))
    elif record.refused is not None:
        stream.refused[record.refused[0]] = record.refused[1]


def _head(stream_id: StreamId, head: _Day) -> Signed[DayHead]:
    day, first, last, count, link, digest, signature = head
    said = DayHead(stream_id, day, first, last, count, bytes.fromhex(link), bytes.fromhex(digest))
    return Signed(said, bytes.fromhex(signature))


def _punch(punch: _Punch) -> Linked:
    seq, punch_id, person, wall_ms, monotonic_ms, boot, clock, method, direction, score, link = punch
    wire = WirePunch(
        *(seq, bytes.fromhex(punch_id), person, wall_ms, monotonic_ms),
        *(boot, clock, method, direction, score),
    )
    return Linked(wire, bytes.fromhex(link))


def _decode(line: bytes, kind: type[T], number: int) -> T:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadExport(f"line {number}: {error}") from error

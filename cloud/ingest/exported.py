"""Punches that came by hand: the signed file a terminal wrote, through the same door as its messages.

What it holds may have arrived long ago or arrive later by itself: either way each punch is stored once. A
terminal that was revoked since, for another took its place, is believed about the time before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, select

from cloud.db.tables import terminals
from cloud.ingest.opening import Message
from cloud.ingest.receive import Received, receive_all
from cloud.sheets import BadSheet, Imported, Outcome, Refused
from models.ids import TerminalId
from models.proof import Fault, IsSigned, check_stream
from models.wire import topics
from models.wire.codec import encode
from models.wire.export import BadExport, Export, ExportedStream, read_export
from models.wire.messages import BATCH_MAX_PUNCHES, VERSION, PunchBatch, WirePunch
from models.wire.topics import Channel

LINE_MAX_BYTES = 4096
_BATCHES_A_CALL = 256
_RENUMBERED = "key_conflict"
"""Such a punch got another number from its terminal: the file has it under that one too."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A punch of the file, and the number of its line."""

    line: int
    punch: WirePunch


@dataclass(frozen=True, slots=True)
class _Known:
    """A terminal with a key; ``revoked_ms`` by our clock."""

    key: bytes
    revoked_ms: int | None


def import_punches(connection: Connection, path: Path, now_ms: int, zone: ZoneInfo) -> Imported:
    """Take the punches of the file, with a verdict on each that was not taken.

    Raises:
        BadSheet: it is no such file, or no terminal known here signed it; nothing of it was taken.
    """
    try:
        with path.open("rb") as file:
            export = read_export(_lines(file))
    except BadExport as error:
        raise BadSheet(str(error)) from error
    except OSError as error:
        raise BadSheet(f"{path}: {error.strerror}") from error
    is_signed = _check(connection, export)
    imported = Imported()
    for stream in export.streams:
        rows = list(_sound(connection, export, stream, is_signed, imported))
        size = BATCH_MAX_PUNCHES * _BATCHES_A_CALL
        for first in range(0, len(rows), size):
            _take(connection, stream, rows[first : first + size], imported, now_ms, zone)
    return imported


def _lines(file: BinaryIO) -> Iterator[bytes]:
    number = 0
    while line := file.readline(LINE_MAX_BYTES + 1):
        number += 1
        if len(line) > LINE_MAX_BYTES:
            raise BadExport(f"line {number}: longer than any line of an export of punches")
        yield line


def _check(connection: Connection, export: Export) -> IsSigned:
    """The check of signatures by the terminal's registered key, which has signed the whole file."""
    known = _registered(connection, export.terminal_id)
    if known is None:
        raise BadSheet(
            f"no terminal {export.terminal_id} with a key is known here: nothing can prove the file"
        )
    if known.key != export.public_key:
        raise BadSheet(f"it is signed with another key than the one registered for {export.terminal_id}")
    public = Ed25519PublicKey.from_public_bytes(known.key)

    def is_signed(message: bytes, signature: bytes) -> bool:
        try:
            public.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    if not is_signed(export.signed, export.signature):
        raise BadSheet("its signature is broken: the file was changed after the terminal wrote it")
    return is_signed


def _registered(connection: Connection, terminal_id: TerminalId) -> _Known | None:
    row = connection.execute(
        select(terminals.c.ledger_key, terminals.c.revoked_ms).where(terminals.c.terminal_id == terminal_id)
    ).one_or_none()
    if row is None or row.ledger_key is None:
        return None
    return _Known(bytes(row.ledger_key), row.revoked_ms)


def _sound(
    connection: Connection,
    export: Export,
    stream: ExportedStream,
    is_signed: IsSigned,
    imported: Imported,
) -> Iterator[_Row]:
    """The rows of a stream up to its first bad record; the others are refused."""
    known = _registered(connection, stream.terminal_id)
    fault = check_stream(stream.proof(), is_signed)
    for line, linked in zip(stream.lines, stream.punches, strict=True):
        punch = linked.punch
        if known is None or known.key != export.public_key:
            reason = f"of terminal {stream.terminal_id}, whose key did not sign it"
        elif fault is not None and punch.seq >= fault.first:
            reason = _why(punch.seq, fault)
        elif known.revoked_ms is not None and punch.wall_ms > known.revoked_ms:
            reason = f"made after terminal {stream.terminal_id} was revoked"
        elif stream.refused.get(punch.seq) == _RENUMBERED:
            continue
        else:
            yield _Row(line, punch)
            continue
        imported.refused.append(Refused(line, "punch", reason))


def _why(seq: int, fault: Fault) -> str:
    if seq <= fault.last:
        return f"not as the terminal wrote it: {fault.what}"
    return f"comes after seq {fault.last}, which is not as the terminal wrote it"


def _take(
    connection: Connection,
    stream: ExportedStream,
    rows: Sequence[_Row],
    imported: Imported,
    now_ms: int,
    zone: ZoneInfo,
) -> None:
    topic = topics.topic(stream.terminal_id, Channel.UP)
    payloads = [
        encode(_batch(stream, rows[first : first + BATCH_MAX_PUNCHES]))
        for first in range(0, len(rows), BATCH_MAX_PUNCHES)
    ]
    messages = [
        Message(topic, payload, retained=True, size=len(payload), by_hand=True) for payload in payloads
    ]
    lines = {row.punch.seq: row.line for row in rows}
    for received in receive_all(connection, messages, now_ms, zone):
        _count(received, lines, imported)


def _batch(stream: ExportedStream, rows: Iterable[_Row]) -> PunchBatch:
    """The batch the terminal would send; its clocks are left out, for it was not sent now."""
    punches = tuple(row.punch for row in rows)
    return PunchBatch(
        version=VERSION,
        terminal_id=stream.terminal_id,
        stream_id=stream.stream_id,
        boot=0,
        sent_ms=0,
        sent_monotonic_ms=0,
        lowest=stream.punches[0].punch.seq,
        highest=stream.punches[-1].punch.seq,
        punches=punches,
    )


def _count(received: Received, lines: dict[int, int], imported: Imported) -> None:
    new = {arrived.key.seq for arrived in received.stored}
    imported.counts[Outcome.NEW] += len(new)
    if received.ack is None:
        return
    for first, last in received.ack.committed:
        imported.counts[Outcome.SAME] += sum(
            seq in lines and seq not in new for seq in range(first, last + 1)
        )
    for refusal in received.ack.refused:
        if refusal.seq in lines:
            imported.refused.append(Refused(lines[refusal.seq], "punch", f"refused: {refusal.code}"))

"""``kaoqin-edge punches export``: everything the ledger keeps, in one signed file that the cloud imports.

A line of JSON for each record, in the order in which they are checked; see docs/reference/export.md.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import apsw
from apsw import Connection

from edge.errors import CannotExport, LedgerUnsafe
from edge.punch import streams
from edge.punch.proving import open_to_read, proof_of, signed_by
from edge.punch.signing import LedgerKey
from edge.punch.streams import Stream
from models.chain import DayHead, Pruned
from models.ids import TerminalId
from models.proof import Fault, Linked, Signed, check_stream
from models.wire.export import FORMAT, VERSION, signed_bytes

Record = dict[str, object]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and the first bad record of each stream that has one: the file holds it as it is."""

    punches: int
    waiting: int
    faults: tuple[Fault, ...]


def export(ledger: Path, key: LedgerKey, file: Path, now_ms: int) -> Exported:
    """Write all of ``ledger`` to the new ``file``, durably; also while the agent uses the ledger.

    Raises:
        CannotExport: the file exists, or cannot be written; then none is left.
        LedgerUnsafe: there is no ledger of this version, or it cannot be read.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotExport(f"cannot write {file}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as out:
            exported = _export(ledger, key, out, now_ms)
            out.flush()
            os.fsync(out.fileno())
    except BaseException as error:
        file.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CannotExport(f"cannot write {file}: {error.strerror}") from error
        if isinstance(error, apsw.Error):
            raise LedgerUnsafe(f"no ledger can be read at {ledger}: {error}") from error
        raise
    return exported


def _export(ledger: Path, key: LedgerKey, out: BinaryIO, now_ms: int) -> Exported:
    db = open_to_read(ledger)
    try:
        db.execute("BEGIN")
        found = streams.read(db)
        digest = hashlib.sha256()
        punches = 0
        for record in _records(db, found, key, now_ms):
            line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            digest.update(line)
            out.write(line)
            punches += "punch" in record
        end = {"end": {"punches": punches}, "signature": key.sign(signed_bytes(digest.digest())).hex()}
        out.write(json.dumps(end, separators=(",", ":")).encode() + b"\n")
        is_signed = signed_by(key.public)
        faults = (check_stream(proof_of(db, stream), is_signed) for stream in found)
        return Exported(
            punches=punches,
            waiting=db.execute("SELECT count(*) FROM punches WHERE acked_ms IS NULL").get,
            faults=tuple(fault for fault in faults if fault is not None),
        )
    finally:
        db.close()


def _records(db: Connection, found: tuple[Stream, ...], key: LedgerKey, now_ms: int) -> Iterator[Record]:
    terminal = found[-1].terminal_id if found else TerminalId("")
    yield {
        "format": FORMAT,
        "version": VERSION,
        "terminal_id": terminal,
        "made_ms": now_ms,
        "public_key": key.public.hex(),
    }
    for stream in found:
        proof = proof_of(db, stream)
        yield {"stream": stream.stream_id.hex(), "terminal_id": stream.terminal_id, "reason": stream.reason}
        yield from (_pruned(run) for run in proof.pruned)
        yield from (_head(head) for head in proof.heads)
        for seq, code in db.execute(
            "SELECT seq, code FROM refused WHERE stream_no = ? ORDER BY seq", (stream.number,)
        ):
            yield {"refused": [seq, code]}
        yield from (_punch(linked) for linked in proof.punches)


def _pruned(run: Signed[Pruned]) -> Record:
    said = run.said
    return {"pruned": [said.first_seq, said.last_seq, said.link.hex(), run.signature.hex()]}


def _head(head: Signed[DayHead]) -> Record:
    said = head.said
    numbers = [said.day, said.first_seq, said.last_seq, said.count]
    return {"head": [*numbers, said.link.hex(), said.digest.hex(), head.signature.hex()]}


def _punch(linked: Linked) -> Record:
    punch = linked.punch
    return {
        "punch": [
            *(punch.seq, punch.punch_id.hex(), punch.person_id, punch.wall_ms, punch.monotonic_ms),
            *(punch.boot, punch.clock, punch.method, punch.direction, punch.score_milli),
            linked.link.hex(),
        ]
    }

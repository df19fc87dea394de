"""``kaoqin-edge punches verify``: is the ledger what this terminal wrote? It only reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw
from apsw import Connection
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge.errors import LedgerUnsafe
from edge.punch import chained, streams
from edge.punch.chained import PUNCH_COLUMNS
from edge.punch.schema import VERSION
from edge.punch.streams import Stream
from models.ids import StreamId
from models.proof import Fault, IsSigned, Linked, Signed, StreamProof, check_against, check_stream
from models.wire.export import BadExport, Export, read_export
from models.wire.messages import WirePunch

_BUSY_MS = 5_000


@dataclass(frozen=True, slots=True)
class Proved:
    """What was looked at, and the first bad record of each stream that has one."""

    punches: int
    days: int
    streams: int
    faults: tuple[Fault, ...]


def verify(path: Path, public: bytes, earlier: Export | None = None) -> Proved:
    """Walk the ledger in ``path``, also while the agent uses it; ``public`` is the key it is signed with.

    ``earlier``, an export of this terminal, shows whether the ledger is an older copy put back.

    Raises:
        LedgerUnsafe: there is no ledger of this version, or it cannot be read.
    """
    try:
        db = open_to_read(path)
        try:
            db.execute("BEGIN")
            return _verify(db, signed_by(public), earlier)
        finally:
            db.close()
    except apsw.Error as error:
        raise LedgerUnsafe(f"no ledger can be read at {path}: {error}") from error


def open_to_read(path: Path) -> Connection:
    """A connection that can neither write nor checkpoint.

    Raises:
        LedgerUnsafe: there is no ledger of this version.
        apsw.Error: the file cannot be read.
    """
    db = Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    db.set_busy_timeout(_BUSY_MS)
    version = db.pragma("user_version")
    if version != VERSION:
        db.close()
        raise LedgerUnsafe(f"{path} is of version {version}, not {VERSION}: start the agent once")
    return db


def signed_by(public: bytes) -> IsSigned:
    """The check of signatures by the key ``public``, 32 raw bytes."""
    key = Ed25519PublicKey.from_public_bytes(public)

    def is_signed(message: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return is_signed


def proof_of(db: Connection, stream: Stream) -> StreamProof:
    """All that the ledger keeps of a stream; punches are read as they are walked."""
    return StreamProof(
        stream.stream_id,
        stream.terminal_id,
        _linked(db, stream),
        [Signed(*each) for each in chained.heads(db, stream)],
        [Signed(*each) for each in chained.pruned(db, stream)],
    )


def _linked(db: Connection, stream: Stream) -> Iterator[Linked]:
    for *punch, link in db.execute(
        f"SELECT {PUNCH_COLUMNS}, link FROM punches WHERE stream_no = ? ORDER BY seq",  # noqa: S608 - constants
        (stream.number,),
    ):
        yield Linked(WirePunch(*punch), link)


def read_earlier(file: Path) -> Export:
    """The export in ``file``.

    Raises:
        LedgerUnsafe: it cannot be read, or is none.
    """
    try:
        with file.open("rb") as lines:
            return read_export(lines)
    except OSError as error:
        raise LedgerUnsafe(f"cannot read {file}: {error.strerror}") from error
    except BadExport as error:
        raise LedgerUnsafe(f"{file} is no export of punches: {error}") from error


def _verify(db: Connection, is_signed: IsSigned, earlier: Export | None) -> Proved:
    found = streams.read(db)
    faults = [check_stream(proof_of(db, stream), is_signed) for stream in found]
    faults += _gaps(found)
    faults += _strays(db)
    if earlier is not None:
        faults += _older(db, found, earlier, is_signed)
    return Proved(
        punches=db.execute("SELECT count(*) FROM punches").get,
        days=db.execute("SELECT count(*) FROM heads").get,
        streams=len(found),
        faults=tuple(fault for fault in faults if fault is not None),
    )


def _gaps(found: tuple[Stream, ...]) -> Iterator[Fault]:
    """Streams are numbered without gaps: one that is missing was taken out with all its punches."""
    for expected, stream in enumerate(found, 1):
        if stream.number != expected:
            yield Fault(stream.stream_id, 1, 1, f"stream number {expected} of this ledger is missing")
            return


def _strays(db: Connection) -> Iterator[Fault]:
    """Records of a stream that is not there."""
    for table in ("punches", "heads", "pruned"):
        for (number,) in db.execute(
            f"SELECT DISTINCT stream_no FROM {table} WHERE stream_no NOT IN (SELECT stream_no FROM streams)"  # noqa: S608 - constants
        ):
            yield Fault(StreamId(b""), 1, 1, f"{table} of stream number {number}, which is missing")


def _older(
    db: Connection, found: tuple[Stream, ...], earlier: Export, is_signed: IsSigned
) -> Iterator[Fault | None]:
    """What was exported once and is not here."""
    numbers = {stream.stream_id: stream.number for stream in found}
    for stream in earlier.streams:
        number = numbers.get(stream.stream_id, 0)

        def link_at(seq: int, number: int = number) -> bytes | None:
            kept: bytes | None = db.execute(
                "SELECT link FROM punches WHERE stream_no = ? AND seq = ?", (number, seq)
            ).get
            return kept

        highest = db.execute("SELECT max(seq) FROM punches WHERE stream_no = ?", (number,)).get or 0
        yield check_against(stream.stream_id, highest, link_at, stream.heads, is_signed)

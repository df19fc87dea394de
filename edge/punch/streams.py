"""The SQL of the ledger's streams and boots."""

from __future__ import annotations

from dataclasses import dataclass

from apsw import Connection

from models.ids import StreamId, TerminalId

FIRST = "first"
"""Why a stream was opened: the ledger was made with it."""

MOVED = "moved"
"""... the ledger came from another machine or disk, or the terminal was claimed anew."""

CONFLICT = "conflict"
"""... the cloud knows other punches under this stream's numbers: an old copy of the file was put back."""

BEHIND = "behind"
"""... the cloud has heard of punches that this file never had: an old copy of it was put back."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A row of ``streams``; ``number`` is only this file's."""

    number: int
    stream_id: StreamId
    terminal_id: TerminalId
    machine_id: str
    storage_id: str
    reason: str


def add(
    db: Connection,
    stream_id: StreamId,
    terminal_id: TerminalId,
    place: tuple[str, str],
    reason: str,
) -> Stream:
    """Begin a stream on the machine and disk ``place``; from now on punches are added to it."""
    db.execute(
        "INSERT INTO streams (stream_id, terminal_id, machine_id, storage_id, reason) VALUES (?, ?, ?, ?, ?)",
        (stream_id, terminal_id, *place, reason),
    )
    return Stream(db.last_insert_rowid(), stream_id, terminal_id, *place, reason)


def read(db: Connection) -> tuple[Stream, ...]:
    """All streams, oldest first."""
    found = db.execute(
        "SELECT stream_no, stream_id, terminal_id, machine_id, storage_id, reason FROM streams "
        "ORDER BY stream_no"
    )
    return tuple(Stream(*row) for row in found)


def settle(db: Connection, stream_no: int, storage_id: str) -> None:
    """Keep on which disk a stream of an older ledger is: it was not noted then."""
    db.execute("UPDATE streams SET storage_id = ? WHERE stream_no = ?", (storage_id, stream_no))


def begin_boot(db: Connection, boot_id: str) -> int:
    """The number of this boot: the newest one's if ``boot_id`` is its, else the next."""
    newest = db.execute("SELECT boot, boot_id FROM boots ORDER BY boot DESC LIMIT 1").get
    if newest and newest[1] == boot_id:
        return int(newest[0])
    boot = int(newest[0]) + 1 if newest else 1
    db.execute("INSERT INTO boots (boot, boot_id) VALUES (?, ?)", (boot, boot_id))
    return boot

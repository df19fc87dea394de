"""Input that cannot be taken as it is waits here, visibly, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from sqlalchemy import Connection

from cloud.db import direct
from cloud.db.bulk import Into, Row, insert_rows

KEPT_BYTES = 4_096
"""Of a payload; more does not help anybody to see what is wrong with it."""
_WAITING_MAX = 1_000
"""A sender that only produces rubbish must not fill the disk."""

_INTO = Into(
    "quarantine",
    (
        *("received_ms", "topic", "terminal_id", "stream_id", "seq"),
        *("code", "reason", "payload", "person_id", "digest"),
    ),
    "ON CONFLICT (digest) DO NOTHING",
)
_WAITING = "SELECT count(*) FROM quarantine WHERE terminal_id = ? AND seq IS NULL"
_WAITING_OF_NOBODY = "SELECT count(*) FROM quarantine WHERE terminal_id IS NULL AND seq IS NULL"


class Code(StrEnum):
    """Why input was put aside; told to the terminal where there is one."""

    MALFORMED = "malformed"
    UNKNOWN_TERMINAL = "unknown_terminal"
    REVOKED_TERMINAL = "revoked_terminal"
    FOREIGN_TERMINAL = "foreign_terminal"
    KEY_CONFLICT = "key_conflict"
    ID_CONFLICT = "id_conflict"
    ALREADY_STORED = "already_stored"
    UNKNOWN_PERSON = "unknown_person"
    IMPOSSIBLE_TIME = "impossible_time"
    DAY_DIFFERS = "day_differs"
    OLDER_COPY = "older_copy"


@dataclass(frozen=True, slots=True)
class PutAside:
    """One thing put aside; ``payload`` is what came, or a part of it.

    ``terminal_id``: whose topic it came by. ``stream_id``, ``seq``: its place, as far as it could be read.
    """

    code: Code
    reason: str
    payload: bytes
    topic: str
    terminal_id: str | None = None
    stream_id: bytes | None = None
    seq: int | None = None
    person_id: str | None = None

    def digest(self) -> bytes:
        """Equal for the same thing sent again."""
        place = f"{self.topic}\n{self.code}\n{self.stream_id!r}\n{self.seq}\n".encode()
        return blake2b(place + self.payload, digest_size=16).digest()


def put_aside(connection: Connection, things: Sequence[PutAside], now_ms: int) -> None:
    """Keep ``things``; what waits already is not kept twice."""
    kept = [thing for thing in things if thing.seq is not None or not _flooded(connection, thing)]
    if not kept:
        return
    rows: list[Row] = [
        (
            now_ms,
            thing.topic[:200],
            thing.terminal_id,
            thing.stream_id,
            thing.seq,
            thing.code.value,
            thing.reason[:500],
            thing.payload[:KEPT_BYTES],
            thing.person_id,
            thing.digest(),
        )
        for thing in kept
    ]
    insert_rows(connection, _INTO, rows)


def _flooded(connection: Connection, thing: PutAside) -> bool:
    if thing.terminal_id is None:
        [(waiting,)] = direct.rows(connection, _WAITING_OF_NOBODY)
    else:
        [(waiting,)] = direct.rows(connection, _WAITING, (thing.terminal_id,))
    return bool(waiting >= _WAITING_MAX)

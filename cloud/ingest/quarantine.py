"""Input that cannot be taken as it is waits here, visibly, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from sqlalchemy import Connection, func, select

from cloud.db.tables import quarantine
from cloud.db.upsert import insert

KEPT_BYTES = 4_096
"""Of a payload; more does not help anybody to see what is wrong with it."""
_WAITING_MAX = 1_000
"""A sender that only produces rubbish must not fill the disk."""


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
    rows = [
        {
            "received_ms": now_ms,
            "topic": thing.topic[:200],
            "terminal_id": thing.terminal_id,
            "stream_id": thing.stream_id,
            "seq": thing.seq,
            "code": thing.code.value,
            "reason": thing.reason[:500],
            "payload": thing.payload[:KEPT_BYTES],
            "person_id": thing.person_id,
            "digest": thing.digest(),
        }
        for thing in kept
    ]
    connection.execute(insert(connection, quarantine).on_conflict_do_nothing(index_elements=["digest"]), rows)


def _flooded(connection: Connection, thing: PutAside) -> bool:
    waiting = connection.execute(
        select(func.count())
        .select_from(quarantine)
        .where(quarantine.c.terminal_id == thing.terminal_id, quarantine.c.seq.is_(None))
    ).scalar_one()
    return waiting >= _WAITING_MAX

"""Punches into the table, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, tuple_

from cloud.db.bulk import Into, Row, insert_new
from cloud.db.tables import punches
from models.wire.messages import WirePunch

_KEYS_A_QUERY = 2_000

_INTO = Into("punches", tuple(punches.c.keys()))
_KEY = punches.c.terminal_id, punches.c.stream_id, punches.c.seq
_IDS = select(*_KEY, punches.c.punch_id).where(tuple_(*_KEY).in_(bindparam("keys", expanding=True)))


class Key(NamedTuple):
    """The identity of a punch."""

    terminal_id: str
    stream_id: bytes
    seq: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """A punch that arrived, with the instant (ms) the cloud takes it for."""

    key: Key
    wire: WirePunch
    at_ms: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What the table holds after ``store``: the id under each key asked for, and which keys are new."""

    ids: dict[Key, bytes]
    new: frozenset[Key]


def store(connection: Connection, arrived: Sequence[Arrived], now_ms: int) -> Stored:
    """Insert what is not there yet; nothing stored is ever changed."""
    first: dict[Key, Arrived] = {}
    for one in arrived:
        first.setdefault(one.key, one)
    if not first:
        return Stored({}, frozenset())
    ids = {key: one.wire.punch_id for key, one in first.items()}
    inserted = insert_new(connection, _INTO, Key._fields, [_row(first[key], now_ms) for key in sorted(first)])
    if inserted is None:
        return Stored(ids, frozenset(first))
    new = frozenset(Key(*key) for key in inserted)  # type: ignore[arg-type]
    return Stored(ids | _ids(connection, [key for key in first if key not in new]), new)


def _ids(connection: Connection, keys: Sequence[Key]) -> dict[Key, bytes]:
    found: dict[Key, bytes] = {}
    for start in range(0, len(keys), _KEYS_A_QUERY):
        rows = connection.execute(_IDS, {"keys": keys[start : start + _KEYS_A_QUERY]})
        found |= {Key(terminal, stream, seq): punch_id for terminal, stream, seq, punch_id in rows}
    return found


def _row(one: Arrived, now_ms: int) -> Row:
    wire = one.wire
    return (
        *one.key,
        wire.punch_id,
        wire.person_id,
        wire.wall_ms,
        wire.monotonic_ms,
        wire.boot,
        wire.clock,
        one.at_ms,
        wire.method,
        wire.direction,
        wire.score_milli,
        now_ms,
    )

"""Punches into the table, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, select, tuple_

from cloud.db.bulk import Row, insert_rows
from cloud.db.tables import punches
from cloud.db.upsert import insert
from models.wire.messages import WirePunch

_KEYS_A_QUERY = 2_000

_COLUMNS = tuple(punches.c.keys())
_KEY = punches.c.terminal_id, punches.c.stream_id, punches.c.seq


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
    """Insert what is not there yet; nothing stored is ever changed.

    Rows go in by key order, so that two workers with the same punches cannot block each other for ever.
    """
    first: dict[Key, Arrived] = {}
    for one in arrived:
        first.setdefault(one.key, one)
    if not first:
        return Stored({}, frozenset())
    ordered = [first[key] for key in sorted(first)]
    # Nearly always everything is new, and one statement is all it takes.
    with connection.begin_nested() as savepoint:
        if _insert(connection, ordered, now_ms) == len(ordered):
            return Stored({key: one.wire.punch_id for key, one in first.items()}, frozenset(first))
        savepoint.rollback()
    before = _ids(connection, list(first))
    _insert(connection, [one for one in ordered if one.key not in before], now_ms)
    after = _ids(connection, [key for key in first if key not in before])
    mine = frozenset(key for key, punch_id in after.items() if punch_id == first[key].wire.punch_id)
    return Stored(before | after, mine)


def _insert(connection: Connection, arrived: Sequence[Arrived], now_ms: int) -> int:
    statement = insert(connection, punches).on_conflict_do_nothing(index_elements=list(_KEY))
    return insert_rows(connection, statement, _COLUMNS, [_row(one, now_ms) for one in arrived])


def _ids(connection: Connection, keys: Sequence[Key]) -> dict[Key, bytes]:
    found: dict[Key, bytes] = {}
    for start in range(0, len(keys), _KEYS_A_QUERY):
        rows = connection.execute(
            select(*_KEY, punches.c.punch_id).where(tuple_(*_KEY).in_(keys[start : start + _KEYS_A_QUERY]))
        )
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

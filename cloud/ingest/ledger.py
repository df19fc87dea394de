"""Punches into the table, each once: by its key, and by its id among the punches of its terminal.

A copy of a ledger may give a punch another key. Its id stays, and the table has a unique index on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, select, tuple_

from cloud.db.bulk import Into, Row, insert_new
from cloud.db.tables import punches
from models.wire.messages import WirePunch

_KEYS_A_QUERY = 2_000

_INTO = Into("punches", tuple(punches.c.keys()))
_KEY = punches.c.terminal_id, punches.c.stream_id, punches.c.seq
_ID = punches.c.punch_id, punches.c.terminal_id
WIRE = (
    punches.c.seq,
    punches.c.punch_id,
    punches.c.person_id,
    punches.c.wall_ms,
    punches.c.monotonic_ms,
    punches.c.boot,
    punches.c.clock,
    punches.c.method,
    punches.c.direction,
    punches.c.score_milli,
)
"""The columns of a punch as its terminal sent it, in the order of ``WirePunch``."""
_WHOLE = select(punches.c.terminal_id, punches.c.stream_id, *WIRE)
_BY_KEY = _WHOLE.where(tuple_(*_KEY).in_(bindparam("wanted", expanding=True)))
_BY_ID = _WHOLE.where(tuple_(*_ID).in_(bindparam("wanted", expanding=True)))


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
    """What the table holds after ``store``, of each key asked for.

    Attributes:
        new: the keys that are stored now.
        held: the punch under the key, new or not.
        elsewhere: where nothing is under the key: the key that has a punch of this id, and that punch.
    """

    new: frozenset[Key]
    held: dict[Key, WirePunch]
    elsewhere: dict[Key, tuple[Key, WirePunch]] = field(default_factory=dict)


def store(connection: Connection, arrived: Sequence[Arrived], now_ms: int) -> Stored:
    """Insert what is not there yet; nothing stored is ever changed."""
    first: dict[Key, Arrived] = {}
    for one in arrived:
        first.setdefault(one.key, one)
    if not first:
        return Stored(frozenset(), {})
    inserted = insert_new(connection, _INTO, Key._fields, [_row(first[key], now_ms) for key in sorted(first)])
    if inserted is None:
        return Stored(frozenset(first), {key: one.wire for key, one in first.items()})
    new = frozenset(Key(*key) for key in inserted)  # type: ignore[arg-type]
    old = _found(connection, _BY_KEY, [key for key in first if key not in new])
    held = {key: first[key].wire for key in new} | dict(old)
    others = {key: (first[key].wire.punch_id, key.terminal_id) for key in first if key not in held}
    known = with_ids(connection, list(others.values()))
    return Stored(new, held, {key: known[who] for key, who in others.items()})


def with_ids(
    connection: Connection, wanted: Sequence[tuple[bytes, str]]
) -> dict[tuple[bytes, str], tuple[Key, WirePunch]]:
    """The stored punches of these ids and terminals, with their keys."""
    found = _found(connection, _BY_ID, wanted)
    return {(wire.punch_id, key.terminal_id): (key, wire) for key, wire in found}


def _found(
    connection: Connection, query: Select[Any], wanted: Sequence[tuple[object, ...]]
) -> list[tuple[Key, WirePunch]]:
    found: list[tuple[Key, WirePunch]] = []
    for start in range(0, len(wanted), _KEYS_A_QUERY):
        rows = connection.execute(query, {"wanted": wanted[start : start + _KEYS_A_QUERY]})
        found += [
            (Key(terminal, stream, seq), WirePunch(seq, *rest)) for terminal, stream, seq, *rest in rows
        ]
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

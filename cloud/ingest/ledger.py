"""Punches into the table, each once: by its key, and by its id among the punches of its terminal.

A copy of a ledger may give a punch another key. Its id stays, and the table has a unique index on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from cloud.db import direct
from cloud.db.bulk import Into, Row, insert_new
from cloud.db.direct import Value
from cloud.db.tables import punches
from models.wire.messages import WirePunch

_INTO = Into("punches", tuple(punches.c.keys()))
WIRE = (
    *("seq", "punch_id", "person_id", "wall_ms", "monotonic_ms", "boot"),
    *("clock", "method", "direction", "score_milli"),
)
"""The columns of a punch as its terminal sent it, in the order of ``WirePunch``."""
_WHOLE = f"SELECT terminal_id, stream_id, {', '.join(WIRE)} FROM punches WHERE"  # noqa: S608 - names of ours
_KEY, _ID = ("terminal_id", "stream_id", "seq"), ("punch_id", "terminal_id")


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
    old = _found(connection, _KEY, [key for key in first if key not in new])
    held = {key: first[key].wire for key in new} | dict(old)
    others = {key: (first[key].wire.punch_id, key.terminal_id) for key in first if key not in held}
    known = with_ids(connection, list(others.values()))
    return Stored(new, held, {key: known[who] for key, who in others.items()})


def with_ids(
    connection: Connection, wanted: Sequence[tuple[bytes, str]]
) -> dict[tuple[bytes, str], tuple[Key, WirePunch]]:
    """The stored punches of these ids and terminals, with their keys."""
    found = _found(connection, _ID, wanted)
    return {(wire.punch_id, key.terminal_id): (key, wire) for key, wire in found}


def _found(
    connection: Connection, columns: tuple[str, ...], wanted: Sequence[tuple[Value, ...]]
) -> list[tuple[Key, WirePunch]]:
    rows = direct.rows_of(connection, _WHOLE, columns, wanted)
    return [(Key(terminal, stream, seq), WirePunch(seq, *rest)) for terminal, stream, seq, *rest in rows]


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

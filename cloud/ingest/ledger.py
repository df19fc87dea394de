"""Punches into the table, each once: by its key, and by its id among the punches of its terminal.

A copy of a ledger may give a punch another key. Its id stays, and the table has a unique index on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import NamedTuple, cast

from sqlalchemy import Connection

from cloud.db import direct
from cloud.db.bulk import Into, insert_new
from cloud.db.direct import Value
from models.wire.messages import WirePunch

WIRE = (
    *("seq", "punch_id", "person_id", "wall_ms", "monotonic_ms", "boot"),
    *("clock", "method", "direction", "score_milli"),
)
"""The columns of a punch as its terminal sent it, in the order of ``WirePunch``."""
_WHOLE = f"SELECT terminal_id, stream_id, {', '.join(WIRE)} FROM punches WHERE"  # noqa: S608 - names of ours
_ID = "punch_id", "terminal_id"


class Key(NamedTuple):
    """The identity of a punch."""

    terminal_id: str
    stream_id: bytes
    seq: int


class Arrived(NamedTuple):
    """A punch that arrived, as the row it becomes; ``at_ms`` is the instant the cloud takes it for.

    From ``seq`` to ``score_milli`` it is a ``WirePunch``, field by field: made so, a row costs a third.
    """

    terminal_id: str
    stream_id: bytes
    seq: int
    punch_id: bytes
    person_id: str
    wall_ms: int
    monotonic_ms: int
    boot: int
    clock: int
    method: int
    direction: int
    score_milli: int | None
    at_ms: int
    received_ms: int

    @property
    def key(self) -> Key:
        """Its identity."""
        return Key(*self[:3])

    @property
    def wire(self) -> WirePunch:
        """What its terminal sent."""
        return WirePunch(*self[2:12])


arrived_of = cast("Callable[[tuple[Value, ...]], Arrived]", partial(tuple.__new__, Arrived))
"""One with these values: ``_make`` without counting them, which is dear for every punch."""
_INTO = Into("punches", Arrived._fields)
_KEY_OF = itemgetter(0, 1, 2)
"""A plain tuple that equals the ``Key``: made for every punch, it costs a tenth."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the table holds after ``store``, of each key asked for.

    Attributes:
        new: what is stored now.
        held: the punch under a key that was there before.
        elsewhere: where nothing is under the key: the key that has a punch of this id, and that punch.
        is_all_new: whether all that arrived is in ``new``.
    """

    new: Mapping[Key, Arrived]
    held: Mapping[Key, WirePunch] = field(default_factory=dict)
    elsewhere: Mapping[Key, tuple[Key, WirePunch]] = field(default_factory=dict)
    is_all_new: bool = False


def store(connection: Connection, arrived: Sequence[Arrived]) -> Stored:
    """Insert what is not there yet; nothing stored is ever changed. Of equal keys the first one counts."""
    backwards = arrived[::-1]
    first = cast("dict[Key, Arrived]", dict(zip(map(_KEY_OF, backwards), backwards, strict=True)))
    if not first:
        return Stored({})
    inserted = insert_new(connection, _INTO, Key._fields, [first[key] for key in sorted(first)])
    if inserted is None:
        return Stored(first, is_all_new=len(first) == len(arrived))
    new = {key: first[key] for key in map(Key._make, inserted)}
    held = dict(_found(connection, Key._fields, [key for key in first if key not in new]))
    others = {
        key: (one.punch_id, one.terminal_id)
        for key, one in first.items()
        if key not in new and key not in held
    }
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
    return [
        (Key(terminal, stream, seq), WirePunch(seq, *rest))
        for terminal, stream, seq, *rest in direct.rows_of(connection, _WHOLE, columns, wanted)
    ]

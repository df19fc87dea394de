"""Rosters of many people, the newest known entry of each date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection, select

from cloud.db.tables import roster_entries
from models.ids import PersonId

_PEOPLE_A_QUERY = 500

Names = tuple[str, ...]
Rosters = dict[PersonId, dict[date, Names]]


def read_rosters(
    connection: Connection, who: Collection[PersonId] | None, first: date, last: date
) -> Rosters:
    """Shifts by person and date from ``first`` to ``last``, both in; ``who`` None: of everybody."""
    table = roster_entries.c
    query = (
        select(table.person_id, table.date, table.shifts)
        .where(table.date.between(first, last))
        .order_by(table.person_id, table.date, table.known_ms)
    )
    found: defaultdict[PersonId, dict[date, Names]] = defaultdict(dict)
    asked = sorted(who) if who is not None else [None]
    for start in range(0, len(asked), _PEOPLE_A_QUERY):
        part = (
            query if who is None else query.where(table.person_id.in_(asked[start : start + _PEOPLE_A_QUERY]))
        )
        for person, day, names in connection.execute(part):
            found[PersonId(person)][day] = tuple(names)
    return dict(found)

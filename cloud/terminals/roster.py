"""Whom a terminal may know."""

from __future__ import annotations

from datetime import date
from hashlib import blake2b

import msgspec
from sqlalchemy import Connection, func, or_, select

from cloud.db.tables import people
from models.wire.messages import Roster, RosterPerson

_VERSION_BYTES = 16


def roster(connection: Connection, site: str, zone: str, today: date) -> Roster:
    """Everybody employed on ``today`` or later, for a terminal at ``site``.

    People of other sites are included: who visits punches there, and the rules note it.
    ``version`` depends on nothing but the content.
    """
    rows = connection.execute(
        select(people.c.person_id, people.c.employee_no, people.c.name, people.c.language, people.c.pin_hash)
        .where(or_(people.c.last_day.is_(None), people.c.last_day >= today))
        .order_by(people.c.employee_no)
    )
    known = tuple(RosterPerson(*row) for row in rows)
    content = msgspec.json.encode((site, zone, known))
    return Roster(blake2b(content, digest_size=_VERSION_BYTES).hexdigest(), site, zone, known)


def people_changed(connection: Connection) -> tuple[int, int]:
    """A value that differs after any change of people: how many, and the last change in ms."""
    row = connection.execute(select(func.count(), func.coalesce(func.max(people.c.updated_ms), 0))).one()
    return row[0], row[1]

"""Who is judged by which group, as it is and as a draft would have it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from cloud.db.tables import people
from cloud.rulebook.draft import Draft
from models.ids import PersonId


@dataclass(frozen=True, slots=True)
class Member:
    """A person, the group they are in now and the one they would be in, and when they are employed."""

    person_id: PersonId
    group_id: str | None
    new_group_id: str | None
    hire: date | None
    last_day: date | None

    def employed(self, day: date) -> bool:
        """Whether ``day`` is within the contract."""
        return (self.hire is None or self.hire <= day) and (self.last_day is None or day <= self.last_day)


def read_members(connection: Connection, draft: Draft) -> list[Member]:
    """Everybody."""
    table = people.c
    rows = connection.execute(
        select(table.person_id, table.group_id, table.hire_date, table.last_day).order_by(table.person_id)
    )
    return [
        Member(PersonId(person), group, draft.groups.get(PersonId(person), group), hire, last_day)
        for person, group, hire, last_day in rows
    ]

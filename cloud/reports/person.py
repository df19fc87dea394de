"""One person's month and their newest punch."""

from __future__ import annotations

from sqlalchemy import Connection

from cloud.db.tables import people
from cloud.reports.dates import Month
from cloud.reports.month import PersonMonth, month_rows
from cloud.reports.people import find_person
from cloud.reports.scope import Scope


def person_month(connection: Connection, scope: Scope, person_id: str, month: Month) -> PersonMonth | None:
    """The month of one person, whether employed in it or not; None if the scope has no such person."""
    if find_person(connection, scope, person_id) is None:
        return None
    return next(month_rows(connection, month, people.c.person_id == person_id), None)

"""Days that changed after their month was closed: where adjustments are looked for."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete

from cloud.attendance.periods import closings
from cloud.attendance.stale import PersonDay
from cloud.db.tables import late_days
from cloud.db.upsert import insert
from cloud.reports.dates import Month, month_of


def note_late(connection: Connection, changed: Sequence[PersonDay]) -> None:
    """Note those of ``changed`` that lie in a closed month.

    Call it after their new results have been written: a closing that goes on meanwhile is then either over
    and seen here, or has yet to copy the new results.
    """
    if not changed:
        return
    closed = closings(connection)
    rows = [{"person_id": person, "date": day} for person, day in changed if month_of(day) in closed]
    if rows:
        statement = insert(connection, late_days)
        connection.execute(statement.on_conflict_do_nothing(index_elements=["person_id", "date"]), rows)


def forget_late(connection: Connection, month: Month) -> None:
    """Nothing is late for ``month``: what is known of it now is being frozen."""
    connection.execute(delete(late_days).where(late_days.c.date.between(month.first, month.last)))

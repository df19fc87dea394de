"""Days that changed after their month was closed: where adjustments are looked for."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete

from cloud.attendance.periods import CLOSED_MONTHS
from cloud.attendance.stale import PersonDay
from cloud.db import direct
from cloud.db.bulk import Into, insert_rows
from cloud.db.tables import late_days
from cloud.reports.dates import Month, month_of

_LATE = Into("late_days", ("person_id", "date"))


def note_late(connection: Connection, changed: Sequence[PersonDay]) -> None:
    """Note those of ``changed`` that lie in a closed month.

    Call it after their new results have been written: a closing that goes on meanwhile is then either over
    and seen here, or has yet to copy the new results.
    """
    if not changed:
        return
    closed = {month for (month,) in direct.rows(connection, CLOSED_MONTHS)}
    if closed:
        insert_rows(
            connection,
            _LATE,
            [(person, day.isoformat()) for person, day in changed if str(month_of(day)) in closed],
        )


def forget_late(connection: Connection, month: Month) -> None:
    """Nothing is late for ``month``: what is known of it now is being frozen."""
    connection.execute(delete(late_days).where(late_days.c.date.between(month.first, month.last)))

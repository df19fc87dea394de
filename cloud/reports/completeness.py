"""How complete a month is: what its days still wait for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, literal_column, select
from sqlalchemy.sql.selectable import FromClause

from cloud.db.tables import attendance_days, coverage, office_records, people, stale_days
from cloud.reports.dates import Month
from cloud.reports.fleet import Door
from cloud.reports.scope import Everyone, Scope, within
from models.attendance import DayState
from models.office import RecordStatus


@dataclass(frozen=True, slots=True)
class Completeness:
    """What stands between a month and its last word.

    Attributes:
        silent: terminals that may still hold punches of the month.
        pending_n: days that wait for them.
        undecided_n: forms of the month that nobody has decided.
        stale_n: days about to be judged again.
        first: the first date of the month that anybody has a result for; None: none has.
    """

    silent: tuple[Door, ...]
    pending_n: int
    undecided_n: int
    stale_n: int
    first: date | None

    @property
    def complete(self) -> bool:
        """Nothing is awaited, of a month that has results."""
        return self.first is not None and not (
            self.silent or self.pending_n or self.undecided_n or self.stale_n
        )


def completeness(connection: Connection, scope: Scope, month: Month, silent: list[Door]) -> Completeness:
    """The completeness of ``month`` for the people of ``scope``; ``silent`` from :func:`silent_doors`."""
    # No condition on the date, and "final" written out: so the small index of open days serves, not that of
    # all dates.
    pending = (
        select(attendance_days.c.date, func.count())
        .select_from(_with_people(attendance_days, scope))
        .where(
            attendance_days.c.state != literal_column(f"'{DayState.FINAL}'"),
            attendance_days.c.state == DayState.PENDING_DATA,
            within(scope),
        )
        .group_by(attendance_days.c.date)
    )
    stale = (
        select(func.count())
        .select_from(_with_people(stale_days, scope))
        .where(stale_days.c.date.between(month.first, month.last), _covered(), within(scope))
    )
    return Completeness(
        silent=tuple(silent),
        pending_n=sum(n for day, n in connection.execute(pending) if month.first <= day <= month.last),
        undecided_n=connection.execute(_undecided(scope, month)).scalar_one(),
        stale_n=connection.execute(stale).scalar_one(),
        first=first_result(connection, month),
    )


def first_result(connection: Connection, month: Month) -> date | None:
    """The first date of a month that anybody has a result for: there is none before the first punch."""
    of_month = attendance_days.c.date.between(month.first, month.last)
    first: date | None = connection.execute(select(func.min(attendance_days.c.date)).where(of_month)).scalar()
    return first


def _covered() -> ColumnElement[bool]:
    """A fact of today also marks tomorrow, which is judged when it comes: nobody waits for that now."""
    return stale_days.c.date.between(
        select(coverage.c.first).scalar_subquery(), select(coverage.c.last).scalar_subquery()
    )


def _undecided(scope: Scope, month: Month) -> Select[int]:
    newer = office_records.alias("newer")
    return (
        select(func.count())
        .select_from(_with_people(office_records, scope))
        .where(
            office_records.c.status == RecordStatus.PENDING,
            office_records.c.first <= month.last,
            office_records.c.last >= month.first,
            within(scope),
            ~exists(
                select(newer.c.version).where(
                    and_(
                        newer.c.source == office_records.c.source,
                        newer.c.source_id == office_records.c.source_id,
                        newer.c.version > office_records.c.version,
                    )
                )
            ),
        )
    )


def _with_people(table: FromClause, scope: Scope) -> FromClause:
    return (
        table if isinstance(scope, Everyone) else table.join(people, people.c.person_id == table.c.person_id)
    )

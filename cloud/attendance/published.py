"""The one door to results: of a closed month what was frozen, of any other what is known now (M4)."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from sqlalchemy import ColumnElement, Connection, Select, Subquery, not_, select, union_all

from cloud.attendance.periods import closing_of, closings
from cloud.db.tables import attendance_days, closed_days, closed_people, people
from cloud.reports.dates import Month
from cloud.reports.people import employed_in

_COLUMNS = ("person_id", "date", "result", "input_hash", "judged_ms")


def published_days(connection: Connection, first: date, last: date) -> Subquery:
    """Results from ``first`` to ``last``, both in, to select from.

    Columns: person_id, date, result, input_hash, judged_ms; as in ``attendance_days``.
    """
    closed = closings(connection, first, last)
    live = select(*(attendance_days.c[name] for name in _COLUMNS)).where(
        attendance_days.c.date.between(first, last),
        *(not_(attendance_days.c.date.between(one.month.first, one.month.last)) for one in closed),
    )
    if not closed:
        return live.subquery("days")
    frozen = select(*(closed_days.c[name] for name in _COLUMNS)).where(
        closed_days.c.event_id.in_([one.event_id for one in closed])
    )
    if closed[0].month.first < first or last < closed[-1].month.last:
        frozen = frozen.where(closed_days.c.date.between(first, last))
    parts: list[Select[tuple[object, ...]]] = [frozen]
    if not _all_closed([one.month for one in closed], first, last):
        parts.append(live)
    return (union_all(*parts) if len(parts) > 1 else frozen).subquery("days")


def people_in(connection: Connection, month: Month) -> ColumnElement[bool]:
    """The condition on ``people`` for who belongs to ``month``: for good, once it is closed."""
    closing = closing_of(connection, month)
    if closing is None:
        return employed_in(month)
    frozen = select(closed_people.c.person_id).where(
        closed_people.c.event_id == closing.event_id, closed_people.c.employed
    )
    return people.c.person_id.in_(frozen)


def _all_closed(months: list[Month], first: date, last: date) -> bool:
    """Whether closed ``months``, in order, leave no date of the span open."""
    whole = months[0].first <= first and last <= months[-1].last
    return whole and all(one.next == two for one, two in pairwise(months))

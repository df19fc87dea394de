"""The one door to results: of a closed month what was frozen, of any other what is known now (M4)."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from sqlalchemy import ColumnElement, Subquery, not_, select, union_all

from cloud.attendance.periods import Closings
from cloud.db.tables import attendance_days, closed_days, closed_people, people
from cloud.reports.dates import Month
from cloud.reports.people import employed_in

_COLUMNS = ("person_id", "date", "result", "input_hash", "judged_ms")


def published_days(closed: Closings, first: date, last: date) -> Subquery:
    """Results from ``first`` to ``last``, both in, to select from.

    Columns: person_id, date, result, input_hash, judged_ms; as in ``attendance_days``.
    """
    frozen_months = [month for month in closed if month.first <= last and first <= month.last]
    live = select(*(attendance_days.c[name] for name in _COLUMNS)).where(
        attendance_days.c.date.between(first, last),
        *(not_(attendance_days.c.date.between(month.first, month.last)) for month in frozen_months),
    )
    if not frozen_months:
        return live.subquery("days")
    frozen = select(*(closed_days.c[name] for name in _COLUMNS)).where(
        closed_days.c.event_id.in_([closed[month].event_id for month in frozen_months])
    )
    if frozen_months[0].first < first or last < frozen_months[-1].last:
        frozen = frozen.where(closed_days.c.date.between(first, last))
    if _all_closed(frozen_months, first, last):
        return frozen.subquery("days")
    return union_all(frozen, live).subquery("days")


def people_in(closed: Closings, month: Month) -> ColumnElement[bool]:
    """The condition on ``people`` for who belongs to ``month``: for good, once it is closed."""
    closing = closed.get(month)
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

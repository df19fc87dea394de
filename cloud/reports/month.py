"""The month of many people: one row each, a stored day per date, and the totals beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, select

from cloud.attendance.adjustments import DayAdjustment, adjustments
from cloud.attendance.codec import DayBrief, brief
from cloud.attendance.periods import Closings, PeriodEvent, closings
from cloud.attendance.published import people_in, published_days
from cloud.reports.dates import Month
from cloud.reports.marks import Verdict, verdicts_of
from cloud.reports.people import Filter, PersonBrief, count_people, list_people, matching
from cloud.reports.scope import Scope
from cloud.reports.totals import MonthTotals, total

PAGE_SIZE = 100
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class PersonMonth:
    """One row: ``days`` has a place for every date of the month, None where nothing is stored.

    ``adjustments``: what this month lists of earlier, closed ones; they are in no total.
    """

    person: PersonBrief
    days: tuple[DayBrief | None, ...]
    totals: MonthTotals
    adjustments: tuple[DayAdjustment, ...] = ()


@dataclass(frozen=True, slots=True)
class MonthPage:
    """One page of rows; ``people_n`` counts all that the filter finds. Pages count from 1.

    ``closing``: of the month, if it is closed.
    """

    rows: list[PersonMonth]
    people_n: int
    page: int
    pages: int
    closing: PeriodEvent | None


def month_page(
    connection: Connection, scope: Scope, month: Month, wanted: Filter, verdict: Verdict | None, page: int
) -> MonthPage:
    """Page ``page`` of the month; with ``verdict`` only people who have a day so judged."""
    closed = closings(connection)
    closing = closed.get(month)
    condition = and_(matching(scope, wanted), people_in(closed, month))
    if verdict is None:
        people_n = count_people(connection, condition)
        pages = max(1, -(-people_n // PAGE_SIZE))
        page = min(max(page, 1), pages)
        found = list_people(connection, condition, (page - 1) * PAGE_SIZE, PAGE_SIZE)
        return MonthPage(_rows(connection, closed, month, found), people_n, page, pages, closing)
    hits = [row for row in month_rows(connection, month, condition) if _has(row, verdict)]
    pages = max(1, -(-len(hits) // PAGE_SIZE))
    page = min(max(page, 1), pages)
    return MonthPage(hits[(page - 1) * PAGE_SIZE : page * PAGE_SIZE], len(hits), page, pages, closing)


def everyone_month(
    connection: Connection, scope: Scope, month: Month, wanted: Filter
) -> Iterator[PersonMonth]:
    """Every row of the month, a chunk of people at a time, so that exports need little memory."""
    belongs = people_in(closings(connection), month)
    return month_rows(connection, month, and_(matching(scope, wanted), belongs))


def month_rows(connection: Connection, month: Month, condition: ColumnElement[bool]) -> Iterator[PersonMonth]:
    """The rows of the people a condition finds, two queries for each 200."""
    found = list_people(connection, condition)
    closed = closings(connection)
    for start in range(0, len(found), _CHUNK):
        yield from _rows(connection, closed, month, found[start : start + _CHUNK])


def _rows(
    connection: Connection, closed: Closings, month: Month, found: Sequence[PersonBrief]
) -> list[PersonMonth]:
    by_person: dict[str, dict[int, DayBrief]] = {person.person_id: {} for person in found}
    stored_days = published_days(closed, month.first, month.last).c
    rows = connection.execute(
        select(stored_days.person_id, stored_days.result).where(stored_days.person_id.in_(list(by_person)))
    )
    for person_id, stored in rows.all():
        day = brief(stored)
        by_person[person_id][day.date.day] = day
    adjusted: dict[str, list[DayAdjustment]] = {}
    for one in adjustments(connection, closed, month, [person.person_id for person in found]):
        adjusted.setdefault(one.person_id, []).append(one)
    numbers = range(1, month.last.day + 1)
    return [
        PersonMonth(
            person,
            tuple(map(days.get, numbers)),
            total(days.values()),
            tuple(adjusted.get(person.person_id, ())),
        )
        for person in found
        for days in (by_person[person.person_id],)
    ]


def _has(row: PersonMonth, verdict: Verdict) -> bool:
    return any(day is not None and verdict in verdicts_of(day) for day in row.days)

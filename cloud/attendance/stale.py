"""Which person-days a new fact can change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from cloud.db import direct
from cloud.db.bulk import Into, insert_rows
from cloud.db.tables import stale_days
from models.clock import from_ms
from models.ids import PersonId

_DAY = timedelta(days=1)

PersonDay = tuple[PersonId, date]

_MARK = Into(
    "stale_days",
    ("person_id", "date", "cause", "since_ms"),
    "ON CONFLICT (person_id, date) DO UPDATE SET mark = stale_days.mark + 1, cause = excluded.cause, "
    "since_ms = CASE WHEN stale_days.since_ms > excluded.since_ms THEN stale_days.since_ms "
    "ELSE excluded.since_ms END",
)

_TAKE = """
SELECT person_id, date, cause, mark FROM stale_days WHERE date BETWEEN ? AND ? AND since_ms <= ?
AND NOT EXISTS (
    SELECT 1 FROM attendance_days
    WHERE person_id = stale_days.person_id AND date = stale_days.date AND judged_ms > ?
)"""
_FORGET = "DELETE FROM stale_days WHERE person_id = ? AND date = ? AND mark = ?"


@dataclass(frozen=True, slots=True)
class Marked:
    """A day to be judged again; ``mark`` grows with each fact that marks it."""

    person_id: PersonId
    date: date
    cause: str
    mark: int


def near(at_ms: int, zone: ZoneInfo) -> tuple[date, date, date]:
    """The local dates whose shifts can own an instant: its own, the one before and the one after (A1)."""
    local = from_ms(at_ms).astimezone(zone).date()
    return (local - _DAY, local, local + _DAY)


def around(first: date, last: date) -> list[date]:
    """The dates a span of dates can change: each of it, and one more at either end."""
    low, high = max(first, date.min + _DAY) - _DAY, min(last, date.max - _DAY) + _DAY
    return [low + _DAY * n for n in range((high - low).days + 1)]


def mark(connection: Connection, days: Iterable[PersonDay], cause: str, now_ms: int) -> None:
    """Note that ``days`` are to be judged again; call it in the transaction that stores the fact."""
    marked = sorted(set(days))
    spelled = {day: day.isoformat() for day in {day for _, day in marked}}
    rows = [(person, spelled[day], cause, now_ms) for person, day in marked]
    insert_rows(connection, _MARK, rows)


def take(
    connection: Connection,
    dates: tuple[date, date],
    now_ms: int,
    limit: int,
    without: Iterable[PersonId] = (),
) -> list[Marked]:
    """The oldest marks of ``dates``, both in, that can be judged as of ``now_ms``; not those of some people.

    A fact of a clock ahead of ours, or that came after we looked at ours, is not known yet (T6), and what was
    judged later than now is not overwritten: such marks wait.
    """
    others = sorted(without)
    but = f" AND person_id NOT IN ({', '.join('?' * len(others))})" if others else ""
    text = f"{_TAKE}{but} ORDER BY since_ms, person_id LIMIT ?"
    span = (day.isoformat() for day in dates)
    rows = direct.rows(connection, text, (*span, now_ms, now_ms, *others, limit))
    return [Marked(PersonId(person), direct.day_of(day), cause, mark) for person, day, cause, mark in rows]


def waiting(connection: Connection, first: date, last: date) -> int:
    """How many days from ``first`` to ``last``, both in, are to be judged again."""
    query = select(func.count()).select_from(stale_days).where(stale_days.c.date.between(first, last))
    return connection.execute(query).scalar_one()


def forget(connection: Connection, done: Sequence[Marked]) -> None:
    """Days were judged; a mark that has grown meanwhile stays, so no fact is missed."""
    direct.run_each(connection, _FORGET, [(one.person_id, one.date.isoformat(), one.mark) for one in done])

"""Which months are closed, and by whom: the newest event of a month decides (M4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, select

from cloud.db.tables import period_events
from cloud.reports.dates import Month, parse_month


class EventKind(StrEnum):
    """What happened to a month."""

    CLOSED = "closed"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True)
class PeriodEvent:
    """A month was closed or reopened.

    Attributes:
        reason: why it was reopened; None when closed.
        hash: SHA-256 of what was frozen, in hex (docs/how-to/close-a-month.md); None when reopened.
        people_n, days_n: how much was frozen; 0 when reopened.
    """

    event_id: int
    month: Month
    at_ms: int
    kind: EventKind
    actor: str
    reason: str | None
    hash: str | None
    people_n: int
    days_n: int


def history(connection: Connection, month: Month) -> list[PeriodEvent]:
    """What happened to ``month``, newest first."""
    rows = connection.execute(
        select(period_events)
        .where(period_events.c.month == str(month))
        .order_by(period_events.c.event_id.desc())
    )
    return [_event(row) for row in rows]


_CLOSINGS = (
    select(period_events)
    .where(
        period_events.c.event_id.in_(
            select(func.max(period_events.c.event_id)).group_by(period_events.c.month)
        ),
        period_events.c.kind == EventKind.CLOSED.value,
    )
    .order_by(period_events.c.month)
)

CLOSED_MONTHS = f"""
SELECT month FROM period_events WHERE kind = '{EventKind.CLOSED}'
AND event_id IN (SELECT max(event_id) FROM period_events GROUP BY month)"""  # noqa: S608  a constant
"""The months that are closed now, for ``direct``."""

Closings = Mapping[Month, PeriodEvent]
"""The closing of every month that is closed now, in order of month."""


def closings(connection: Connection) -> Closings:
    """Which months are closed: ask once, and answer all questions of a page from it."""
    return {event.month: event for event in map(_event, connection.execute(_CLOSINGS))}


def closed_before(closed: Closings, month: Month) -> list[PeriodEvent]:
    """The closings of the closed months directly before ``month``, oldest first (M5)."""
    found: list[PeriodEvent] = []
    while (closing := closed.get(month.previous)) is not None:
        found.append(closing)
        month = month.previous
    return found[::-1]


def _event(row: Row[Any]) -> PeriodEvent:
    month = parse_month(row.month)
    if month is None:
        raise ValueError(f"period_events has a month {row.month!r}")
    return PeriodEvent(
        event_id=row.event_id,
        month=month,
        at_ms=row.at_ms,
        kind=EventKind(row.kind),
        actor=row.actor,
        reason=row.reason,
        hash=row.hash,
        people_n=row.people_n or 0,
        days_n=row.days_n or 0,
    )

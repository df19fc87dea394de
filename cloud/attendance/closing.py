"""Closing a month, so that what it shows never changes again, and reopening it.

A month is closed or reopened only while the month after it is open. So the closed months before an open one
were closed in their order, and an adjustment that a closed month lists never moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, insert, select, text

from cloud.attendance.adjustments import encode_delta, open_adjustments
from cloud.attendance.blockers import Blocker, blockers
from cloud.attendance.catchup import catch_up, judge_rest
from cloud.attendance.codec import frozen_json
from cloud.attendance.content import Content, hash_of_month, read_content
from cloud.attendance.facts import AsOf
from cloud.attendance.late import forget_late
from cloud.attendance.periods import EventKind, PeriodEvent, closings, history
from cloud.attendance.rulesets import Cache
from cloud.db.engine import Database
from cloud.db.tables import (
    attendance_days,
    audit,
    closed_adjustments,
    closed_days,
    closed_people,
    period_events,
)
from cloud.reports.dates import Month
from models.clock import Clock

_ROWS_A_STEP = 5_000


@dataclass(frozen=True, slots=True)
class Refused:
    """The month stays open; ``blockers``: why, every reason there is."""

    blockers: list[Blocker]


@dataclass(frozen=True, slots=True)
class NotReopened:
    """The month stays as it is: it is not closed or, ``next_closed``, the one after it is closed too."""

    next_closed: bool


def close(
    database: Database, month: Month, actor: str, clock: Clock, zone: ZoneInfo
) -> PeriodEvent | Refused:
    """Freeze ``month`` as it is known now, in one transaction, and say so in the audit.

    What is stale is judged first: most of it before the transaction, what came meanwhile within.
    """
    cache: Cache = {}
    catch_up(database, month, AsOf(clock.wall_ms(), zone), cache)
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            # Nobody writes results while they are copied; SQLite has one writer anyway.
            connection.execute(text("LOCK TABLE attendance_days, period_events IN SHARE ROW EXCLUSIVE MODE"))
        view = AsOf(clock.wall_ms(), zone)
        judge_rest(connection, month, view, cache)
        found = blockers(connection, month, view.today, zone)
        if found:
            return Refused(found)
        content = read_content(connection, month)
        if content.blockers:
            return Refused(content.blockers)
        return _freeze(connection, month, content, actor, view.now_ms)


def reopen(
    database: Database, month: Month, actor: str, reason: str, clock: Clock
) -> PeriodEvent | NotReopened:
    """Let ``month`` follow what is known again; what was frozen is kept for the record."""
    with database.write() as connection:
        closed = closings(connection)
        if month not in closed or month.next in closed:
            return NotReopened(next_closed=month in closed)
        values = {"kind": EventKind.REOPENED.value, "reason": reason}
        return _add_event(connection, month, actor, clock.wall_ms(), values)


def _freeze(connection: Connection, month: Month, content: Content, actor: str, now_ms: int) -> PeriodEvent:
    deltas = [
        (one.person_id, one.date, encode_delta(one.delta))
        for one in open_adjustments(connection, closings(connection), month)
    ]
    hashes = {person: of_days for person, (of_days, _) in content.people.items()}
    values: dict[str, str | int] = {
        "kind": EventKind.CLOSED.value,
        "hash": hash_of_month(hashes, deltas),
        "people_n": len(content.people),
        "days_n": content.days_n,
    }
    event = _add_event(connection, month, actor, now_ms, values)
    _copy_days(connection, month, event.event_id)
    connection.execute(
        insert(closed_people),
        [
            {"event_id": event.event_id, "person_id": person, "hash": of_days, "employed": employed}
            for person, (of_days, employed) in content.people.items()
        ],
    )
    if deltas:
        rows = [
            {"event_id": event.event_id, "person_id": person, "date": day, "delta": delta}
            for person, day, delta in deltas
        ]
        connection.execute(insert(closed_adjustments), rows)
    forget_late(connection, month)
    return event


def _copy_days(connection: Connection, month: Month, event_id: int) -> None:
    """The results of the month into ``closed_days``, as the JSON that was hashed."""
    live = attendance_days.c
    rows = connection.execute(
        select(live.person_id, live.date, live.result, live.input_hash, live.judged_ms)
        .where(live.date.between(month.first, month.last))
        .order_by(live.person_id, live.date)
    )
    for part in rows.partitions(_ROWS_A_STEP):
        connection.execute(
            insert(closed_days),
            [
                {
                    "event_id": event_id,
                    "person_id": row.person_id,
                    "date": row.date,
                    "result": frozen_json(row.result),
                    "input_hash": row.input_hash,
                    "judged_ms": row.judged_ms,
                }
                for row in part
            ],
        )


def _add_event(
    connection: Connection, month: Month, actor: str, now_ms: int, values: Mapping[str, str | int]
) -> PeriodEvent:
    """Write the event and its audit; time never runs back from one event to the next."""
    newest = connection.execute(select(func.max(period_events.c.at_ms))).scalar_one()
    at_ms = max(now_ms, newest or 0)
    connection.execute(insert(period_events).values(month=str(month), at_ms=at_ms, actor=actor, **values))
    detail = {name: value for name, value in values.items() if name != "kind"}
    action = f"period_{values['kind']}"
    connection.execute(
        insert(audit).values(at_ms=at_ms, actor=actor, action=action, target=str(month), detail=detail)
    )
    return history(connection, month)[0]

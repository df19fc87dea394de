"""Judging what is stale in one month now, without waiting for the worker."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from cloud.attendance import coverage, stale
from cloud.attendance.facts import AsOf
from cloud.attendance.recompute import JudgedDay, changed_days, judge_days, store_days
from cloud.attendance.rulesets import Cache
from cloud.db.engine import Database
from cloud.reports.dates import Month
from models.ids import PersonId

_ROWS_A_ROUND = 4_000


@dataclass(frozen=True, slots=True)
class _Round:
    """Stale days of the month that were judged: ``changed`` is what is to be stored."""

    done: list[stale.Marked]
    changed: list[JudgedDay]
    unjudgeable: set[PersonId]


def _judge_some(
    connection: Connection, month: Month, view: AsOf, cache: Cache, without: set[PersonId]
) -> _Round | None:
    """Judge some of what is stale; None: nothing is, but for people ``without`` usable rules."""
    covered = coverage.span(connection)
    if covered is None:
        return None
    dates = max(month.first, covered[0]), min(month.last, view.today)
    taken = stale.take(connection, dates, view.now_ms, _ROWS_A_ROUND, without)
    if not taken:
        return None
    asked: defaultdict[PersonId, list[date]] = defaultdict(list)
    for one in taken:
        asked[one.person_id].append(one.date)
    judgement = judge_days(connection, asked, view, cache)
    unjudgeable = set(judgement.unjudgeable)
    done = [one for one in taken if one.person_id not in unjudgeable]
    changed = [one for one, _ in changed_days(connection, judgement.days)]
    return _Round(done, changed, unjudgeable)


def _store(connection: Connection, judged: _Round, view: AsOf) -> None:
    causes = {(one.person_id, one.date): one.cause for one in judged.done}
    store_days(connection, judged.changed, causes, view)
    stale.forget(connection, judged.done)


def catch_up(database: Database, month: Month, view: AsOf, cache: Cache) -> None:
    """Judge what is stale in the month, in small transactions; people without usable rules are left stale."""
    with database.write() as connection:
        coverage.extend(connection, view)
        coverage.settle(connection, view)
    unjudgeable: set[PersonId] = set()
    while True:
        with database.read() as connection:
            judged = _judge_some(connection, month, view, cache, unjudgeable)
        if judged is None:
            return
        with database.write() as connection:
            _store(connection, judged, view)
        unjudgeable |= judged.unjudgeable


def judge_rest(connection: Connection, month: Month, view: AsOf, cache: Cache) -> None:
    """Judge what is stale, in the transaction of ``connection``."""
    coverage.settle(connection, view)
    unjudgeable: set[PersonId] = set()
    while (judged := _judge_some(connection, month, view, cache, unjudgeable)) is not None:
        _store(connection, judged, view)
        unjudgeable |= judged.unjudgeable

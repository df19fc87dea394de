from __future__ import annotations

from datetime import date

from cloud.attendance import coverage, stale
from cloud.db.engine import Database
from cloud.reports.completeness import completeness
from cloud.reports.dates import Month
from cloud.reports.scope import Everyone
from models.ids import PersonId
from tests.terminals import NOW_MS

NOVEMBER = Month(2026, 11)
TODAY = date(2026, 11, 18)


def stale_n(company: Database) -> int:
    with company.read() as connection:
        return completeness(connection, Everyone(), NOVEMBER, []).stale_n


def test_days_to_be_judged_now_are_counted(company: Database):
    with company.write() as connection:
        coverage.reach(connection, (TODAY, TODAY), NOW_MS)

    assert stale_n(company) == 2


def test_a_mark_on_a_day_to_come_keeps_nobody_waiting(company: Database):
    with company.write() as connection:
        coverage.reach(connection, (TODAY, TODAY), NOW_MS)
        stale.mark(connection, [(PersonId("p-1"), date(2026, 11, 19))], "punch", NOW_MS)

    assert stale_n(company) == 2


def test_without_any_coverage_nothing_is_awaited(company: Database):
    with company.write() as connection:
        stale.mark(connection, [(PersonId("p-1"), TODAY)], "punch", NOW_MS)

    assert stale_n(company) == 0

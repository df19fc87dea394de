"""Rules are kept while no row of theirs changes, whoever writes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, update
from sqlalchemy.sql.dml import UpdateBase

from cloud.attendance.defaults import seed
from cloud.attendance.rulesets import Standing
from cloud.db.engine import Database
from cloud.db.tables import calendar_days, calendar_years, groups, leave_types, policies, shifts
from tests.databases import on_both_databases

TOLD: dict[str, UpdateBase] = {
    "policies": update(policies).values(parameters={"late_grace_min": 7}),
    "policies.version": update(policies).values(version="v2"),
    "shifts": update(shifts).values(definition={"segments": ["08:00-12:00"]}),
    "groups": update(groups).values(week={"mon": "DAY"}),
    "calendar_days": insert(calendar_days).values(date=date(2026, 3, 3), kind="rest", source="by hand"),
    "calendar_days.half": update(calendar_days).values(half="pm"),
    "calendar_days.shift_of": update(calendar_days).values(shift_of="tue"),
    "calendar_years": update(calendar_years).values(provisional=calendar_years.c.provisional.is_(False)),
    "leave_types": update(leave_types).values(count="natural"),
}


@pytest.fixture
def other(database: Database) -> Iterator[Database]:
    """The same database as another process opens it."""
    with database.write() as connection:
        seed(connection, 2026)
    other = Database(database.url.render_as_string(hide_password=False))
    yield other
    other.close()


@on_both_databases
@pytest.mark.parametrize("what", TOLD)
def test_what_another_process_writes_is_seen(database: Database, other: Database, zone: ZoneInfo, what: str):
    standing = Standing()
    with database.read() as connection:
        before = standing.book(connection, zone)
        assert standing.book(connection, zone) is before

    with other.write() as connection:
        connection.execute(TOLD[what])

    with database.read() as connection:
        after = standing.book(connection, zone)
    assert {one.digest for one in after.groups.values()} != {one.digest for one in before.groups.values()}


def test_an_unfinished_change_is_not_seen(database: Database, other: Database, zone: ZoneInfo):
    standing = Standing()
    with other.write() as writing:
        writing.execute(TOLD["policies"])
        with database.read() as connection:
            before = standing.book(connection, zone)
    with database.read() as connection:
        assert standing.book(connection, zone) is not before


def test_rules_of_another_zone_are_others(database: Database, other: Database, zone: ZoneInfo):
    standing = Standing()
    with database.read() as connection:
        here = standing.book(connection, zone)
        assert standing.book(connection, ZoneInfo("Asia/Tokyo")) is not here

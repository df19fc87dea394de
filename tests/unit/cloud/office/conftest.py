from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cloud.attendance import coverage
from cloud.attendance.defaults import seed
from cloud.attendance.facts import AsOf
from cloud.db.engine import Database
from tests.terminals import NOW_MS


@pytest.fixture
def view(zone: ZoneInfo) -> AsOf:
    return AsOf(NOW_MS, zone)


@pytest.fixture
def firm(company: Database, view: AsOf) -> Database:
    """The company with its default rules, judged since the beginning of November."""
    with company.write() as connection:
        seed(connection, 2026)
        coverage.reach(connection, (view.today.replace(day=1), view.today), NOW_MS)
        connection.exec_driver_sql("DELETE FROM stale_days")
    return company


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "office.csv"

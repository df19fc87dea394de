from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from cloud.attendance import coverage
from cloud.attendance.facts import AsOf
from cloud.attendance.rulesets import RuleTables, read_tables
from cloud.db.engine import Database
from cloud.db.tables import coverage as coverage_table
from cloud.db.tables import groups, people, policies, stale_days
from cloud.rulebook.draft import Change, Draft, draft
from cloud.rulebook.effect import Trial
from cloud.rulebook.save import Overtaken, Refused, Saved, put_in_force
from models.clock import to_ms
from models.ids import PersonId
from tests.e2e.pages_seed import NOW, ZONE, StillClock, fill, new_database, person_id

LAB = "lab"


@dataclass
class Firm:
    """Twelve people of the story, judged to the day; one of them in the group ``lab``, two in none."""

    database: Database
    view: AsOf

    def tables(self) -> RuleTables:
        with self.database.read() as connection:
            return read_tables(connection)

    def draft(self, *changes: Change) -> Draft:
        return draft(self.tables(), changes)

    def trial(self, *changes: Change) -> Trial:
        with self.database.read() as connection:
            return Trial.of(connection, self.draft(*changes), self.view, {})

    def save(self, *changes: Change, seen: str | None = None) -> Saved | Refused | Overtaken:
        with self.database.write() as connection:
            return put_in_force(connection, list(changes), seen, "hr", self.view)

    def stale(self) -> dict[PersonId, set[date]]:
        found: dict[PersonId, set[date]] = {}
        with self.database.read() as connection:
            for person, day in connection.execute(select(stale_days.c.person_id, stale_days.c.date)):
                found.setdefault(PersonId(person), set()).add(day)
        return found

    @property
    def span(self) -> tuple[date, date]:
        with self.database.read() as connection:
            found = coverage.span(connection)
        assert found is not None
        return found


@pytest.fixture(scope="session")
def firm_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("rulebook")
    database = new_database(directory)
    fill(database, StillClock(), 12)
    with database.write() as connection:
        connection.execute(
            insert(coverage_table).values(coverage_id=1, first=date(2026, 10, 10), last=NOW.date())
        )
        week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "DAY")
        connection.execute(insert(groups).values(group_id=LAB, name="实验室", week=week))
        connection.execute(
            insert(policies).values(
                group_id=LAB, from_date=date(1, 1, 1), version="lab1", parameters={"late_grace_min": 5}
            )
        )
        for number, group in (("1001", LAB), ("1002", None), ("1004", None)):
            connection.execute(
                update(people).where(people.c.person_id == person_id(number)).values(group_id=group)
            )
    database.close()
    return directory / "pages.db"


@pytest.fixture
def firm(firm_file: Path, tmp_path: Path) -> Iterator[Firm]:
    path = tmp_path / "pages.db"
    shutil.copy(firm_file, path)
    database = Database(f"sqlite:///{path}")
    yield Firm(database, AsOf(to_ms(NOW), ZONE))
    database.close()

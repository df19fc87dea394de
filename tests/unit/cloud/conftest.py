from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cloud.db.engine import Database
from cloud.db.migrate import migrate
from tests.databases import on_postgres
from tests.terminals import NOW_MS, add_person, add_terminal


@dataclass
class HandClock:
    """A clock that stands still until it is moved."""

    now_ms: int = NOW_MS
    since_boot_ms: int = 1_000_000

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic_ms(self) -> int:
        return self.since_boot_ms

    def pass_ms(self, ms: int) -> None:
        self.now_ms += ms
        self.since_boot_ms += ms

    def set_to(self, now_ms: int) -> None:
        """Another time of day; monotonic time only ever grows."""
        self.since_boot_ms += max(60_000, now_ms - self.now_ms)
        self.now_ms = now_ms


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "empty.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture
def database(request: pytest.FixtureRequest, empty_file: Path, tmp_path: Path) -> Iterator[Database]:
    """A migrated database without a row: SQLite, or what ``on_both_databases`` says."""
    if getattr(request, "param", "sqlite") == "postgresql":
        database = on_postgres(request.getfixturevalue("postgres"))
    else:
        path = tmp_path / "kaoqin.db"
        shutil.copy(empty_file, path)
        database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def company(database: Database) -> Database:
    """A database with one terminal, one that was revoked, and two people."""
    with database.write() as connection:
        add_terminal(connection, "t-1")
        add_terminal(connection, "t-gone", revoked_ms=1)
        add_person(connection, "p-1")
        add_person(connection, "p-2")
    return database


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def zone() -> ZoneInfo:
    return ZoneInfo("Asia/Shanghai")

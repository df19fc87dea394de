"""Committed, and durable a little later: what a power cut leaves, and what is done when the disk refuses."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from cloud.db import direct
from cloud.db.engine import Database

ADD = "INSERT INTO doors (name) VALUES (?)"


@pytest.fixture
def site(database: Database) -> Database:
    with database.write() as connection:
        direct.run(connection, "CREATE TABLE doors (name TEXT)")
    return database


def add(database: Database, name: str) -> None:
    with database.write_ahead() as connection:
        direct.run(connection, ADD, [name])


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return [name for (name,) in direct.rows(connection, "SELECT name FROM doors ORDER BY rowid")]


def log_of(database: Database) -> Path:
    return Path(f"{database.url.database}-wal")


def refuse_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_file: int) -> None:
        monkeypatch.undo()
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", refuse)


def test_what_was_flushed_is_all_that_a_power_cut_is_sure_to_leave(site: Database, tmp_path: Path):
    add(site, "north")
    site.flush()
    durable = log_of(site).stat().st_size
    add(site, "south")
    assert log_of(site).stat().st_size > durable

    cut = tmp_path / "cut.db"
    shutil.copy(str(site.url.database), cut)
    Path(f"{cut}-wal").write_bytes(log_of(site).read_bytes()[:durable])
    left = Database(f"sqlite:///{cut}")
    assert names(left) == ["north"]
    left.close()
    assert names(site) == ["north", "south"]


def test_a_flush_waits_for_the_log_of_this_database(site: Database, monkeypatch: pytest.MonkeyPatch):
    synced: list[str] = []
    sync = os.fdatasync

    def watch(file: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{file}").readlink()))
        sync(file)

    monkeypatch.setattr(os, "fdatasync", watch)
    add(site, "north")
    assert not synced
    site.flush()
    assert synced == [str(log_of(site))]


def test_after_a_refusal_nothing_is_durable_until_the_log_is_begun_anew(
    site: Database, monkeypatch: pytest.MonkeyPatch
):
    for number in range(50):
        add(site, f"door {number}")
    long = log_of(site).stat().st_size
    refuse_once(monkeypatch)

    with pytest.raises(OperationalError, match="Input/output error"):
        site.flush()
    with pytest.raises(OperationalError, match="torn"):
        site.flush()
    add(site, "north")

    assert log_of(site).stat().st_size < long
    assert names(site) == [*(f"door {number}" for number in range(50)), "north"]
    site.flush()


def test_a_reader_keeps_the_log_from_being_begun_anew_and_nothing_is_written_behind_a_torn_place(
    site: Database, monkeypatch: pytest.MonkeyPatch
):
    add(site, "north")
    with site.write() as writer:
        driver: Any = writer.connection.driver_connection
        driver.set_busy_timeout(50)
    with site.read() as reader:
        assert direct.rows(reader, "SELECT count(*) FROM doors") == [(1,)]
        add(site, "south")
        refuse_once(monkeypatch)
        with pytest.raises(OperationalError):
            site.flush()
        with pytest.raises(OperationalError, match="reader"):
            add(site, "east")

    add(site, "west")
    site.flush()
    assert names(site) == ["north", "south", "west"]


def test_a_new_connection_has_its_own_log(site: Database):
    add(site, "north")
    site.flush()
    site.disconnect()
    add(site, "south")
    site.flush()
    assert names(site) == ["north", "south"]

"""Says early that room is running out, and keeps some for the last step."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import structlog

from edge.health.storage import RESERVE_FILE, Reserve, StorageWatch

MB = 1024 * 1024


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class Disk:
    """A disk of 1000 MB as the watch sees it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.used_mb = 100
        monkeypatch.setattr("edge.health.storage.shutil.disk_usage", self.usage)

    def usage(self, _: Path) -> Usage:
        return Usage(1000 * MB, self.used_mb * MB, (1000 - self.used_mb) * MB)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.parametrize(
    ("used_mb", "health"), [(0, "ok"), (699, "ok"), (700, "filling"), (899, "filling"), (900, "full")]
)
def test_it_says_so_at_70_and_at_90_per_cent(disk: Disk, tmp_path: Path, used_mb: int, health: str):
    watch = StorageWatch(tmp_path, Reserve(tmp_path, 4096))
    disk.used_mb = used_mb

    watch.look()

    part = watch.health()
    assert (part.name, part.health) == ("storage", health)
    assert (part.reason == "") == (health == "ok")


def test_each_change_is_logged_once(disk: Disk, tmp_path: Path):
    watch = StorageWatch(tmp_path, Reserve(tmp_path, 4096))
    with structlog.testing.capture_logs() as logs:
        for used_mb in (100, 720, 730, 910, 920, 750, 100, 100):
            disk.used_mb = used_mb
            watch.look()

    assert [entry["event"] for entry in logs] == [
        "storage_filling",
        "storage_full",
        "storage_filling",
        "storage_ok",
    ]


def test_the_reserve_is_really_allocated_and_given_back_once(tmp_path: Path):
    reserve = Reserve(tmp_path, MB)

    assert reserve.keep()
    assert (tmp_path / RESERVE_FILE).stat().st_blocks * 512 >= MB
    assert reserve.release()
    assert not reserve.release()
    assert list(tmp_path.iterdir()) == []


def test_the_reserve_is_made_again_only_where_there_is_room_for_it_twice(disk: Disk, tmp_path: Path):
    reserve = Reserve(tmp_path, 40 * MB)

    disk.used_mb = 930
    assert not reserve.keep()
    disk.used_mb = 910
    assert reserve.keep()
    assert (tmp_path / RESERVE_FILE).stat().st_size == 40 * MB


def test_a_disk_without_its_reserve_is_called_full(disk: Disk, tmp_path: Path):
    watch = StorageWatch(tmp_path, Reserve(tmp_path, 800 * MB))
    disk.used_mb = 750

    watch.look()

    assert watch.health().health == "full"

from __future__ import annotations

from pathlib import Path

import pytest

from edge.health import machine
from edge.health.machine import this_machine


@pytest.fixture
def disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What udev keeps: names of file systems, each leading to a device."""
    by_uuid = tmp_path / "by-uuid"
    by_uuid.mkdir()
    monkeypatch.setattr(machine, "_UUIDS", by_uuid)
    return by_uuid


def test_the_disk_of_a_folder_that_is_still_to_be_made_is_its_parent_s(disks: Path, tmp_path: Path):
    # There is no block device to be had in a test: the device number of a character device stands for it.
    (disks / "1111-aaaa").symlink_to("/dev/null")
    (disks / "2222-bbbb").symlink_to("/dev/zero")
    (disks / "3333-gone").symlink_to("/dev/nowhere")
    device = Path("/dev/zero").stat().st_rdev

    found = machine._file_system_id(tmp_path / "a" / "b")  # on a disk udev does not name here
    named = next(link.name for link in sorted(disks.iterdir()) if machine._device(link) == device)

    assert found == ""
    assert named == "2222-bbbb"


def test_without_udev_the_disk_is_not_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(machine, "_UUIDS", tmp_path / "none")

    assert this_machine(tmp_path).storage_id == ""

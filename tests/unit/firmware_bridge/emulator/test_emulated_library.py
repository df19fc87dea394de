from __future__ import annotations

import stat
from pathlib import Path

import pytest

from firmware_bridge.emulator.library import Library, LibraryUnusable

SIZE = 512


def library(folder: Path | None) -> Library:
    return Library(folder, capacity=1000, template_bytes=SIZE)


def test_templates_survive_a_restart_readable_by_the_owner_alone(tmp_path: Path) -> None:
    first = library(tmp_path / "lib")
    first.write(7, bytes([7]) * SIZE)
    first.write(8, bytes([8]) * SIZE)
    first.delete(8)
    first.close()

    again = library(tmp_path / "lib")

    assert again.slots() == [7]
    assert again.read(7) == bytes([7]) * SIZE
    assert stat.S_IMODE((tmp_path / "lib").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "lib" / "0007.template").stat().st_mode) == 0o600
    again.close()


def test_a_write_that_was_cut_off_leaves_no_template(tmp_path: Path) -> None:
    (tmp_path / "7.unfinished").write_bytes(b"half")

    opened = library(tmp_path)

    assert opened.slots() == []
    assert not (tmp_path / "7.unfinished").exists()
    opened.close()


@pytest.mark.parametrize(("name", "size"), [("0007", 768), ("1000", SIZE), ("seven", SIZE)])
def test_a_library_of_another_profile_is_refused(tmp_path: Path, name: str, size: int) -> None:
    (tmp_path / f"{name}.template").write_bytes(bytes(size))

    with pytest.raises(LibraryUnusable, match="not a template of this profile"):
        library(tmp_path)


def test_two_emulators_do_not_share_a_library(tmp_path: Path) -> None:
    first = library(tmp_path)

    with pytest.raises(LibraryUnusable, match="in use by another emulator"):
        library(tmp_path)

    first.close()
    library(tmp_path).close()


def test_a_library_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(LibraryUnusable, match="cannot use the library"):
        library(tmp_path / "file" / "lib")

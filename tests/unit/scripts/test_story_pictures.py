from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts.story import pictures


@pytest.fixture
def no_index(monkeypatch):
    """No package index answers."""

    def refuse(*args, **kwargs):
        return subprocess.CompletedProcess(args, 1, "", "ERROR: No matching distribution found")

    monkeypatch.setattr(subprocess, "run", refuse)


def test_a_tampered_picture_is_refused(tmp_path: Path):
    for name in pictures.SHA256:
        (tmp_path / name).write_bytes(b"not the picture")

    with pytest.raises(pictures.PictureTampered, match="is not the picture"):
        pictures.fetch(tmp_path)


def test_no_index_is_said_in_one_sentence(tmp_path: Path, no_index):
    with pytest.raises(pictures.PicturesUnavailable, match="No matching distribution"):
        pictures.fetch(tmp_path)
    assert not list(tmp_path.glob("*.jpg"))


def test_every_archive_is_pinned_by_its_hash():
    for name in ("pictures.txt", "pictures_wheel.txt"):
        (line,) = [
            line for line in (pictures.HERE / name).read_text().splitlines() if not line.startswith("#")
        ]
        assert "==" in line
        assert "--hash=sha256:" in line


def test_pictures_that_are_there_are_not_fetched_again(no_index):
    if not (pictures.KEPT_IN / "obama.jpg").exists():
        pytest.skip("the pictures were not fetched: scripts/test fetches them")

    found = pictures.fetch()

    assert found.stranger.exists()
    assert all(shown.exists() for person in found.staff for shown in (person.enrol, *person.door))
    assert not {person.enrol for person in found.staff} & {shown for p in found.staff for shown in p.door}

"""A release is installed only if no punch would be left to it alone."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from edge.cli import main
from edge.errors import LedgerBusy
from edge.health.machine import Machine
from edge.punch.ledger import Ledger
from edge.updating import update
from models.clock import SystemClock
from tests.unit.edge.test_leaving import TERMINAL, fill

INFO = "kaoqin-99.0.dist-info"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip installs into this folder, and asks nobody."""
    folder = tmp_path / "environment"
    monkeypatch.setenv("PIP_TARGET", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def release(folder: Path, needs: str = "") -> Path:
    """A wheel as small as they get."""
    path = folder / "kaoqin-99.0-py3-none-any.whl"
    metadata = "Metadata-Version: 2.1\nName: kaoqin\nVersion: 99.0\nProvides-Extra: edge\n"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("kaoqin_probe.py", "")
        wheel.writestr(f"{INFO}/METADATA", metadata + (f"Requires-Dist: {needs}\n" if needs else ""))
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(
            f"{INFO}/RECORD", f"kaoqin_probe.py,,\n{INFO}/METADATA,,\n{INFO}/WHEEL,,\n{INFO}/RECORD,,\n"
        )
    return path


def test_it_is_refused_while_only_the_terminal_has_punches(
    tmp_path: Path, state: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
):
    fill(state, acked=2)

    assert main(["update", str(release(tmp_path)), "--state", str(state)]) == 2

    assert "1 punches are only on this terminal" in capsys.readouterr().err
    assert not elsewhere.exists()


def test_once_they_were_exported_it_is_installed_and_what_it_finds_is_said(
    tmp_path: Path, state: Path, elsewhere: Path, capfd: pytest.CaptureFixture[str]
):
    fill(state, acked=2)
    export = tmp_path / "along.jsonl"

    # The doctor misses an identity here, so all is not well.
    assert main(["update", str(release(tmp_path)), "--state", str(state), "--export", str(export)]) == 1

    assert (elsewhere / "kaoqin_probe.py").exists()
    assert len(export.read_text().splitlines()) > 3
    said = capfd.readouterr().out
    assert "3 punches of 1 days in 1 streams: as this terminal wrote them" in said
    assert "BAD  claim" in said


def test_what_pip_does_not_take_leaves_everything_as_it_was(
    tmp_path: Path, state: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
):
    fill(state, acked=3)

    assert main(["update", str(release(tmp_path, "kaoqin-is-not-there")), "--state", str(state)]) == 2
    assert main(["update", str(tmp_path / "none.whl"), "--state", str(state)]) == 2

    said = capsys.readouterr().err
    assert "No matching distribution found for kaoqin-is-not-there" in said or "kaoqin-is-not-there" in said
    assert "there is no file" in said
    assert not (elsewhere / "kaoqin_probe.py").exists()


def test_the_agent_must_not_run(tmp_path: Path, state: Path, elsewhere: Path):
    with Ledger(state / "punches.db", TERMINAL, Machine("m", "b")), pytest.raises(LedgerBusy):
        update(state, release(tmp_path), None, SystemClock())
    assert not elsewhere.exists()

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import BadSettings
from edge.kiosk.names import NameStyle
from edge.settings import FILE_VARIABLE, load_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE", "CAMERA", "SENSOR", "KIOSK_PORT", "BROKER_URL", "NAMES", "REPEAT_WINDOW_S"):
        monkeypatch.delenv(f"KAOQIN_EDGE_{name}", raising=False)
    monkeypatch.delenv(FILE_VARIABLE, raising=False)


def test_command_line_beats_environment_beats_file_beats_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "edge.toml"
    file.write_text('camera = "1"\nsensor = "/dev/file"\nnames = "initial"\nkiosk_port = 1\n')
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    monkeypatch.setenv("KAOQIN_EDGE_SENSOR", "/dev/environment")
    monkeypatch.setenv("KAOQIN_EDGE_KIOSK_PORT", "2")

    settings = load_settings(kiosk_port=3, camera=None)

    assert settings.camera == "1"
    assert settings.sensor == "/dev/environment"
    assert settings.kiosk_port == 3
    assert settings.names is NameStyle.INITIAL
    assert settings.repeat_window_s == 60
    assert settings.broker_url is None


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("kiosk_port = 99999", "kiosk_port"),
        ("kiosk_prt = 1", "kiosk_prt"),
        ('names = "short"', "names"),
        ("repeat_window_s = -1", "repeat_window_s"),
        ("kiosk_port", "settings file"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, word: str):
    file = tmp_path / "edge.toml"
    file.write_text(content)
    monkeypatch.setenv(FILE_VARIABLE, str(file))

    with pytest.raises(BadSettings, match=word):
        load_settings()


def test_a_file_that_was_named_must_be_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(FILE_VARIABLE, "/nowhere/edge.toml")

    with pytest.raises(BadSettings, match=r"/nowhere/edge.toml: there is none"):
        load_settings()

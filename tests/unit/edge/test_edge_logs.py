from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from edge.logs import REMOVED, SECRET, configure_logs


@pytest.fixture
def configured() -> Iterator[None]:
    configure_logs()
    yield
    structlog.reset_defaults()


def test_a_log_line_is_json_without_secrets(configured: None, capsys: pytest.CaptureFixture[str]):
    log = structlog.get_logger("test")

    log.warning("thing_happened", waiting=3, **dict.fromkeys(SECRET, "4711"))

    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["waiting"]) == ("thing_happened", "warning", 3)
    assert {line[key] for key in SECRET} == {REMOVED}
    assert line["timestamp"].endswith("Z")


def test_a_traceback_shows_no_variables(configured: None, capsys: pytest.CaptureFixture[str]):
    typed = "47" + "x11"
    try:
        int(typed[:2] + "?")
    except ValueError:
        structlog.get_logger("test").exception("part_failed")

    written = capsys.readouterr().err
    assert "invalid literal for int()" in written
    assert typed not in written


def test_small_talk_is_left_out(configured: None, capsys: pytest.CaptureFixture[str]):
    structlog.get_logger("test").debug("nothing_happened")

    assert not capsys.readouterr().err

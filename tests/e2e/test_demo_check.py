"""``scripts/demo --check`` as anybody would run it; its one JSON object is shared by these tests."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command with no environment left over."""
    return subprocess.run(
        [str(ROOT / "scripts/demo"), *arguments],
        cwd="/",
        env={"HOME": os.environ.get("HOME", "/"), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def done() -> subprocess.CompletedProcess[str]:
    return demo("--check")


@pytest.fixture(scope="module")
def report(done) -> dict[str, Any]:
    assert done.stdout.count("\n") == 1, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def test_the_story_is_all_right(done, report):
    assert report["ok"] is True, done.stderr
    assert done.returncode == 0


def test_no_punch_is_lost_or_doubled(report):
    punches = report["punches"]

    assert punches["made"] == punches["stored"] > 9000
    assert punches["lost"] == punches["doubled"] == 0


def test_every_live_press_and_face_is_seen_and_judged(report):
    live = report["live"]

    assert live["fingers"] == 4
    assert live["faces"] == 2
    assert live["seen"] == 6


def test_strangers_do_not_get_in(report):
    assert report["strangers"] == {"shown": 2, "refused": 2}


def test_every_day_is_judged_as_the_story_says(report):
    days = report["days"]

    assert days["judged"] == days["expected"] > 5000
    assert days["differing"] == 0


def test_what_is_stored_is_what_the_facts_give(report):
    assert report["judged_again"]["days"] >= report["days"]["judged"]
    assert report["judged_again"]["differing"] == 0


def test_leave_and_trips_are_joined(report):
    assert report["leave_days"]["got"] == report["leave_days"]["expected"] > 0
    assert report["trip_days"]["got"] == report["trip_days"]["expected"] > 0


def test_every_report_has_a_row_a_person(report):
    assert {Path(file["file"]).suffix for file in report["reports"]} == {".json", ".csv", ".xlsx"}
    assert all(file["rows"] == file["expected_rows"] > 140 for file in report["reports"])


def test_the_broker_may_die(report):
    restart = report["broker_restart"]

    assert restart["made"] == restart["stored"] > 20


def test_a_taken_port_is_one_clear_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        refused = demo("--port", str(port))

    assert refused.returncode == 1
    assert refused.stderr == (
        f"Port {port} cannot be used: Address already in use. Choose another: --port N\n"
    )

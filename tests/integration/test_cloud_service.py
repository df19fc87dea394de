"""The service as a process: it starts, takes punches, judges them and ends when told to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import requests

from models.clock import SystemClock
from models.wire.messages import Claimed, Roster
from tests.terminals import Door, committed, read_ack

PATIENCE_S = 30


def command(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cloud.cli", *arguments],
        env=environment(state),
        capture_output=True,
        text=True,
        check=False,
    )


def environment(state: Path) -> dict[str, str]:
    return {
        **os.environ,
        "KAOQIN_CLOUD_STATE": str(state),
        "KAOQIN_CLOUD_PORT": "0",
        "KAOQIN_CLOUD_BROKER_URL": "embedded://127.0.0.1:0",
    }


@contextmanager
def starting(state: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "cloud.cli", "serve"],
        env=environment(state),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def serving(state: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with starting(state) as process:
        assert process.stdout is not None
        found = re.search(r"http://[\d.]+:\d+", process.stdout.readline())
        assert found
        until(lambda: answers(f"{found.group()}/readyz"))
        yield found.group(), process


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def until(true: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_S * 20):
        if true():
            return
        time.sleep(0.05)
    pytest.fail("it did not come true")


def test_from_a_code_to_a_judged_day(tmp_path: Path):
    people = tmp_path / "people.csv"
    people.write_text("工号,姓名,部门\n1001,李雷,研发部\n")
    with serving(tmp_path) as (url, _):
        assert command(tmp_path, "import", "people", str(people)).returncode == 0
        code = command(tmp_path, "terminal", "add", "front", "--site", "HQ").stdout.strip()
        token = command(tmp_path, "user", "token", "test").stdout.strip()
        claimed = msgspec.json.decode(
            requests.post(f"{url}/terminal/v1/claim", json={"code": code}, timeout=10).content, type=Claimed
        )
        door_session, session = requests.Session(), requests.Session()
        door_session.headers["Authorization"] = f"Bearer {claimed.token}"
        session.headers["Authorization"] = f"Bearer {token}"
        roster = msgspec.json.decode(
            door_session.get(f"{url}/terminal/v1/roster", timeout=10).content, type=Roster
        )
        person = roster.people[0].person_id

        now = SystemClock().wall_ms()
        door = Door(claimed.terminal_id, sent_ms=now, sent_monotonic_ms=now)
        punch = door.punch(1, person, at_ms=now, monotonic_ms=now)
        answer = door_session.post(f"{url}/terminal/v1/punches", data=door.payload(punch), timeout=10)

        assert committed(read_ack(answer.content)) == {1}
        day = session.get(f"{url}/api/v1/punches", timeout=10).json()["punches"][0]["at"][:10]
        until(lambda: session.get(f"{url}/api/v1/days/1001/{day}", timeout=10).ok)
        session.close()
        door_session.close()


def test_it_ends_when_told_to_and_starts_again_on_the_same_database(tmp_path: Path):
    for _ in range(2):
        with serving(tmp_path) as (_, process):
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0


def test_told_to_end_before_it_is_ready_it_ends_too(tmp_path: Path):
    for _ in range(3):
        with starting(tmp_path) as process:
            assert process.stdout is not None
            assert "http://" in process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0


def test_the_embedded_broker_dies_with_a_service_that_is_killed(tmp_path: Path):
    with serving(tmp_path) as (_, process):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1
        process.kill()
        process.wait()

        until(lambda: not Path(f"/proc/{children[0]}").exists())

"""The agent as a process: claimed, run, used and told to stop, against peers that speak the protocols."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from argon2 import PasswordHasher

from edge.doctor import examine
from edge.health.machine import this_machine
from edge.punch.history import read_history
from edge.punch.ledger import Ledger
from edge.roster.identity import load_identity
from edge.settings import load_settings
from models.clock import SystemClock
from models.wire.messages import Roster, RosterPerson, TerminalState
from tests.integration.peers import CloudPeer, HttpCloud, Iotcore, free_port, wait_for

PIN_HASH = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("4711")
PEOPLE = tuple(RosterPerson(f"p-{n}", str(1000 + n), f"Person {n}", "en", PIN_HASH) for n in range(1, 6))


class Terminal:
    """The command line, as a person or a service manager uses it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "edge.cli", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        )

    def start(self, *more: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edge.cli", "run", *self.options(), *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        wait_for(self._listens)

    def options(self) -> tuple[str, ...]:
        return "--state", str(self.state), "--kiosk-port", str(self.port)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._process.communicate()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def pin(self, number: str, pin: str) -> str:
        answer = requests.post(
            f"http://127.0.0.1:{self.port}/api/pin",
            json={"number": number, "pin": pin},
            headers={"Origin": f"http://127.0.0.1:{self.port}"},
            timeout=30,
        )
        return str(answer.json()["outcome"])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        if self._process is None:
            return 0, ""
        self._process.send_signal(number)
        out, err = self._process.communicate(timeout=30)
        code, self._process = self._process.returncode, None
        return code, out + err


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KAOQIN_")}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Iotcore]:
    running = Iotcore(tmp_path)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def http_cloud(broker: Iotcore) -> Iterator[HttpCloud]:
    peer = HttpCloud(Roster("v1", "hq", "Asia/Shanghai", PEOPLE[:3]), f"mqtt://127.0.0.1:{broker.port}")
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def cloud(broker: Iotcore) -> Iterator[CloudPeer]:
    peer = CloudPeer(broker.port)
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def terminal(tmp_path: Path, http_cloud: HttpCloud) -> Iterator[Terminal]:
    made = Terminal(tmp_path / "state")
    claimed = made.command("claim", HttpCloud.CODE, "--cloud", http_cloud.url, "--state", str(made.state))
    assert claimed.returncode == 0, claimed.stderr
    yield made
    made.stop(signal.SIGKILL)


def test_a_punch_by_pin_reaches_the_cloud_and_a_clean_stop_loses_nothing(
    terminal: Terminal, cloud: CloudPeer, http_cloud: HttpCloud
):
    terminal.start()
    assert terminal.pin("1001", "4711") == "identified"
    assert terminal.pin("1002", "0000") == "unknown"
    wait_for(lambda: len(cloud.stored) == 1)
    http_cloud.roster = Roster("v2", "hq", "Asia/Shanghai", PEOPLE)
    cloud.want("v2")
    wait_for(lambda: cloud.states[-1].roster_version == "v2")
    assert cloud.states[-1].people == 5
    assert terminal.pin("1005", "4711") == "identified"

    code, written = terminal.stop()

    assert code == 0
    wait_for(lambda: not cloud.states[-1].online)
    assert cloud.states[-1].highest == 2
    events = [json.loads(line)["event"] for line in written.splitlines()]
    assert events[-1] == "agent_stopped"
    assert "Person" not in written
    assert "4711" not in written
    counts, _ = read_history(terminal.state / "punches.db", 10)
    assert counts.punches == 2


def test_the_terminal_works_without_a_network_and_delivers_after_kill_9(
    terminal: Terminal, broker: Iotcore, http_cloud: HttpCloud
):
    broker.stop()
    http_cloud.is_sick = True
    terminal.start()
    assert terminal.pin("1001", "4711") == "identified"
    assert terminal.pin("1002", "4711") == "identified"
    terminal.stop(signal.SIGKILL)
    assert read_history(terminal.state / "punches.db", 10)[0].waiting == 2

    broker.start()
    cloud = CloudPeer(broker.port)
    cloud.start()
    terminal.start()

    wait_for(lambda: len(cloud.stored) == 2)
    wait_for(lambda: read_history(terminal.state / "punches.db", 10)[0].waiting == 0)
    terminal.stop()
    cloud.stop()


def test_a_camera_and_a_sensor_that_are_away_hinder_nobody(terminal: Terminal, cloud: CloudPeer):
    terminal.start("--camera", "9", "--sensor", str(terminal.state / "no-such-port"))

    assert terminal.pin("1001", "4711") == "identified"
    wait_for(lambda: bool(cloud.states) and _away(cloud.states[-1]) == {"camera", "sensor"})
    assert {part.name for part in cloud.states[-1].parts} == {"camera", "sensor", "storage"}
    assert terminal.stop()[0] == 0


def _away(state: TerminalState) -> set[str]:
    return {part.name for part in state.parts if part.health == "away"}


def test_what_keeps_it_from_starting_is_one_sentence(terminal: Terminal, tmp_path: Path):
    port = socket.create_server(("127.0.0.1", terminal.port))
    taken = terminal.command("run", *terminal.options())
    port.close()
    identity = load_identity(terminal.state)
    with Ledger(terminal.state / "punches.db", identity.terminal_id, this_machine(terminal.state)):
        busy = terminal.command("run", *terminal.options())
    unclaimed = terminal.command("run", "--state", str(tmp_path / "nothing"))
    wrong = terminal.command("run", *terminal.options(), "--broker-url", "http://broker")

    for refused, word in (
        (taken, "port"),
        (busy, "in use by another process"),
        (unclaimed, "kaoqin-edge claim CODE"),
        (wrong, "mqtt://HOST:PORT"),
    ):
        assert refused.returncode == 2
        assert refused.stderr.startswith("kaoqin-edge: ")
        assert refused.stderr.count("\n") == 1
        assert word in refused.stderr


def test_the_punches_are_listed_for_people_and_for_programs(terminal: Terminal):
    terminal.start()
    terminal.pin("1003", "4711")

    people = terminal.command("punches", "list", "--state", str(terminal.state))
    program = terminal.command("punches", "list", "--state", str(terminal.state), "--json")

    assert "p-3" in people.stdout
    assert people.stdout.endswith("1 punches, 1 waiting, 0 refused by the cloud\n")
    assert json.loads(program.stdout)["punches"][0]["person_id"] == "p-3"


def test_answers_are_on_standard_output_and_logs_are_not(terminal: Terminal):
    (terminal.state / "roster.json").write_text("no roster")

    listed = terminal.command("enrol", "list", "--state", str(terminal.state))

    assert listed.stdout.startswith("Nobody is enrolled yet")
    assert "roster_unreadable" in listed.stderr


def test_a_folder_that_is_not_there_gets_one_sentence(terminal: Terminal):
    refused = terminal.command("enrol", "list", "--state", str(terminal.state / "nothing"))

    assert refused.returncode == 2
    assert refused.stderr.startswith("kaoqin-edge: ")
    assert refused.stderr.count("\n") == 1


def test_a_refused_claim_leaves_the_old_identity(terminal: Terminal, http_cloud: HttpCloud):
    before = load_identity(terminal.state)

    again = terminal.command("claim", "WRONG", "--cloud", http_cloud.url, "--state", str(terminal.state))

    assert again.returncode == 2
    assert again.stderr == "kaoqin-edge: the cloud refused the code: the code is wrong\n"
    assert load_identity(terminal.state) == before


def test_the_doctor_says_what_is_good_and_what_is_not(terminal: Terminal, broker: Iotcore):
    def found(**chosen: str) -> dict[str, bool]:
        settings = load_settings(state=terminal.state, **chosen)
        return {each.subject: each.is_good for each in examine(settings, SystemClock())}

    well = found()
    subjects = "claim ledger proof disk clock camera sensor broker cloud"
    assert list(well) == subjects.split()
    assert all(well.values())

    broker.stop()
    ill = found(camera="9", sensor=str(terminal.state / "no-such-port"))
    assert [subject for subject, is_good in ill.items() if not is_good] == ["camera", "sensor", "broker"]


def test_the_doctor_leaves_a_running_agent_alone(terminal: Terminal):
    terminal.start()

    examined = terminal.command("doctor", "--state", str(terminal.state), "--camera", "9")

    assert examined.returncode == 0, examined.stdout
    assert examined.stdout.count("in use by the running agent") == 2
    assert terminal.pin("1001", "4711") == "identified"


def test_the_doctor_s_verdict_is_the_exit_code(tmp_path: Path):
    examined = Terminal(tmp_path).command("doctor", "--state", str(tmp_path / "nothing"))

    assert examined.returncode == 1
    assert examined.stdout.startswith("BAD  claim")

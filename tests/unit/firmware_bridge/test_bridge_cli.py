from __future__ import annotations

import base64
import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge import commands
from firmware_bridge.cli import main
from firmware_bridge.deadline import Deadline, MonotonicClock
from firmware_bridge.emulator.faults import FaultPlan
from firmware_bridge.emulator.library import Library
from firmware_bridge.emulator.peer import Peer
from firmware_bridge.emulator.sensor import EmulatedSensor
from firmware_bridge.profiles import R307
from tests.unit.firmware_bridge.null_modem import Bench

ALICE = "alice-right-index"


class Door:
    def __init__(self, port: Path, module: EmulatedSensor) -> None:
        self.port = str(port)
        self.module = module


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """A sensor with the password CAFE on a real pty."""
    clock = MonotonicClock()
    library = Library(None, capacity=R307.capacity, template_bytes=R307.template_bytes)
    module = EmulatedSensor(R307, library, clock, password=0xCAFE)
    peer = Peer(module, FaultPlan(), clock, link=tmp_path / "tty", control=None)
    (tmp_path / "password").write_text("0000cafe\n")
    thread = threading.Thread(target=peer.run, daemon=True)
    thread.start()
    yield Door(tmp_path / "tty", module)
    peer.stop()
    thread.join()


@pytest.fixture
def password(tmp_path: Path) -> list[str]:
    return ["--password-file", str(tmp_path / "password")]


def test_probe_tells_what_the_sensor_is_and_holds(
    door: Door, password: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    door.module.library.write(5, bytes(512))

    assert main(["probe", door.port, "--json", *password]) == 0

    assert json.loads(capsys.readouterr().out) == {
        "capacity": 1000,
        "count": 1,
        "occupied": 1,
        "security_level": 3,
        "system_id": "0009",
        "address": "FFFFFFFF",
        "baud_rate": 57600,
    }


def test_probe_speaks_to_people_by_default(
    door: Door, password: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", door.port, *password]) == 0

    assert "capacity        1000\n" in capsys.readouterr().out


def test_a_wrong_password_is_one_sentence(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", door.port]) == 1

    assert capsys.readouterr().err == (
        "kaoqin-bridge: the sensor refused VfyPwd: the password is wrong (code 13)\n"
    )


@pytest.mark.parametrize("content", ["", "xyz", "1FFFFFFFF", "-1"])
def test_a_password_file_without_a_password_is_wrong_use(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str], door: Door
) -> None:
    (tmp_path / "bad").write_text(content)

    assert main(["probe", door.port, "--password-file", str(tmp_path / "bad")]) == 2

    assert "does not hold up to 8 hexadecimal digits" in capsys.readouterr().err


def test_an_absent_port_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", str(tmp_path / "none")]) == 1

    assert capsys.readouterr().err == (
        f"kaoqin-bridge: cannot open the sensor's port {tmp_path / 'none'}: there is no such port\n"
    )


def test_dump_lists_slots_and_never_templates(
    door: Door, password: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    door.module.library.write(5, bytes(512))
    door.module.library.write(300, bytes(512))

    assert main(["dump", door.port, *password]) == 0

    assert capsys.readouterr().out == "5\n300\n"


def test_dump_writes_templates_to_a_file_for_the_owner_alone(
    door: Door, password: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = bytes(range(256)) * 2
    door.module.library.write(300, template)
    file = tmp_path / "backup"

    assert main(["dump", door.port, "--templates", str(file), *password]) == 0

    assert capsys.readouterr().out == "300\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    row = json.loads(file.read_text())
    assert (row["profile"], row["slot"]) == ("R307", 300)
    assert base64.b64decode(row["template"]) == template


def test_dump_overwrites_nothing(
    door: Door, password: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dump", door.port, "--templates", str(tmp_path / "password"), *password]) == 1

    assert "File exists" in capsys.readouterr().err
    assert (tmp_path / "password").read_text() == "0000cafe\n"


def guided(bench: Bench, slot: int | None, presses: Iterator[tuple[str, float]]) -> list[str]:
    """What is said to a person who does what they are told."""
    said = []
    for line in commands.enrol(bench.sensor(), slot, Deadline(bench.clock, 60_000)):
        said.append(line)
        if "press" in line:
            bench.press(*next(presses))
        else:
            bench.module.lift()
    return said


def test_enrol_asks_for_two_presses_and_takes_the_lowest_free_slot(bench: Bench) -> None:
    bench.library.write(0, bytes(512))

    lines = guided(bench, None, iter([(ALICE, 0.8)] * 2))

    assert lines == ["press the finger", "lift it", "press the same finger again", "enrolled in slot 1"]
    assert bench.library.slots() == [0, 1]


def test_enrol_tells_how_to_press_better_and_when_fingers_differ(bench: Bench) -> None:
    presses = iter([(ALICE, 0.1), (ALICE, 0.2), (ALICE, 0.8), ("bob", 0.8), (ALICE, 0.8), (ALICE, 0.8)])

    lines = guided(bench, 9, presses)

    assert [line for line in lines if "lay it flat" in line]
    assert [line for line in lines if "dry the finger" in line]
    assert [line for line in lines if "another finger: begin again" in line]
    assert lines[-1] == "enrolled in slot 9"


def test_enrol_refuses_a_known_finger(bench: Bench) -> None:
    guided(bench, 3, iter([(ALICE, 0.8)] * 2))

    with pytest.raises(commands.EnrolmentFailed, match="already, in slot 3"):
        guided(bench, 4, iter([(ALICE, 0.8)] * 2))


def test_enrol_refuses_an_occupied_slot_and_a_full_library(bench: Bench) -> None:
    bench.library.write(3, bytes(512))
    with pytest.raises(commands.EnrolmentFailed, match="slot 3 is occupied"):
        next(commands.enrol(bench.sensor(), 3, Deadline(bench.clock, 60_000)))

    for slot in range(R307.capacity):
        bench.library.write(slot, bytes(512))
    with pytest.raises(commands.EnrolmentFailed, match="full"):
        next(commands.enrol(bench.sensor(), None, Deadline(bench.clock, 60_000)))


def test_enrol_gives_up_in_time(door: Door, password: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["enrol", door.port, "--timeout", "0", *password]) == 1

    assert "nothing was stored" in capsys.readouterr().err


def test_enrol_beyond_the_library_is_wrong_use(
    door: Door, password: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["enrol", door.port, "--slot", "1000", *password]) == 2

    assert "slot 1000 is not one of 0 to 999" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--link", "{tmp}/tty", "--faults", "loud"], 2, "unknown fault 'loud': known are silent"),
        (["--link", "{tmp}/none/tty"], 1, "cannot put the port at"),
        (["--link", "{tmp}/tty", "--control", "{tmp}/none/sock"], 1, "cannot listen on"),
        (["--link", "{tmp}/tty", "--control", "{tmp}/" + "x" * 120], 1, "cannot listen on"),
        (["--link", "{tmp}/tty", "--library", "/dev/null/lib"], 1, "cannot use the library"),
    ],
)
def test_an_emulator_that_cannot_start_says_why(
    tmp_path: Path, options: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["emulate", *(option.format(tmp=tmp_path) for option in options)]) == code

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"kaoqin-bridge: {sentence}")
    assert output.err.count("\n") == 1
    assert not (tmp_path / "tty").is_symlink()


def test_wrong_use_is_told_by_the_parser(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["emulate"])

    assert ended.value.code == 2
    assert "--link" in capsys.readouterr().err

"""The real driver, over a real pseudo-terminal, to the emulator in its own process."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyfingerprint.pyfingerprint import PyFingerprint

from firmware_bridge.deadline import MonotonicClock
from firmware_bridge.emulator.faults import FaultPlan
from firmware_bridge.emulator.library import Library
from firmware_bridge.emulator.peer import Peer
from firmware_bridge.emulator.sensor import EmulatedSensor
from firmware_bridge.enrolment import Enrolled, Enrolment, Stage
from firmware_bridge.errors import LinkLost, PortUnavailable, SensorRefused
from firmware_bridge.outcomes import Matched, NoFinger, NotMatched, PoorImage, PoorReason
from firmware_bridge.profiles import R307
from firmware_bridge.sensor import Sensor, open_sensor

BRIDGE = Path(sys.executable).with_name("kaoqin-bridge")
ALICE = "alice-right-index"
CLOCK = MonotonicClock()
READY_S = 20


class Emulator:
    """A running `kaoqin-bridge emulate`."""

    def __init__(self, folder: Path, name: str, *options: str) -> None:
        self.link = folder / f"{name}.tty"
        self.library = folder / f"{name}.library"
        self.control = folder / f"{name}.sock"
        paths = {"--link": self.link, "--library": self.library, "--control": self.control}
        arguments = [str(part) for pair in paths.items() for part in pair]
        self.process = subprocess.Popen(
            [BRIDGE, "emulate", "--profile", "R307", *arguments, *options], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], READY_S)
        assert ready, "the emulator did not become ready"
        assert self.process.stdout.readline() == f"ready {self.link}\n"

    def tell(self, **request: object) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.control))
            client.sendall(json.dumps(request).encode() + b"\n")
            with client.makefile() as answers:
                reply: dict[str, Any] = json.loads(answers.readline())
        return reply

    def press(self, finger: str, **how: float) -> None:
        assert self.tell(press=finger, ms=60_000, **how)["ok"]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(READY_S)


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    running = Emulator(tmp_path, "door")
    yield running
    running.end()


@pytest.fixture
def sensor(emulator: Emulator) -> Iterator[Sensor]:
    with open_sensor(emulator.link, CLOCK) as opened:
        yield opened


def enrol(emulator: Emulator, sensor: Sensor, finger: str, slot: int) -> None:
    enrolment = Enrolment(sensor, slot)
    emulator.press(finger)
    enrolment.step()
    assert enrolment.stage is Stage.LIFT
    emulator.tell(lift=True)
    enrolment.step()
    emulator.press(finger)
    assert enrolment.step() == Enrolled(slot)
    emulator.tell(lift=True)


def slot_of(sensor: Sensor) -> int | None:
    outcome = sensor.identify()
    return outcome.slot if isinstance(outcome, Matched) else None


def test_a_finger_is_enrolled_found_and_deleted(emulator: Emulator, sensor: Sensor) -> None:
    enrol(emulator, sensor, ALICE, 7)
    enrol(emulator, sensor, "bob-left-thumb", 999)

    assert sensor.identify() == NoFinger()
    emulator.press(ALICE)
    assert slot_of(sensor) == 7
    emulator.press("eve")
    assert sensor.identify() == NotMatched()
    emulator.press(ALICE, quality=0.2)
    assert sensor.identify() == PoorImage(PoorReason.MESSY)
    assert emulator.tell(library=True)["slots"] == [7, 999]
    probe = sensor.probe()
    assert (probe.count, sorted(probe.occupied), probe.parameters.capacity) == (2, [7, 999], 1000)

    sensor.delete(7)
    emulator.press(ALICE)
    assert sensor.identify() == NotMatched()
    sensor.clear()
    assert sensor.count() == 0


def test_a_template_enrolled_at_one_door_opens_another(
    emulator: Emulator, sensor: Sensor, tmp_path: Path
) -> None:
    enrol(emulator, sensor, ALICE, 7)
    other = Emulator(tmp_path, "other")
    try:
        template = sensor.read_template(7)
        assert template is not None
        with open_sensor(other.link, CLOCK) as second:
            second.install_template(0, template)
            assert second.read_template(0) == template
            other.press(ALICE)
            assert slot_of(second) == 0
    finally:
        other.end()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_library_survives_the_end_of_the_emulator(tmp_path: Path, how: int) -> None:
    first = Emulator(tmp_path, "door")
    with open_sensor(first.link, CLOCK) as sensor:
        enrol(first, sensor, ALICE, 7)
    first.end(how)

    again = Emulator(tmp_path, "door")
    with open_sensor(again.link, CLOCK) as sensor:
        again.press(ALICE)
        assert slot_of(sensor) == 7
    again.end()


def test_the_emulator_cleans_up_behind_itself(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path, "door")

    assert emulator.end() == 0

    assert not emulator.link.is_symlink()
    assert not emulator.control.exists()


def test_two_hosts_never_share_a_sensor(emulator: Emulator, sensor: Sensor) -> None:
    with pytest.raises(PortUnavailable, match="another program is using it"):
        open_sensor(emulator.link, CLOCK)

    assert sensor.count() == 0


@pytest.mark.parametrize("fault", ["silent", "cut", "badsum", "late"])
def test_a_lost_answer_is_told_and_the_next_call_works(
    emulator: Emulator, sensor: Sensor, fault: str
) -> None:
    emulator.tell(fault=fault)

    with pytest.raises(LinkLost):
        sensor.count()

    assert sensor.count() == 0
    assert sensor.identify() == NoFinger()


def test_noise_before_an_answer_is_invisible(emulator: Emulator, sensor: Sensor) -> None:
    emulator.tell(fault="garbage", times=5)

    assert [sensor.count() for _ in range(5)] == [0] * 5


def test_a_sensor_pulled_out_and_put_back_is_found_again(emulator: Emulator, sensor: Sensor) -> None:
    enrol(emulator, sensor, ALICE, 7)
    emulator.tell(fault="unplug")

    with pytest.raises(LinkLost):
        sensor.identify()
    with pytest.raises(LinkLost):
        sensor.identify()
    sensor.close()

    with reopened(emulator.link) as again:
        emulator.press(ALICE)
        assert slot_of(again) == 7


def reopened(link: Path) -> Sensor:
    pause = threading.Event()
    for _ in range(200):
        try:
            return open_sensor(link, CLOCK)
        except PortUnavailable:
            pause.wait(0.05)
    pytest.fail("the port did not come back")


def test_faults_that_come_back_are_survived(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path, "door", "--faults", "garbage@3,cut@7,late@11,badsum@13")
    answers: list[int] = []
    try:
        with reopened_until_in_step(emulator.link) as sensor:
            for _ in range(12):
                try:
                    answers.append(sensor.count())
                except LinkLost:
                    continue
    finally:
        emulator.end()

    assert answers
    assert set(answers) == {0}


def reopened_until_in_step(link: Path) -> Sensor:
    for _ in range(10):
        try:
            return open_sensor(link, CLOCK)
        except LinkLost:
            continue
    pytest.fail("never got in step")


def test_the_emulator_is_lean(emulator: Emulator, sensor: Sensor) -> None:
    status = Path(f"/proc/{emulator.process.pid}/status").read_text()

    resident_kb = int(status.split("VmRSS:")[1].split()[0])
    assert resident_kb < 30 * 1024


def test_pyfingerprint_as_it_is_finds_an_ordinary_sensor(emulator: Emulator) -> None:
    """The emulator is judged by a driver that is not ours."""
    upstream = PyFingerprint(str(emulator.link), 57600)
    assert upstream.verifyPassword()
    assert upstream.getStorageCapacity() == 1000
    assert not upstream.readImage()

    for buffer in (1, 2):
        emulator.press(ALICE)
        assert upstream.readImage()
        assert upstream.convertImage(buffer)
    assert upstream.compareCharacteristics() > 0
    assert upstream.createTemplate()
    assert upstream.storeTemplate() == 0
    template = upstream.downloadCharacteristics(1)

    assert upstream.getTemplateIndex(0)[:2] == [True, False]
    assert upstream.uploadCharacteristics(2, template)
    assert upstream.storeTemplate(5, 2) == 5
    assert upstream.getTemplateCount() == 2
    assert upstream.loadTemplate(5, 1)
    assert upstream.searchTemplate()[0] == 0
    assert upstream.deleteTemplate(0)
    assert upstream.searchTemplate()[0] == 5
    assert upstream.clearDatabase()
    assert upstream.searchTemplate() == (-1, -1)


def test_an_emulator_lives_in_a_thread_too(tmp_path: Path) -> None:
    library = Library(None, capacity=R307.capacity, template_bytes=R307.template_bytes)
    module = EmulatedSensor(R307, library, CLOCK, password=0xCAFE)
    peer = Peer(module, FaultPlan(), CLOCK, link=tmp_path / "tty", control=None)
    thread = threading.Thread(target=peer.run, daemon=True)
    thread.start()
    try:
        with open_sensor(tmp_path / "tty", CLOCK, password=0xCAFE) as sensor:
            assert sensor.count() == 0
        with pytest.raises(SensorRefused, match="password"):
            open_sensor(tmp_path / "tty", CLOCK, password=1)
    finally:
        peer.stop()
        thread.join()
    assert not os.path.lexists(tmp_path / "tty")


def test_a_host_that_died_does_not_keep_the_port(tmp_path: Path) -> None:
    """The kernel drops TIOCEXCL at the last close, and the emulator itself never closes."""
    library = Library(None, capacity=R307.capacity, template_bytes=R307.template_bytes)
    module = EmulatedSensor(R307, library, CLOCK)
    peer = Peer(module, FaultPlan(), CLOCK, link=tmp_path / "tty", control=None)
    observer, host = (os.open(tmp_path / "tty", os.O_RDWR | os.O_NOCTTY) for _ in range(2))
    fcntl.ioctl(host, termios.TIOCEXCL)
    os.close(host)
    assert exclusive(observer)
    thread = threading.Thread(target=peer.run, daemon=True)
    thread.start()
    try:
        pause = threading.Event()
        freed = any(not exclusive(observer) or pause.wait(0.05) for _ in range(400))
    finally:
        peer.stop()
        thread.join()
        os.close(observer)
    assert freed


def exclusive(descriptor: int) -> bool:
    tiocgexcl = 0x80045440  # linux/asm-generic/ioctls.h; the termios module lacks it
    return fcntl.ioctl(descriptor, tiocgexcl, bytes(4)) != bytes(4)


def test_control_clients_that_misbehave_do_no_harm(emulator: Emulator, sensor: Sensor) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(emulator.control))
        client.sendall(b'{"library": true}\n{"lift": true}\nnonsense\n')
        with client.makefile() as answers:
            replies = [json.loads(answers.readline())["ok"] for _ in range(3)]
        client.sendall(b'{"half')
    with socket.socket(socket.AF_UNIX) as flood:
        flood.connect(str(emulator.control))
        flood.sendall(b"x" * 5000)
        assert flood.recv(1) == b""

    assert replies == [True, True, False]
    assert emulator.tell(library=True)["ok"]
    assert sensor.count() == 0

"""The finger worker and finger enrolment, over a pty, against the emulated sensor in its own process."""

from __future__ import annotations

import json
import queue
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.enrol.errors import ConsentMissing
from edge.enrol.finger import FingerEnrolled, FingerOf, enrol_finger
from edge.enrol.gallery import Gallery
from edge.finger.enrolment import FingerDesk, Hint, NobodyCame
from edge.finger.errors import SensorUnavailable
from edge.finger.worker import FingerWorker
from edge.identification import Identification, Identified, Unknown, Unsure
from models.clock import SystemClock
from models.ids import PersonId
from models.punch import Method

BRIDGE = Path(sys.executable).with_name("kaoqin-bridge")
LI, HAN = PersonId("p-li"), PersonId("p-han")
CONSENT_MS = 1_795_000_000_000
PATIENCE_S = 30


class Sensor:
    """An emulated sensor process and the hand that presses it."""

    def __init__(self, folder: Path, library: str) -> None:
        self.port = folder / "sensor"
        self._library = folder / library
        self._control = folder / "control.sock"
        self._process: subprocess.Popen[str] | None = None
        self.plug_in()

    def plug_in(self) -> None:
        self._process = subprocess.Popen(
            [
                *(BRIDGE, "emulate", "--profile", "R307", "--link", self.port),
                *("--library", self._library, "--control", self._control),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE_S)
        assert ready
        self._process.stdout.readline()

    def unplug(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._process.stdout.close()

    def swap(self, library: Path) -> None:
        self.unplug()
        self._library = library
        self.plug_in()

    def press(self, finger: str, ms: int = 60_000, quality: float = 0.8) -> None:
        self._tell(press=finger, ms=ms, quality=quality)

    def lift(self) -> None:
        self._tell(lift=True)

    def slots(self) -> list[int]:
        slots = self._tell(library=True)["slots"]
        assert isinstance(slots, list)
        return slots

    def _tell(self, **request: object) -> dict[str, object]:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self._control))
            client.sendall(json.dumps(request).encode() + b"\n")
            with client.makefile() as answers:
                answer: dict[str, object] = json.loads(answers.readline())
        assert answer["ok"], answer
        return answer


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[Sensor]:
    running = Sensor(tmp_path, "library")
    yield running
    running.unplug()


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    opened = Gallery(tmp_path / "gallery.db", tmp_path / "gallery.key", "net-1")
    yield opened
    opened.close()


@pytest.fixture
def desk(sensor: Sensor) -> Iterator[FingerDesk]:
    with FingerDesk(str(sensor.port), SystemClock()) as opened:
        yield opened


def hand(sensor: Sensor, first: str, second: str | None = None) -> Callable[[Hint], None]:
    """Somebody who does what the hints say, with ``first`` and then ``second``."""

    def obey(hint: Hint) -> None:
        match hint:
            case Hint.LIFT:
                sensor.lift()
            case Hint.PRESS_AGAIN:
                sensor.press(second or first)
            case _:
                sensor.press(first)

    return obey


def enrolled(sensor: Sensor, gallery: Gallery, person: PersonId, finger: str) -> int:
    with FingerDesk(str(sensor.port), SystemClock()) as desk:
        done = enrol_finger(desk, gallery, person, "right-index", CONSENT_MS, hand(sensor, finger))
    sensor.lift()
    assert isinstance(done, FingerEnrolled)
    return done.slot


class Door:
    """A running worker and what it says."""

    def __init__(self, sensor: Sensor, gallery: Gallery) -> None:
        self.said: queue.Queue[Identification] = queue.Queue()
        self.worker = FingerWorker(str(sensor.port), gallery, self.said.put, SystemClock())

    def next(self) -> Identification:
        return self.said.get(timeout=PATIENCE_S)

    def lift(self, sensor: Sensor) -> None:
        sensor.lift()
        wait_until(lambda: not self.worker._press.is_settled, "the finger to be gone")

    def wait_for(self, health: str, reason: str = "") -> None:
        wait_until(
            lambda: self.worker.health().health == health and reason in self.worker.health().reason,
            f"the sensor to be {health} {reason}",
        )


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    pause = threading.Event()
    for _ in range(PATIENCE_S * 20):
        if is_so():
            return
        pause.wait(0.05)
    pytest.fail(f"waited in vain for {what}")


@pytest.fixture
def door(sensor: Sensor, gallery: Gallery) -> Iterator[Door]:
    made = Door(sensor, gallery)
    yield made
    made.worker.stop()


def test_a_press_names_its_owner_once_and_a_stranger_is_nobody(sensor: Sensor, gallery: Gallery, door: Door):
    assert [enrolled(sensor, gallery, LI, "li-right"), enrolled(sensor, gallery, HAN, "han-right")] == [0, 1]
    door.worker.start()
    door.wait_for("ok")

    sensor.press("han-right")
    first = door.next()
    assert isinstance(first, Identified)
    assert (first.person_id, first.method) == (HAN, Method.FINGER)
    assert first.score_milli is not None
    door.lift(sensor)
    sensor.press("eve-right")
    assert door.next() == Unknown(Method.FINGER)
    door.lift(sensor)
    sensor.press("li-right", quality=0.1)
    assert door.next() == Unsure(Method.FINGER)
    assert door.said.empty()


def test_a_sensor_unplugged_is_away_and_is_taken_back(sensor: Sensor, gallery: Gallery, door: Door):
    enrolled(sensor, gallery, LI, "li-right")
    door.worker.start()
    door.wait_for("ok")

    sensor.unplug()
    door.wait_for("away")
    sensor.plug_in()
    door.wait_for("ok")
    sensor.press("li-right")

    assert isinstance(door.next(), Identified)


def test_another_sensor_with_the_same_slots_is_not_trusted(
    sensor: Sensor, gallery: Gallery, door: Door, tmp_path: Path
):
    enrolled(sensor, gallery, LI, "li-right")
    own = sensor._library
    sensor.swap(tmp_path / "other")
    other = Gallery(tmp_path / "other.db", tmp_path / "other.key", "net-1")
    enrolled(sensor, other, HAN, "han-right")
    other.close()

    door.worker.start()
    door.wait_for("away", "not the sensor")
    sensor.swap(own)
    door.wait_for("ok")


def test_a_slot_of_unknown_owner_is_reported_and_is_nobody(sensor: Sensor, gallery: Gallery, door: Door):
    slot = enrolled(sensor, gallery, LI, "li-right")
    gallery.erase(LI)
    gallery.slot_cleared(slot)

    door.worker.start()
    door.wait_for("ok", "1 slots of unknown owner")
    sensor.press("li-right")

    assert door.next() == Unknown(Method.FINGER)


def test_an_erased_finger_leaves_the_running_sensor(sensor: Sensor, gallery: Gallery, door: Door):
    enrolled(sensor, gallery, LI, "li-right")
    door.worker.start()
    door.wait_for("ok")

    gallery.erase(LI)
    wait_until(lambda: not gallery.slots_to_clear(), "the slot to be cleared")

    assert sensor.slots() == []
    sensor.press("li-right")
    assert door.next() == Unknown(Method.FINGER)


def test_a_terminal_may_have_no_sensor(gallery: Gallery):
    worker = FingerWorker("none", gallery, lambda _: None, SystemClock())
    worker.start()

    assert worker.health().health == "none"
    worker.stop()


def test_two_different_fingers_are_asked_for_again(sensor: Sensor, gallery: Gallery, desk: FingerDesk):
    hints: list[Hint] = []
    clumsy, careful = hand(sensor, "li-right", "li-left"), hand(sensor, "li-right")

    def obey(hint: Hint) -> None:
        if hint is Hint.DIFFERENT:
            sensor.lift()
        hints.append(hint)
        (careful if Hint.DIFFERENT in hints else clumsy)(hint)

    done = enrol_finger(desk, gallery, LI, "right-index", CONSENT_MS, obey)

    assert done == FingerEnrolled(0)
    assert Hint.DIFFERENT in hints
    template = gallery.finger(0)
    assert template is not None
    assert (template.network, len(template.data)) == ("R307", 512)


def test_a_finger_of_somebody_else_is_refused(sensor: Sensor, gallery: Gallery):
    enrolled(sensor, gallery, LI, "li-right")
    with FingerDesk(str(sensor.port), SystemClock()) as desk:
        done = enrol_finger(desk, gallery, HAN, "left-index", CONSENT_MS, hand(sensor, "li-right"))

    assert done == FingerOf(LI)
    assert sensor.slots() == [0]


def test_a_leftover_of_an_enrolment_cut_off_is_no_obstacle(sensor: Sensor, gallery: Gallery):
    slot = enrolled(sensor, gallery, LI, "li-right")
    gallery.erase(LI)
    gallery.slot_cleared(slot)

    assert enrolled(sensor, gallery, HAN, "li-right") == 1
    assert sensor.slots() == [1]
    assert gallery.slots() == {1: HAN}


def test_the_same_finger_again_keeps_its_slot(sensor: Sensor, gallery: Gallery):
    assert enrolled(sensor, gallery, LI, "li-right") == 0
    assert enrolled(sensor, gallery, LI, "li-right") == 0
    assert gallery.slots() == {0: LI}


def test_without_consent_the_sensor_keeps_nothing_either(sensor: Sensor, gallery: Gallery, desk: FingerDesk):
    with pytest.raises(ConsentMissing):
        enrol_finger(desk, gallery, LI, "right-index", None, hand(sensor, "li-right"))

    assert sensor.slots() == []


def test_nobody_pressing_is_an_outcome(gallery: Gallery, desk: FingerDesk):
    done = enrol_finger(desk, gallery, LI, "right-index", CONSENT_MS, lambda _: None, patience_ms=200)

    assert done == NobodyCame()


def test_a_port_that_is_not_there_is_one_sentence(tmp_path: Path):
    with pytest.raises(SensorUnavailable, match="cannot open"):
        FingerDesk(str(tmp_path / "nowhere"), SystemClock())

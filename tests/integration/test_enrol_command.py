"""``kaoqin-edge enrol`` on a terminal's real state folder, with real pictures and the emulated sensor."""

from __future__ import annotations

import argparse
import json
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.enrol.cli import add_parser
from edge.enrol.commands import NobodyByThatNumber, PictureUnreadable
from edge.enrol.errors import ConsentMissing
from edge.enrol.gallery import open_gallery
from edge.errors import CannotStart, EdgeError
from edge.finger.enrolment import Hint
from edge.roster.store import RosterStore
from models.ids import PersonId
from models.wire.messages import Roster, RosterPerson
from tests.portraits import portrait_path

BRIDGE = Path(sys.executable).with_name("kaoqin-bridge")
READY_S = 30
FIRST, SECOND = PersonId("p-first"), PersonId("p-second")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    people = (RosterPerson(FIRST, "1001", "李雷"), RosterPerson(SECOND, "1002", "Han Meimei"))
    RosterStore(tmp_path).replace(Roster("v1", "东门", "Asia/Shanghai", people))
    return tmp_path


def run(state: Path, *words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    options = parser.parse_args(["enrol", *map(str, words), "--state", str(state)])
    return int(options.command(options))


def owners(state: Path) -> set[PersonId]:
    gallery = open_gallery(state)
    stored = set(gallery.faces().owners)
    gallery.close()
    return stored


def test_a_face_is_enrolled_listed_and_erased(state: Path, capsys: pytest.CaptureFixture[str]):
    assert run(state, "list") == 0
    assert "Nobody is enrolled yet" in capsys.readouterr().out

    pictures = [portrait_path("obama.jpg"), portrait_path("astronaut.png"), portrait_path("obama3.jpg")]
    assert run(state, "face", "1001", "--picture", *pictures, "--consent") == 0
    told = capsys.readouterr().out
    assert "李雷 (1001): 2 face templates stored." in told
    assert "astronaut.png: left out, the face is too small" in told

    assert run(state, "list") == 0
    assert "李雷 (1001): 2 faces, no fingers; consent of 2" in capsys.readouterr().out
    assert run(state, "erase", "1001") == 0
    assert "2 faces and 0 fingers erased" in capsys.readouterr().out
    assert owners(state) == set()


def test_somebody_enrolled_already_is_refused_by_name(state: Path, capsys: pytest.CaptureFixture[str]):
    run(state, "face", "1001", "--picture", portrait_path("obama.jpg"), "--consent")

    assert run(state, "face", "1002", "--picture", portrait_path("obama2.jpg"), "--consent") == 1
    assert "looks like 李雷 (1001)" in capsys.readouterr().err
    assert owners(state) == {FIRST}


def test_without_consent_nothing_is_stored(state: Path):
    with pytest.raises(ConsentMissing, match="add --consent"):
        run(state, "face", "1001", "--picture", portrait_path("obama.jpg"))
    with pytest.raises(ConsentMissing):
        run(state, "finger", "1001", "--position", "right-index", "--sensor", "unopened")

    assert owners(state) == set()


@pytest.mark.parametrize(
    ("words", "error", "sentence"),
    [
        (("face", "9999", "--picture", "x.jpg", "--consent"), NobodyByThatNumber, "9999 is not on this"),
        (("face", "1001", "--picture", "nowhere.jpg", "--consent"), PictureUnreadable, "nowhere.jpg"),
        (("finger", "1001", "--position", "nose", "--sensor", "x", "--consent"), CannotStart, "right-thumb"),
        (("finger", "1001", "--position", "right-index", "--consent"), CannotStart, "--sensor PATH"),
        (
            ("finger", "1001", "--position", "right-index", "--sensor", "nowhere", "--consent"),
            EdgeError,
            "nowhere",
        ),
        (("erase", "p-nobody"), NobodyByThatNumber, "p-nobody"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    state: Path, words: tuple[str, ...], error: type[EdgeError], sentence: str
):
    with pytest.raises(error, match=sentence):
        run(state, *words)


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "control.sock"
    paths = ("--link", str(tmp_path / "sensor"), "--control", str(path))
    command = [str(BRIDGE), "emulate", "--profile", "R307", *paths]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], READY_S)
        assert ready
        yield path
        process.terminate()


def tell(control: Path, **request: object) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(control))
        client.sendall(json.dumps(request).encode() + b"\n")
        with client.makefile() as answers:
            answer: dict[str, object] = json.loads(answers.readline())
    return answer


def test_a_finger_is_guided_by_the_text_and_erased_from_the_sensor(
    state: Path, control: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    spoken: list[str] = []

    def obedient(line: str) -> None:
        spoken.append(line)
        if line == Hint.LIFT.value:
            tell(control, lift=True)
        elif line in {Hint.PRESS.value, Hint.PRESS_AGAIN.value}:
            tell(control, press="li-right", ms=60_000)

    monkeypatch.setattr("edge.enrol.cli._say", obedient)
    words = ("1001", "--position", "right-index", "--sensor", state / "sensor", "--consent")

    assert run(state, "finger", *words) == 0

    assert spoken == [
        "press the finger",
        "lift it",
        "press the same finger again",
        "李雷 (1001): right-index stored, slot 0 of the sensor.",
    ]
    assert tell(control, library=True)["slots"] == [0]
    monkeypatch.undo()
    assert run(state, "erase", "1001", "--sensor", state / "sensor") == 0
    assert "0 faces and 1 fingers erased" in capsys.readouterr().out
    assert tell(control, library=True)["slots"] == []

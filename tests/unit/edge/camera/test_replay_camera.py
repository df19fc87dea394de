from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera.frame import Frame, NoFrame, NotFitted, Picture
from edge.camera.replay import FRAMES_PER_SECOND
from edge.camera.scene import HEIGHT, WIDTH, Standing, empty_room, letterbox
from edge.camera.source import Camera, open_camera

Ask = Callable[[object], dict[str, object]]


@pytest.fixture
def camera(tmp_path: Path):
    opened = open_camera(f"replay:{tmp_path / 'camera.sock'}")
    yield opened
    opened.close()


@pytest.fixture
def ask(camera: Camera, tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as line, line.makefile("rwb") as stream:
        line.connect(str(tmp_path / "camera.sock"))

        def send(command: object) -> dict[str, object]:
            raw = command if isinstance(command, bytes) else json.dumps(command).encode()
            stream.write(raw + b"\n")
            stream.flush()
            answer: dict[str, object] = json.loads(stream.readline())
            return answer

        yield send


@pytest.fixture
def red_picture(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    cv2.imwrite(str(path), np.full((300, 150, 3), (0, 0, 220), np.uint8))
    return path


def picture(camera: Camera) -> Picture:
    reading = camera.read()
    assert isinstance(reading, Frame)
    return reading.picture


def redness(seen: Picture) -> float:
    middle = seen[HEIGHT // 2 - 20 : HEIGHT // 2 + 20, WIDTH // 2 - 20 : WIDTH // 2 + 20].astype(float)
    return float(middle[..., 2].mean() - middle[..., 0].mean())


def test_without_a_command_the_room_is_empty_and_still(camera: Camera):
    first, second = picture(camera), picture(camera)

    assert first.shape == (HEIGHT, WIDTH, 3)
    assert first is second


def test_a_picture_stands_there_for_its_time_and_leaves(camera: Camera, ask: Ask, red_picture: Path):
    assert ask({"show": str(red_picture), "ms": 400}) == {"ok": True}

    frames = [picture(camera) for _ in range(10)]

    shown = [redness(frame) > 100 for frame in frames]
    assert shown == [True] * (400 * FRAMES_PER_SECOND // 1000) + [False] * 4
    assert (frames[0] != frames[1]).any()


def test_clear_empties_the_room_at_once(camera: Camera, ask: Ask, red_picture: Path):
    ask({"show": str(red_picture), "ms": 60_000})
    assert redness(picture(camera)) > 100

    assert ask({"clear": True}) == {"ok": True}
    assert redness(picture(camera)) == 0


def test_an_unplugged_camera_says_so_and_comes_back(camera: Camera, ask: Ask):
    ask({"fault": "away"})
    assert isinstance(camera.read(), NoFrame)

    ask({"fault": "ok"})
    assert isinstance(camera.read(), Frame)


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"show": "/nowhere.jpg"}',
        b'{"show": 3}',
        b'{"fault": "fire"}',
        b'{"clear": true, "fault": "ok"}',
        b'{"show": "x", "ms": 0}',
        b'{"zoom": 3}',
        b'{"clear": true, "zoom": 3}',
    ],
)
def test_a_wrong_command_is_answered_and_breaks_nothing(camera: Camera, ask: Ask, line: bytes):
    answer = ask(line)

    assert answer["ok"] is False
    assert answer["error"]
    assert ask({"clear": True}) == {"ok": True}
    assert isinstance(camera.read(), Frame)


def test_a_dead_socket_in_the_way_is_replaced_and_removed_at_the_end(tmp_path: Path):
    path = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    camera = open_camera(f"replay:{path}")
    camera.close()
    camera.close()

    assert not path.exists()
    assert isinstance(camera.read(), NoFrame)


def test_a_tall_and_a_wide_picture_are_shown_whole():
    marked = np.zeros((400, 100, 3), np.uint8)
    marked[:4], marked[-4:] = (0, 255, 0), (255, 0, 0)

    tall, wide = letterbox(marked), letterbox(np.ascontiguousarray(marked.transpose(1, 0, 2)))

    assert tall.shape == wide.shape == (HEIGHT, WIDTH, 3)
    assert tall[1, WIDTH // 2].tolist() == [0, 255, 0]
    assert tall[-2, WIDTH // 2].tolist() == [255, 0, 0]
    assert (tall[:, 0] == empty_room()[:, 0]).all()
    assert wide[HEIGHT // 2, 1].tolist() == [0, 255, 0]


def test_the_same_seed_stands_the_same_way():
    view = letterbox(np.full((50, 50, 3), 90, np.uint8))
    one, two, other = Standing(view, 5), Standing(view, 5), Standing(view, 6)

    frames = [one.next() for _ in range(3)]

    assert all((frame == two.next()).all() for frame in frames)
    assert (frames[0] != other.next()).any()


def test_a_terminal_may_have_no_camera():
    camera = open_camera("none")

    assert camera.read() == NotFitted()
    camera.close()


@pytest.mark.parametrize("spec", ["", "10", "-1", "replay:", "/dev/video0", "٣"])
def test_a_camera_nobody_knows_is_refused(spec: str):
    with pytest.raises(ValueError, match="none of"):
        open_camera(spec)


def test_a_webcam_that_is_not_there_is_a_reading_not_an_error():
    camera = open_camera("9")

    assert isinstance(camera.read(), NoFrame)
    assert isinstance(camera.read(), NoFrame)
    camera.close()

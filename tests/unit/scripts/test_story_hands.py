from __future__ import annotations

import json
import socketserver
import threading
from pathlib import Path

import pytest

from scripts.story import hands
from scripts.story.processes import StoryFailed


@pytest.fixture
def control(tmp_path: Path):
    """A peer that takes presses of fingers and nothing else."""
    heard: list[dict[str, object]] = []

    class Peer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                heard.append(json.loads(line))
                self.wfile.write(json.dumps({"ok": "press" in heard[-1]}).encode() + b"\n")

    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "c"), Peer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield tmp_path / "c", heard
        server.shutdown()
        thread.join()


def test_a_press_names_the_finger(control):
    path, heard = control

    hands.press(path, "1007")

    assert heard == [{"press": "1007-right-index", "ms": 900}]


def test_a_refused_command_is_not_taken_for_a_press(control):
    path, _ = control

    with pytest.raises(StoryFailed, match="refused"):
        hands.show(path, Path("nobody.jpg"))


def test_nobody_listening_is_said(tmp_path: Path):
    with pytest.raises(StoryFailed, match="does not answer"):
        hands.press(tmp_path / "nowhere", "1007")

"""The hands and faces before the first door: control lines to the emulated sensor and the replay camera."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path

from scripts.story.compare import Json
from scripts.story.processes import BIN, ROOT, StoryFailed, environment

_ANSWER_S = 10.0
_ENROL_S = 60.0
_PRESS_MS = 900
_BETWEEN_PRESSES_S = 0.6


def ask(control: Path, **command: str | float | bool) -> dict[str, Json]:
    """Send one control line and read its answer.

    Raises:
        StoryFailed: nobody listens, or the command was refused.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_ANSWER_S)
        try:
            line.connect(str(control))
            line.sendall(json.dumps(command).encode() + b"\n")
            said = line.makefile().readline()
        except OSError as error:
            raise StoryFailed(f"{control} does not answer: {error.strerror or error}") from error
    answer: dict[str, Json] = json.loads(said or "{}")
    if answer.get("ok") is not True:
        raise StoryFailed(f"{command} was refused: {answer}")
    return answer


def finger_of(employee_no: str) -> str:
    """The name under which the emulator knows the finger of somebody."""
    return f"{employee_no}-right-index"


def press(control: Path, employee_no: str) -> None:
    """Put the enrolled finger of somebody on the sensor."""
    ask(control, press=finger_of(employee_no), ms=_PRESS_MS)


def show(control: Path, picture: Path, ms: int = 2500) -> None:
    """Let somebody who looks like ``picture`` step before the camera."""
    ask(control, show=str(picture), ms=ms)


def enrol_finger(state: Path, sensor: Path, control: Path, employee_no: str) -> None:
    """Enrol a finger by the terminal's own command, pressing it again and again until that is content.

    Raises:
        StoryFailed: the command failed, or is not content within a minute.
    """
    command = [
        *("enrol", "finger", employee_no, "--position", "right-index", "--sensor", str(sensor)),
        *("--state", str(state), "--consent"),
    ]
    with subprocess.Popen(
        [str(BIN / "kaoqin-edge"), *command],
        cwd=ROOT,
        env=environment({}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        deadline = time.perf_counter() + _ENROL_S
        while process.poll() is None and time.perf_counter() < deadline:
            press(control, employee_no)
            time.sleep(_PRESS_MS / 1000 + _BETWEEN_PRESSES_S)
        ask(control, lift=True)
        process.kill()
        said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise StoryFailed(f"kaoqin-edge {' '.join(command)}: exit code {process.returncode}\n{said.strip()}")

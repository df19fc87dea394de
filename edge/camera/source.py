"""Opening the camera that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edge.camera.frame import NotFitted, Reading
from edge.camera.replay import ReplayCamera
from edge.camera.webcam import Webcam

_REPLAY = "replay:"


class Camera(Protocol):
    """One owner thread reads; :meth:`close` may come from another."""

    def read(self) -> Reading:
        """The next frame, waiting for it at most a frame's time; no trouble of the device is raised."""
        ...

    def close(self) -> None:
        """Give the device back; closing twice is fine."""
        ...


class NoCamera:
    """The camera of a terminal without one."""

    def read(self) -> Reading:
        """Always :class:`NotFitted`."""
        return NotFitted()

    def close(self) -> None:
        """Nothing to give back."""


def open_camera(spec: str) -> Camera:
    """The camera ``spec`` names: ``"0"`` to ``"9"`` (a webcam), ``"replay:SOCKET"`` or ``"none"``.

    A webcam that is away is not an error: its readings say so until it is there.

    Raises:
        ValueError: ``spec`` is none of these.
        OSError: the replay's socket cannot be made.
    """
    if spec == "none":
        return NoCamera()
    if spec.startswith(_REPLAY) and spec != _REPLAY:
        return ReplayCamera(Path(spec.removeprefix(_REPLAY)))
    if len(spec) == 1 and spec in "0123456789":
        return Webcam(int(spec))
    raise ValueError(f'camera "{spec}" is none of "0" to "9", "replay:SOCKET" and "none"')

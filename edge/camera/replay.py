"""A camera whose pictures other programs choose, over a unix socket.

JSON lines, each answered by one line ``{"ok": true}`` or ``{"ok": false, "error": "..."}``::

    {"show": "/path/picture.jpg", "ms": 1500}   somebody stands there for so long (camera time), then leaves
    {"clear": true}                             they leave now
    {"fault": "away"}   {"fault": "ok"}         the camera is unplugged, plugged in again
"""

from __future__ import annotations

import itertools
import socketserver
import threading
from pathlib import Path
from typing import Annotated, Literal, cast

import cv2
import msgspec
from msgspec import Meta

from edge.camera.frame import Frame, NoFrame, Picture, Reading
from edge.camera.scene import Standing, empty_room, letterbox

FRAMES_PER_SECOND = 15
_LINE_MAX_BYTES = 8192


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the control protocol; exactly one of ``show``, ``clear`` and ``fault`` is given."""

    show: str | None = None
    ms: Annotated[int, Meta(ge=1, le=600_000)] = 1500
    clear: Literal[True] | None = None
    fault: Literal["away", "ok"] | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The line that answers a command."""

    ok: bool
    error: str | None = None


class ReplayCamera:
    """Listens on ``socket_path`` from the start until closed; a dead socket file in the way is replaced."""

    def __init__(self, socket_path: Path) -> None:
        self._room = empty_room()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._seeds = itertools.count(1)
        self._standing: Standing | None = None
        self._frames_left = 0
        self._is_away = False
        self._path = socket_path
        socket_path.unlink(missing_ok=True)
        self._server = _ControlServer(str(socket_path), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def read(self) -> Reading:
        """The next frame, about 15 a second; of an empty room always the same array."""
        self._closed.wait(1 / FRAMES_PER_SECOND)
        with self._lock:
            if self._is_away or self._closed.is_set():
                return NoFrame("the camera does not answer")
            if self._frames_left == 0:
                self._standing = None
            self._frames_left = max(0, self._frames_left - 1)
            return Frame(self._room if self._standing is None else self._standing.next())

    def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._path.unlink(missing_ok=True)

    def obey(self, line: bytes) -> Answer:
        """Carry out one line of the control protocol."""
        try:
            command = msgspec.json.decode(line, type=Command)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Answer(ok=False, error=f"not a command: {error}")
        match command:
            case Command(show=str(path), clear=None, fault=None):
                return self._show(path, command.ms)
            case Command(show=None, clear=True, fault=None):
                with self._lock:
                    self._frames_left = 0
            case Command(show=None, clear=None, fault=str(fault)):
                with self._lock:
                    self._is_away = fault == "away"
            case _:
                return Answer(ok=False, error='one of "show", "clear" and "fault" is needed')
        return Answer(ok=True)

    def _show(self, path: str, ms: int) -> Answer:
        picture = cast("Picture | None", cv2.imread(path, cv2.IMREAD_COLOR))
        if picture is None:
            return Answer(ok=False, error=f"{path} is no picture")
        standing = Standing(letterbox(picture), next(self._seeds))
        with self._lock:
            self._standing = standing
            self._frames_left = max(1, round(ms * FRAMES_PER_SECOND / 1000))
        return Answer(ok=True)


class _ControlServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, path: str, camera: ReplayCamera) -> None:
        self.camera = camera
        super().__init__(path, _Conversation)


class _Conversation(socketserver.StreamRequestHandler):
    server: _ControlServer

    def handle(self) -> None:
        while line := self.rfile.readline(_LINE_MAX_BYTES):
            try:
                self.wfile.write(msgspec.json.encode(self.server.camera.obey(line)) + b"\n")
            except OSError:
                return  # whoever asked has gone

"""Faces at the door, in a thread of its own: camera -> engine -> gallery -> one statement per person.

The camera going away and coming back is part of the day: the thread waits, tries again and its health says
so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

import cv2
import structlog

from edge.camera.frame import Frame, NoFrame, NotFitted, Picture
from edge.camera.source import Camera
from edge.face.detect import Face
from edge.face.engine import FaceEngine
from edge.face.idle import Stillness
from edge.face.presence import Presence
from edge.face.quality import DOOR, Poor, nearest
from edge.face.search import FaceSet, search
from edge.face.track import GONE_MS, Tracker
from edge.identification import Identification
from models.clock import Clock
from models.wire.messages import Part

_FIRST_RETRY_S = 0.25
_LAST_RETRY_S = 8.0
_PREVIEW_WIDTH = 480
_JPEG_QUALITY = 75
_JOIN_S = 15.0  # longer than OpenCV waits for a camera that hangs

log = structlog.get_logger(__name__)


class FaceGallery(Protocol):
    """Where the enrolled faces come from; asked before each search, so it should remember."""

    def faces(self) -> FaceSet:
        """The templates of the engine's network, as they are now."""
        ...


def _ignore(_: Presence) -> None:
    """Nobody wants to know."""


class FaceWorker:
    """Reads ``camera`` from :meth:`start` until :meth:`stop`, which closes it.

    ``on_result`` is called from the worker's thread, once for each person who comes: who it is, or that it
    cannot be told. ``on_presence`` is called from there when somebody comes near, and when nobody is any
    more.
    """

    def __init__(
        self,
        camera: Camera,
        engine: FaceEngine,
        gallery: FaceGallery,
        on_result: Callable[[Identification], None],
        clock: Clock,
        on_presence: Callable[[Presence], None] = _ignore,
    ) -> None:
        self._camera = camera
        self._engine = engine
        self._gallery = gallery
        self._on_result = on_result
        self._on_presence = on_presence
        self._clock = clock
        self._tracker = Tracker()
        self._stillness = Stillness()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="face", daemon=True)
        self._part = Part("camera", "away", "no picture yet")
        self._picture: Picture | None = None
        self._near_ms: int | None = None
        self._retry_s = _FIRST_RETRY_S

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and close the camera."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)
        self._camera.close()

    def health(self) -> Part:
        """The camera as it is now: "ok", "away" with the reason, or "none"."""
        if self._part.health == "ok" and not self._thread.is_alive():
            return Part("camera", "away", "face recognition has stopped")
        return self._part

    def latest_frame(self) -> bytes | None:
        """The newest picture as JPEG, mirrored as in a looking-glass, or None while there is none."""
        picture = self._picture
        if picture is None:
            return None
        size = (_PREVIEW_WIDTH, round(picture.shape[0] * _PREVIEW_WIDTH / picture.shape[1]))
        mirrored = cv2.flip(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), 1)
        is_encoded, jpeg = cv2.imencode(".jpg", mirrored, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        return bytes(jpeg) if is_encoded else None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                match self._camera.read():
                    case Frame(picture):
                        self._arrived(picture)
                    case NoFrame(reason):
                        self._away(reason)
                    case NotFitted():
                        self._part = Part("camera", "none")
                        return
            except Exception:  # the door must see again at the next frame, whatever this one did
                log.exception("face_frame_failed")
                self._away("a picture could not be judged")

    def _arrived(self, picture: Picture) -> None:
        if self._part.health != "ok":
            log.info("camera_came_back")
        self._part, self._retry_s, self._picture = Part("camera", "ok"), _FIRST_RETRY_S, picture
        now_ms = self._clock.monotonic_ms()
        if self._stillness.is_still(picture, now_ms):
            self._left(now_ms)
            return
        faces = self._engine.find(picture)
        if not faces:
            self._stillness.found_nobody(now_ms)
        else:
            self._stillness.found_somebody()
        self._judge(picture, faces, now_ms)

    def _judge(self, picture: Picture, faces: tuple[Face, ...], now_ms: int) -> None:
        if not faces or faces[0].box.width < DOOR.width_px:
            self._left(now_ms)
            return
        if self._near_ms is None:
            self._on_presence(Presence.NEAR)
        self._near_ms = now_ms
        face = nearest(faces)
        if isinstance(face, Poor):
            self._tracker.crowd(now_ms)
            return
        if not self._tracker.wants_verdict(face.box, now_ms):
            return
        probe = self._engine.probe(picture, face)
        if isinstance(probe, Poor):
            return
        verdict = search(self._gallery.faces(), probe, self._engine.thresholds)
        said = self._tracker.judged(verdict, now_ms)
        if said is not None:
            self._on_result(said)

    def _left(self, now_ms: int) -> None:
        self._tracker.nobody(now_ms)
        if self._near_ms is not None and now_ms - self._near_ms >= GONE_MS:
            self._near_ms = None
            self._on_presence(Presence.GONE)

    def _away(self, reason: str) -> None:
        if self._part.health == "ok":
            log.warning("camera_went_away", reason=reason)
        self._part = Part("camera", "away", reason)
        self._picture = None
        self._left(self._clock.monotonic_ms())
        self._stopping.wait(self._retry_s)
        self._retry_s = min(_LAST_RETRY_S, self._retry_s * 2)

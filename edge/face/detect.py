"""Finding faces: YuNet, through OpenCV."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.frame import Picture

Landmarks = NDArray[np.float32]
"""5 x 2, pixels: the eye and the mouth corner on the left of the picture come before those on the right, the
nose stands third."""

IDLE_WIDTH = 320
"""Enough for faces of 50 px in a frame 640 wide, at a quarter of the time."""

_SCORE_THRESHOLD = 0.75
_OVERLAP_THRESHOLD = 0.3
_CANDIDATES = 50


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the picture; it may reach over the edge."""

    left: float
    top: float
    width: float
    height: float

    def overlap(self, other: Box) -> float:
        """Shared area over joint area, 0 to 1."""
        across = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        down = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        if across <= 0 or down <= 0:
            return 0.0
        shared = across * down
        return shared / (self.width * self.height + other.width * other.height - shared)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face found in a picture."""

    box: Box
    landmarks: Landmarks


class Detector:
    """One thread's detector; ``path`` is the network's file."""

    def __init__(self, path: Path) -> None:
        self._network = cv2.FaceDetectorYN.create(
            str(path), "", (IDLE_WIDTH, IDLE_WIDTH), _SCORE_THRESHOLD, _OVERLAP_THRESHOLD, _CANDIDATES
        )

    def find(self, picture: Picture, width: int | None = None) -> tuple[Face, ...]:
        """The faces in ``picture``, largest first, in its own pixels. It is shrunk to ``width``."""
        scale = 1.0
        seen = picture
        if width is not None and picture.shape[1] > width:
            scale = picture.shape[1] / width
            seen = cast(
                "Picture",
                cv2.resize(picture, (width, round(picture.shape[0] / scale)), interpolation=cv2.INTER_AREA),
            )
        self._network.setInputSize((seen.shape[1], seen.shape[0]))
        rows = cast("NDArray[np.float32] | None", self._network.detect(seen)[1])
        if rows is None:
            return ()
        faces = [_face(row * scale) for row in rows]
        return tuple(sorted(faces, key=lambda face: -face.box.width))


def _face(row: NDArray[np.float32]) -> Face:
    left, top, width, height = (float(value) for value in row[:4])
    return Face(Box(left, top, width, height), row[4:14].reshape(5, 2))

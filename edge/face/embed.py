"""From an aligned face to the vector that stands for it: SFace, through OpenCV."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import cv2
import numpy as np

from edge.camera.frame import Picture
from edge.face.align import SIDE
from edge.face.search import DIMENSIONS, Vector


class Embedder:
    """One thread's embedder; ``path`` is the network's file."""

    def __init__(self, path: Path) -> None:
        self._network = cv2.dnn.readNetFromONNX(str(path))

    def embed(self, aligned: Picture) -> Vector:
        """The vector of a 112 x 112 crop, of length 1."""
        blob = cv2.dnn.blobFromImage(aligned, 1.0, (SIDE, SIDE), (0, 0, 0), swapRB=True)
        self._network.setInput(blob, "data")
        raw = cast("Vector", self._network.forward()).reshape(DIMENSIONS)
        return (raw / np.linalg.norm(raw)).astype(np.float32)

"""Telling cheaply that nothing has changed before the camera, so that an empty door costs next to nothing."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.frame import Picture

_SIZE = (64, 48)
_STEP = 10
_SPOTS = 5
_LOOK_ANYWAY_MS = 1000


class Stillness:
    """Compares each frame with the last one in which nobody was found. Times are monotonic milliseconds."""

    def __init__(self) -> None:
        self._empty: NDArray[np.int16] | None = None
        self._looked_ms = 0
        self._last: NDArray[np.int16] | None = None

    def is_still(self, picture: Picture, now_ms: int) -> bool:
        """Whether looking for faces can be skipped: same picture as when nobody was there, a moment ago.

        Five spots of 1/64 of the width, each ten grey levels off, are a change; a face of 50 px covers 25.
        """
        grey = cv2.cvtColor(cv2.resize(picture, _SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        self._last = cast("Picture", grey).astype(np.int16)
        if self._empty is None or now_ms - self._looked_ms >= _LOOK_ANYWAY_MS:
            return False
        return int((np.abs(self._last - self._empty) > _STEP).sum()) < _SPOTS

    def found_nobody(self, now_ms: int) -> None:
        """The frame last asked about was searched, and nobody is in it."""
        self._empty, self._looked_ms = self._last, now_ms

    def found_somebody(self) -> None:
        """The frame last asked about has a face: every frame is looked at until they are gone."""
        self._empty = None

"""The real portraits that set-up keeps outside the repository; without them the tests that need them skip."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest

from edge.camera.frame import Picture
from edge.camera.scene import HEIGHT, WIDTH, empty_room

PICTURES = Path(__file__).parents[1] / ".state" / "pictures"


def portrait_path(name: str) -> Path:
    """The file of a portrait, by its name in the archive it comes from."""
    path = PICTURES / name
    if not path.exists():
        pytest.skip(f"{name} has not been fetched: scripts/test does so where a package index answers")
    return path


def portrait(name: str) -> Picture:
    """The picture itself."""
    return cast("Picture", cv2.imread(str(portrait_path(name))))


def at_the_door(*people: tuple[Picture, int, int]) -> Picture:
    """A frame with each picture shrunk to a height, its top left corner ``left`` px from the frame's left."""
    frame = empty_room()
    for picture, height, left in people:
        size = (round(picture.shape[1] * height / picture.shape[0]), height)
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))[:, : WIDTH - left]
        frame[HEIGHT - height :, left : left + small.shape[1]] = small
    return frame

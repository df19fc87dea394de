"""Turning a face into the upright 112 x 112 crop the embedder was trained on."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.frame import Picture
from edge.face.detect import Landmarks

SIDE = 112

# Where the five landmarks belong in the crop. Source: ArcFace (Deng et al., 2019), the reference alignment.
_REFERENCE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    np.float32,
)


def similarity(landmarks: Landmarks) -> NDArray[np.float32]:
    """The rotation, scale and shift (2 x 3) that bring ``landmarks`` nearest to the reference."""
    points = landmarks.astype(np.float64)
    x, y = points[:, 0], points[:, 1]
    ones, zeros = np.ones(len(points)), np.zeros(len(points))
    system = np.concatenate(
        [np.stack([x, -y, ones, zeros], axis=1), np.stack([y, x, zeros, ones], axis=1)], axis=0
    )
    wanted = np.concatenate([_REFERENCE[:, 0], _REFERENCE[:, 1]])
    a, b, shift_x, shift_y = np.linalg.lstsq(system, wanted, rcond=None)[0]
    return np.array([[a, -b, shift_x], [b, a, shift_y]], np.float32)


def align(picture: Picture, landmarks: Landmarks) -> Picture:
    """The face as a crop of 112 x 112."""
    return cast("Picture", cv2.warpAffine(picture, similarity(landmarks), (SIDE, SIDE)))

"""Is this face good enough: to be searched at the door, and, more strictly, to be enrolled.

A small or blurred enrolment picture resembles everybody; so nothing doubtful gets into the gallery, while the
door takes what it can get.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from edge.camera.frame import Picture
from edge.face.detect import Face, Landmarks


class Poor(StrEnum):
    """Why a picture was not taken; the value is what to tell the person."""

    NO_FACE = "no face found"
    SEVERAL_FACES = "more than one face"
    TOO_SMALL = "the face is too small: come closer"
    TURNED = "the face is turned: look straight at the camera"
    TOO_DARK = "too dark"
    TOO_BRIGHT = "too bright"
    BLURRED = "blurred: hold still"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a face must have.

    Attributes:
        width_px: of its box, in the picture it was found in.
        sharpness: see :func:`sharpness`.
        turn: at most so far from straight, see :func:`turn`.
        light: lowest and highest mean brightness of the crop, 0 to 255.
    """

    width_px: float
    sharpness: float
    turn: float
    light: tuple[float, float]


# At the door 40 px are recognised as well as 90 (measured), but YuNet on the shrunk frame overlooks every
# sixth face of 40 px, and who stands so far away has not come to punch.
DOOR = Needs(width_px=50, sharpness=4, turn=0.45, light=(15, 245))
ENROLMENT = Needs(width_px=112, sharpness=20, turn=0.28, light=(45, 225))

ALONE_BY = 1.3
"""The nearest face must be so many times wider than the next, or nobody knows who is meant."""


def nearest(faces: tuple[Face, ...]) -> Face | Poor:
    """The one face that is meant, of ``faces`` with the largest first: alone, or clearly nearest."""
    if not faces:
        return Poor.NO_FACE
    if len(faces) > 1 and faces[0].box.width < ALONE_BY * faces[1].box.width:
        return Poor.SEVERAL_FACES
    return faces[0]


def sharpness(aligned: Picture) -> float:
    """Variance of the Laplacian of the crop, after a blur that takes out sensor noise."""
    grey = cv2.GaussianBlur(cv2.cvtColor(aligned, cv2.COLOR_BGR2GRAY), (3, 3), 0)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def turn(landmarks: Landmarks) -> float:
    """How far the head is turned aside: the nose's way off the middle of the eyes, in eye distances.

    About 0 straight ahead, 0.3 at some 25 degrees, 0.5 at profile.
    """
    left, right, nose = landmarks[0], landmarks[1], landmarks[2]
    across = right - left
    distance = float(np.hypot(*across))
    if distance == 0:
        return 1.0
    return abs(float(np.dot(nose - (left + right) / 2, across)) / distance**2)


def judge(face: Face, aligned: Picture, needs: Needs) -> Poor | None:
    """What ``face`` lacks, or None. ``aligned`` is its crop."""
    lowest, highest = needs.light
    brightness = float(aligned.mean())
    if face.box.width < needs.width_px:
        return Poor.TOO_SMALL
    if turn(face.landmarks) > needs.turn:
        return Poor.TURNED
    if brightness < lowest:
        return Poor.TOO_DARK
    if brightness > highest:
        return Poor.TOO_BRIGHT
    if sharpness(aligned) < needs.sharpness:
        return Poor.BLURRED
    return None

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.camera.frame import Picture
from edge.face.align import SIDE, align, similarity
from edge.face.detect import Box, Face
from edge.face.quality import ALONE_BY, DOOR, ENROLMENT, Poor, judge, nearest, sharpness, turn

STRAIGHT = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)


def face(width: float, nose_x: float = 50) -> Face:
    landmarks = STRAIGHT.copy()
    landmarks[2, 0] = nose_x
    return Face(Box(0, 0, width, width * 1.3), landmarks)


def textured(seed: int = 1, mean: int = 120) -> Picture:
    coarse = np.random.default_rng(seed).normal(mean, 30, (28, 28, 3)).clip(0, 255).astype(np.uint8)
    fine: Picture = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return fine


def test_a_face_alone_is_meant():
    assert isinstance(nearest(()), Poor)
    alone = face(80)
    assert nearest((alone,)) is alone


def test_of_two_faces_only_one_clearly_nearer_is_meant():
    near, far = face(100 * ALONE_BY + 1), face(100)

    assert nearest((near, far)) is near
    assert nearest((face(100 * ALONE_BY - 1), far)) is Poor.SEVERAL_FACES


@pytest.mark.parametrize(("width", "needs"), [(49, DOOR), (111, ENROLMENT)])
def test_small_faces_are_refused_at_the_stated_width(width: float, needs):
    assert judge(face(width), textured(), needs) is Poor.TOO_SMALL
    assert judge(face(width + 1), textured(), needs) is None


def test_enrolment_is_stricter_than_the_door():
    blurred = cv2.GaussianBlur(textured(), (0, 0), 2.2)

    assert judge(face(200), blurred, ENROLMENT) is Poor.BLURRED
    assert judge(face(200), blurred, DOOR) is None
    assert judge(face(200), cv2.GaussianBlur(textured(), (0, 0), 9), DOOR) is Poor.BLURRED


def test_noise_does_not_pass_for_sharpness():
    blurred = cv2.GaussianBlur(textured(), (0, 0), 2.2)
    noisy = (blurred + np.random.default_rng(2).normal(0, 4, blurred.shape)).clip(0, 255).astype(np.uint8)

    assert sharpness(noisy) < ENROLMENT.sharpness < sharpness(textured())


@pytest.mark.parametrize(("mean", "poor"), [(20, Poor.TOO_DARK), (250, Poor.TOO_BRIGHT)])
def test_light_that_hides_the_face_is_named(mean: int, poor: Poor):
    flat = np.full((SIDE, SIDE, 3), mean, np.uint8)

    assert judge(face(200), flat, ENROLMENT) is poor


def test_a_turned_head_is_refused_and_a_tilted_one_is_not():
    assert judge(face(200, nose_x=66), textured(), ENROLMENT) is Poor.TURNED
    angle = np.deg2rad(30)
    tilted = STRAIGHT @ np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32
    )
    assert turn(tilted.astype(np.float32)) == pytest.approx(0, abs=1e-5)


def test_alignment_undoes_shift_scale_and_rotation():
    rows = similarity(STRAIGHT)
    angle = np.deg2rad(-20)
    spin = 1.7 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (STRAIGHT @ spin.T + [33, -12]).astype(np.float32)
    again = similarity(moved)

    straight = STRAIGHT @ rows[:, :2].T + rows[:, 2]
    assert moved @ again[:, :2].T + again[:, 2] == pytest.approx(straight, abs=0.01)
    assert align(np.zeros((100, 100, 3), np.uint8), moved).shape == (SIDE, SIDE, 3)

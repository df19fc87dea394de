from __future__ import annotations

import numpy as np

from edge.camera.frame import Picture
from edge.camera.scene import empty_room
from edge.face.idle import Stillness


def with_somebody(width: int) -> Picture:
    picture = empty_room()
    picture[100 : 100 + width, 200 : 200 + width] = 200
    return picture


def grainy(picture: Picture, seed: int) -> Picture:
    noise = np.random.default_rng(seed).normal(0, 8, picture.shape)
    grain: Picture = (picture + noise).clip(0, 255).astype(np.uint8)
    return grain


def test_an_empty_room_is_looked_at_once_a_second():
    stillness = Stillness()
    looked = 0
    for frame in range(150):
        now_ms = frame * 66
        if not stillness.is_still(grainy(empty_room(), frame), now_ms):
            looked += 1
            stillness.found_nobody(now_ms)

    assert 9 <= looked <= 11


def test_a_small_face_is_a_change():
    stillness = Stillness()
    stillness.is_still(empty_room(), 0)
    stillness.found_nobody(0)

    assert stillness.is_still(empty_room(), 66)
    assert not stillness.is_still(with_somebody(50), 132)


def test_while_somebody_is_there_every_frame_is_looked_at():
    stillness = Stillness()
    for now_ms in range(0, 600, 66):
        assert not stillness.is_still(with_somebody(200), now_ms)
        stillness.found_somebody()

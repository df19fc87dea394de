"""What a replay camera sees: an empty room, or a person who stands there and is never quite still."""

from __future__ import annotations

import cv2
import numpy as np

from edge.camera.frame import Picture

WIDTH, HEIGHT = 640, 480
_SHIFT_PX = 3.0
_SCALE = 0.015
_LIGHT = 0.03
_NOISE_SD = 3.0
_GREY = 128


def empty_room() -> Picture:
    """A grey wall, a little brighter at the top."""
    ramp = np.linspace(150, 110, HEIGHT, dtype=np.float32).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(ramp[:, None, None], (HEIGHT, WIDTH, 3)))


def letterbox(picture: Picture) -> Picture:
    """The whole of ``picture``, as large as fits, in the middle of an empty room."""
    height, width = picture.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    fitted: Picture = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    room = empty_room()
    left, top = (WIDTH - size[0]) // 2, (HEIGHT - size[1]) // 2
    room[top : top + size[1], left : left + size[0]] = fitted
    return room


class Standing:
    """Frames of somebody standing in ``view``: each shifted, scaled and lit a little differently, with noise.

    The same ``seed`` gives the same frames.
    """

    def __init__(self, view: Picture, seed: int) -> None:
        self._view = view
        self._random = np.random.default_rng(seed)
        noise = self._random.normal(_GREY, _NOISE_SD, view.shape)
        self._noise: Picture = np.clip(noise, 0, 255).astype(np.uint8)

    def next(self) -> Picture:
        """The next frame."""
        dx, dy = self._random.uniform(-_SHIFT_PX, _SHIFT_PX, 2)
        scale = 1 + self._random.uniform(-_SCALE, _SCALE)
        light = 1 + self._random.uniform(-_LIGHT, _LIGHT)
        centre = (WIDTH / 2, HEIGHT / 2)
        warp = np.array(
            [[scale, 0, dx + centre[0] * (1 - scale)], [0, scale, dy + centre[1] * (1 - scale)]], np.float32
        )
        moved = cv2.warpAffine(self._view, warp, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        noisy: Picture = cv2.addWeighted(moved, light, np.roll(self._noise, int(dx * 7), axis=1), 1, -_GREY)
        return noisy

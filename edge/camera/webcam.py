"""A webcam, through OpenCV."""

from __future__ import annotations

import cv2

from edge.camera.frame import Frame, NoFrame, Picture, Reading

WIDTH, HEIGHT = 640, 480
"""Faces at a door are 100 px and wider at this size; a larger frame only costs time."""


class Webcam:
    """Camera number ``index``. It is opened at the first reading, and again after each failure."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._capture: cv2.VideoCapture | None = None
        # A camera that is away is reported by the readings; OpenCV would write a page to stderr each time.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_FATAL)

    def read(self) -> Reading:
        """The newest frame; waits for the next one, up to 10 s (OpenCV's limit) when the camera hangs."""
        if self._capture is None and (away := self._open()) is not None:
            return away
        assert self._capture is not None  # noqa: S101 - opened just above
        try:
            arrived, picture = self._capture.read()
        except cv2.error:
            arrived, picture = False, None
        if not arrived or picture is None:
            self.close()
            return NoFrame(f"camera {self._index} gives no picture")
        frame: Picture = picture
        return Frame(frame)

    def close(self) -> None:
        """Give the device back."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _open(self) -> NoFrame | None:
        capture = cv2.VideoCapture(self._index)
        if not capture.isOpened():
            capture.release()
            return NoFrame(f"camera {self._index} cannot be opened")
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, WIDTH)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, HEIGHT)
        # One buffered frame: what is judged is what stands there now, not what stood there a second ago.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._capture = capture
        return None

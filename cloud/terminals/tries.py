"""Limits guessing."""

from __future__ import annotations

import threading
from collections import deque

from models.clock import Clock


class Tries:
    """Failed tries by address within a window of time; a full count refuses before anything is looked at.

    ``everybody``: the limit for all addresses together, against guessing from many.
    """

    def __init__(self, clock: Clock, each: int, everybody: int, window_ms: int) -> None:
        self._clock = clock
        self._each = each
        self._everybody = everybody
        self._window_ms = window_ms
        self._failed: deque[tuple[int, str]] = deque()
        self._lock = threading.Lock()

    def exhausted(self, address: str) -> bool:
        """Whether ``address`` has to wait."""
        with self._lock:
            self._forget()
            mine = sum(other == address for _, other in self._failed)
            return mine >= self._each or len(self._failed) >= self._everybody

    def failed(self, address: str) -> None:
        """Count a failure."""
        with self._lock:
            self._forget()
            self._failed.append((self._clock.monotonic_ms(), address))

    def _forget(self) -> None:
        oldest = self._clock.monotonic_ms() - self._window_ms
        while self._failed and self._failed[0][0] <= oldest:
            self._failed.popleft()

"""Time that only runs forward, and how much of it a call has left."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What this package needs to know of time."""

    def monotonic_ms(self) -> int:
        """Milliseconds since some fixed moment; never jumps."""
        ...


class MonotonicClock:
    """The monotonic clock of this machine."""

    def monotonic_ms(self) -> int:
        """Milliseconds since boot, time asleep not included."""
        return time.monotonic_ns() // 1_000_000


class Deadline:
    """A moment ``ms`` from now."""

    def __init__(self, clock: Clock, ms: int) -> None:
        self._clock = clock
        self._at_ms = clock.monotonic_ms() + ms

    def left_ms(self) -> int:
        """Milliseconds left, 0 once it has passed."""
        return max(0, self._at_ms - self._clock.monotonic_ms())

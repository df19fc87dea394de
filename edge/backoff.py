"""Waiting longer after each failure, by chance, so that a thousand terminals do not come back at once."""

from __future__ import annotations

from collections.abc import Callable
from random import SystemRandom

_RANDOM = SystemRandom()


class Backoff:
    """Full jitter: a delay is uniform between 0 and a bound that doubles from ``first_s`` to ``last_s``."""

    def __init__(
        self, first_s: float, last_s: float, uniform: Callable[[float, float], float] = _RANDOM.uniform
    ) -> None:
        self._first_s = first_s
        self._last_s = last_s
        self._uniform = uniform
        self._failures = 0

    def next_ms(self) -> int:
        """How long to wait after one more failure."""
        bound_s = min(self._last_s, self._first_s * 2 ** min(self._failures, 30))
        self._failures += 1
        return int(self._uniform(0, bound_s) * 1000)

    def reset(self) -> None:
        """It worked."""
        self._failures = 0


def jitter() -> float:
    """A factor from 0.8 to 1.2."""
    return _RANDOM.uniform(0.8, 1.2)


def hold_off(_low_s: float, high_s: float) -> float:
    """For :class:`Backoff`: the upper half of the bound, where trying again at once would do harm."""
    return _RANDOM.uniform(high_s / 2, high_s)

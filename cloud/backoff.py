"""Waiting longer after each failure, by chance, so that many workers do not come back at once."""

from __future__ import annotations

from random import SystemRandom

_RANDOM = SystemRandom()


def jitter() -> float:
    """A factor from 0.8 to 1.2."""
    return _RANDOM.uniform(0.8, 1.2)


def delay_ms(failures: int, first_ms: int, last_ms: int) -> int:
    """How long to wait after so many failures: up to a bound, ``first_ms`` doubled up to ``last_ms``."""
    return int(_RANDOM.uniform(0, min(last_ms, first_ms << min(failures, 20))))

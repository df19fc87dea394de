"""When a second punch of one person is the first one repeated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant by both clocks; ``monotonic_ms`` counts within ``boot``."""

    wall_ms: int
    monotonic_ms: int
    boot: int


def is_repeat(first: Moment, now: Moment, window_ms: int) -> bool:
    """Whether ``now`` is less than ``window_ms`` after the stored punch ``first``.

    Within one boot the monotonic clock decides, because the wall clock may be set between the two.
    """
    if first.boot == now.boot:
        return 0 <= now.monotonic_ms - first.monotonic_ms < window_ms
    return 0 <= now.wall_ms - first.wall_ms < window_ms

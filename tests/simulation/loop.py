"""Time, order and the trace: one heap of things to come, and a hash over everything that happened."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from hashlib import blake2b
from random import Random
from typing import Any

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

BEGIN_MS = 1_795_000_000_000
"""The true wall time at which a simulation begins: 2026-11-18T11:06:40Z."""

EVENTS_MAX = 150_000
"""Somebody goes round in circles: no world of these sizes has so much to do."""


class Runaway(Exception):
    """Time does not get on."""


class Loop:
    """Runs what is due, in order of time and, within a millisecond, in the order in which it was asked for.

    Attributes:
        now: true monotonic time, ms since the beginning.
        story: what happened, line by line; None if nobody wants to read it.
    """

    def __init__(self, *, tell: bool = False) -> None:
        self.now = 0
        self.events = 0
        self.story: list[str] | None = [] if tell else None
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._asked = 0
        self._hash = blake2b(digest_size=16)

    @property
    def wall_ms(self) -> int:
        """The true wall time."""
        return BEGIN_MS + self.now

    @property
    def trace(self) -> str:
        """The hash of all that was noted so far."""
        return self._hash.hexdigest()

    def after(self, delay_ms: float, call: Callable[..., None], *args: Any) -> None:
        """Call ``call(*args)`` in ``delay_ms``."""
        self._asked += 1
        heapq.heappush(self._heap, (self.now + max(0, int(delay_ms)), self._asked, call, args))

    def note(self, *what: object) -> None:
        """Remember that this happened now."""
        line = f"{self.now} {' '.join(map(str, what))}"
        self._hash.update(line.encode())
        if self.story is not None:
            self.story.append(line)

    def run(self, until: int) -> None:
        """Let time go by up to ``until``."""
        while self._heap and self._heap[0][0] <= until:
            at, _, call, args = heapq.heappop(self._heap)
            self.now = max(self.now, at)
            self.events += 1
            if self.events > EVENTS_MAX:
                raise Runaway(f"{self.events} events by {self.now} ms")
            call(*args)
        self.now = max(self.now, until)


def split(seed: int, part: str) -> Random:
    """The randomness of one part: what another part draws does not change it."""
    return Random(f"{seed}/{part}")

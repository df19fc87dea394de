"""Packets between terminals, brokers and workers: slow, lost, repeated, out of order, or held for days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from tests.simulation.loop import DAY, MINUTE, SECOND, Loop
from tests.simulation.options import Options

KEEPALIVE_MS = 45 * SECOND
"""So long after the last word of the other side a connection is given up."""


class Network:
    """Carries calls from node to node.

    Attributes:
        faulty: whether the faults of the options happen; cleared by the heal.
        blocked: directed pairs of nodes between which nothing gets through.
        faults: how often each kind of fault happened.
    """

    def __init__(self, loop: Loop, random: Random, options: Options, faults: Counter[str]) -> None:
        self._loop = loop
        self._random = random
        self._options = options
        self.faulty = True
        self.blocked: set[tuple[str, str]] = set()
        self.faults = faults
        self._last: dict[tuple[str, str], int] = {}
        self._held: dict[int, tuple[Callable[..., None], tuple[Any, ...]]] = {}
        self._count = 0

    def is_cut(self, one: str, other: str) -> bool:
        """Whether the two cannot have a conversation."""
        return (one, other) in self.blocked or (other, one) in self.blocked

    def send(self, source: str, target: str, deliver: Callable[..., None], *args: Any) -> None:
        """Call ``deliver(*args)`` when, and as often as, the packet arrives."""
        if (source, target) in self.blocked:
            self.faults["partition"] += 1
            return
        if self._strikes("loss"):
            return
        self._carry(source, target, deliver, *args)
        if self._strikes("duplicate"):
            self._carry(source, target, deliver, *args)

    def _carry(self, source: str, target: str, deliver: Callable[..., None], *args: Any) -> None:
        random, latency = self._random, self._options.latency_ms
        delay = random.randint(latency // 2, latency * 2) + 1
        in_order = True
        if self._strikes("delay"):
            delay, in_order = random.randint(SECOND, 3 * MINUTE), False
        elif self._strikes("hold", 0.05):
            self._hold(random.randint(MINUTE, 3 * DAY), deliver, args)
            return
        elif self._strikes("reorder"):
            delay, in_order = delay + random.randint(0, 3 * SECOND), False
        if in_order:
            due = max(self._loop.now + delay, self._last.get((source, target), 0))
            self._last[source, target] = due
            delay = due - self._loop.now
        self._loop.after(delay, deliver, *args)

    def _hold(self, delay: int, deliver: Callable[..., None], args: tuple[Any, ...]) -> None:
        self._count += 1
        self._held[self._count] = (deliver, args)
        self._loop.after(delay, self._release, self._count)

    def _release(self, number: int) -> None:
        held = self._held.pop(number, None)
        if held is not None:
            held[0](*held[1])

    def release_all(self) -> int:
        """What is still held arrives now, so that nobody has to wait for it; how many."""
        numbers = list(self._held)
        for number in numbers:
            self._release(number)
        return len(numbers)

    def _strikes(self, fault: str, share: float = 1.0) -> bool:
        if not self.faulty or fault not in self._options.faults:
            return False
        struck = self._random.random() < self._options.rate * share
        if struck:
            self.faults[fault] += 1
        return struck

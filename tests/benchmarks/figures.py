"""What a benchmark says: our time beside somebody else's, in one run on one machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line. ``ratio`` is how many times faster ours is; absolute seconds are of this machine only."""

    what: str
    ours_s: float
    beside: str
    beside_s: float

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.beside_s / self.ours_s


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """The median of ``repeats`` runs after one that warms up."""
    work()
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)

"""The rules by the product's own path: months of a firm in memory and from its database, and late punches.

It takes half an hour. ``KAOQIN_BENCH_PEOPLE=1000`` measures a firm of that size alone, in a minute or two.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from tests.benchmarks import rules_late, rules_memory, rules_stored
from tests.benchmarks.figures import Figure

ASKED = os.environ.get("KAOQIN_BENCH_PEOPLE")
SIZES = (int(ASKED),) if ASKED else (1_000, 10_000, 100_000)
LATE_AMONG = int(ASKED or 10_000)


def measure() -> Iterator[Figure]:
    """Judged in memory; loaded, judged and stored; one late punch among a year of many people."""
    for size in SIZES:
        yield from rules_memory.measure(size)
        yield from rules_stored.measure(size)
    yield from rules_late.measure(LATE_AMONG)

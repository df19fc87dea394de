"""A month of a firm loaded, judged and stored by ``recompute``, from its SQLite file."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from cloud.attendance.facts import AsOf
from cloud.commands.recompute import Asked, recompute
from tests.benchmarks.figures import Figure
from tests.benchmarks.rules_crowd import END_MS, FIRST, LAST
from tests.benchmarks.rules_firm import DAYS, found_firm

ZONE = ZoneInfo("Asia/Shanghai")


def measure(size: int) -> Iterator[Figure]:
    """Wall time of ``recompute`` on every core, start and all, beside the goal."""
    with tempfile.TemporaryDirectory() as folder:
        database = found_firm(Path(folder) / "firm.db", size)
        began, cpu_began = time.perf_counter(), _cpu_s()
        recompute(database, Asked(FIRST, LAST), AsOf(END_MS, ZONE))
        ours, cpu = time.perf_counter() - began, _cpu_s() - cpu_began
        database.close()
    days = size * DAYS
    yield Figure(
        f"{size} people x {DAYS} days loaded, judged and stored ({days / ours:,.0f} person-days/s, "
        f"{cpu / days * 1e6:.0f} us CPU a day, no process over {_peak_mb()} MB)",
        ours,
        "the goal, 100,000 people in 30 s",
        30 * size / 100_000,
    )


def _cpu_s() -> float:
    """CPU seconds of this process and of those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _peak_mb() -> int:
    """The most that one of the processes has taken."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(one.ru_maxrss for one in used) // 1024

"""A month of a firm judged from its SQLite file by ``recompute``, and how soon one late punch is judged.

``KAOQIN_BENCH_PEOPLE=100000`` measures a firm of that size instead of 10,000. ``KAOQIN_BENCH_YEAR=1`` puts
eleven months before that month, already judged, before the late punches come.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from cloud.attendance import coverage, stale
from cloud.attendance.facts import AsOf
from cloud.attendance.worker import RecomputeWorker
from cloud.commands.recompute import Asked, recompute
from cloud.commands.serve import collect_seldom
from cloud.db.engine import Database
from cloud.db.tables import punches
from cloud.feed import Feed
from models.clock import SystemClock
from models.ids import PersonId
from tests.benchmarks.figures import Figure
from tests.benchmarks.rules_crowd import END_MS, FIRST, LAST
from tests.benchmarks.rules_firm import add_months, found_firm

ZONE = ZoneInfo("Asia/Shanghai")
SIZE = int(os.environ.get("KAOQIN_BENCH_PEOPLE", "10000"))
YEAR = bool(os.environ.get("KAOQIN_BENCH_YEAR"))
LATE = 300
LATE_IN_ALL = 2_000
DAYS = (LAST - FIRST).days + 1
DAY_MS = 86_400_000


def measure() -> Iterator[Figure]:
    """Wall time of ``recompute`` on every core, beside the goals."""
    with tempfile.TemporaryDirectory() as folder:
        database = found_firm(Path(folder) / "firm.db", SIZE)
        began, cpu_began = time.perf_counter(), _cpu_s()
        recompute(database, Asked(FIRST, LAST), AsOf(END_MS, ZONE))
        ours, cpu = time.perf_counter() - began, _cpu_s() - cpu_began
        days = SIZE * DAYS
        yield Figure(
            f"{SIZE} people x {DAYS} days from the database ({days / ours:,.0f} person-days/s, "
            f"{cpu / days * 1e6:.0f} us CPU a day, no process over {_peak_mb()} MB)",
            ours,
            "the goal, 100,000 people in 30 s",
            30 * SIZE / 100_000,
        )
        if YEAR:
            add_months(database, 11)
            days *= 12
        pairs = _late(database)
        for when, part in (("first", pairs[:LATE]), ("last", pairs[-LATE:])):
            for what, waits in (
                ("CPU", sorted(cpu for _, cpu in part)),
                ("the disk included", sorted(wall for wall, _ in part)),
            ):
                for of_100 in (50, 99):
                    yield Figure(
                        f"a late punch judged, {of_100} of 100 of the {when} {LATE} of {LATE_IN_ALL} "
                        f"after a start, {what}, with {days:,} days stored",
                        waits[len(waits) * of_100 // 100],
                        "the goal",
                        0.005,
                    )
        database.close()


def _cpu_s() -> float:
    """CPU seconds of this process and of those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _peak_mb() -> int:
    """The most that one of the processes has taken."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(one.ru_maxrss for one in used) // 1024


def _late(database: Database) -> list[tuple[float, float]]:
    """Seconds, of the clock and of CPU, from the commit of a punch to that of the results.

    Without the wait for the worker to wake.
    """
    worker = RecomputeWorker(database, Feed(), _Standing(), ZONE)
    with database.write() as connection:
        coverage.reach(connection, (FIRST, LAST), END_MS)
    while worker.round():
        pass
    # As the service does when it starts.
    worker.warm()
    collect_seldom()
    luck = Random(1)
    return [_one(database, worker, luck, number) for number in range(LATE_IN_ALL)]


def _one(database: Database, worker: RecomputeWorker, luck: Random, number: int) -> tuple[float, float]:
    person = PersonId(f"p-{luck.randrange(SIZE)}")
    at_ms = END_MS - luck.randrange(12, 38) * DAY_MS - luck.randrange(DAY_MS // 3)
    with database.write() as connection:
        connection.execute(
            insert(punches).values(
                terminal_id="north",
                stream_id=b"late............",
                seq=number + 1,
                punch_id=((1 << 64) + number).to_bytes(16),
                person_id=person,
                wall_ms=at_ms,
                monotonic_ms=0,
                boot=1,
                clock=2,
                at_ms=at_ms,
                method=1,
                direction=0,
                received_ms=END_MS,
            )
        )
        stale.mark(connection, [(person, day) for day in stale.near(at_ms, ZONE)], "punch", END_MS)
    began, cpu_began = time.perf_counter(), time.process_time()
    worker.round()
    return time.perf_counter() - began, time.process_time() - cpu_began


class _Standing(SystemClock):
    """A clock at the end of the month."""

    def wall_ms(self) -> int:
        """The end of the month."""
        return END_MS

"""How soon one late punch is judged in a firm that has a year of days stored."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

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
from tests.benchmarks.rules_firm import DAYS, add_months, found_firm
from tests.benchmarks.rules_stored import ZONE

MONTHS = 12
LATE = 300
LATE_IN_ALL = 2_000
DAY_MS = 86_400_000
GOAL_S = 0.005


def measure(size: int) -> Iterator[Figure]:
    """From the commit of a punch to that of the results: CPU, and by the clock, the disk included."""
    with tempfile.TemporaryDirectory() as folder:
        database = found_firm(Path(folder) / "firm.db", size)
        recompute(database, Asked(FIRST, LAST), AsOf(END_MS, ZONE))
        add_months(database, MONTHS - 1)
        pairs = _late(database, size)
        database.close()
    days = size * DAYS * MONTHS
    for when, part in (("first", pairs[:LATE]), ("last", pairs[-LATE:])):
        for what, waits in (
            ("CPU", sorted(cpu for _, cpu in part)),
            ("by the clock", sorted(wall for wall, _ in part)),
        ):
            for of_100 in (50, 99):
                yield Figure(
                    f"a late punch judged, {of_100} of 100 of the {when} {LATE} of {LATE_IN_ALL} "
                    f"after a start, {what}, with {days:,} days stored",
                    waits[len(waits) * of_100 // 100],
                    "the goal",
                    GOAL_S,
                )


def _late(database: Database, size: int) -> list[tuple[float, float]]:
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
    return [
        _one(database, worker, PersonId(f"p-{luck.randrange(size)}"), luck, number)
        for number in range(LATE_IN_ALL)
    ]


def _one(
    database: Database, worker: RecomputeWorker, person: PersonId, luck: Random, number: int
) -> tuple[float, float]:
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

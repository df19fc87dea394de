"""Months of a firm judged in memory on one and two processes, beside a first-in, last-out group-by of pandas.

Judged means: ready to be stored, explanation and all, from facts as they are read from the database. At first
nothing has been asked before; then the same people are judged once more, as a service that runs does all day.
The group-by knows no rules: no shift, no leave, no night, no explanation.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pandas as pd  # type: ignore[import-untyped]

from cloud.attendance.presses import Doors, Press
from cloud.attendance.quick import Person
from cloud.attendance.shapes import Shapes
from cloud.rules.facts import PersonFacts
from cloud.rules.view import span_of_dates
from tests.benchmarks.figures import Figure
from tests.benchmarks.rules_crowd import FIRST, LAST, books, people, rule_sets
from tests.properties.as_read import presses_of

DAYS = (LAST - FIRST).days + 1
PEOPLE_A_STEP = 1_000
DAY_MS = 86_400_000
DOORS = Doors({"north": "HQ", "south": "HQ"}, "HQ", travels=False)
OFFSET_MS = 8 * 3_600_000
FROM_NOTHING, ONCE_MORE, GROUPED = "from nothing", "once more", "pandas first in, last out"


def measure(size: int) -> Iterator[Figure]:
    """Wall time of judging alone: facts are made in steps before each, and results are dropped."""
    days = size * DAYS
    theirs = 0.0
    for processes in (1, 2):
        walls, cpus = _judged(size, processes)
        theirs = theirs or walls[GROUPED]
        for what in (FROM_NOTHING, ONCE_MORE):
            yield Figure(
                f"{size} people x {DAYS} days judged by {processes} processes, {what} "
                f"({days / walls[what]:,.0f} person-days/s, {cpus[what] / days * 1e6:.1f} us CPU a day)",
                walls[what],
                GROUPED,
                theirs,
            )


class Took:
    """Seconds by the clock and of CPU, by what they were spent on."""

    def __init__(self) -> None:
        self.wall: defaultdict[str, float] = defaultdict(float)
        self.cpu: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """What the block takes."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall[what] += time.perf_counter() - wall
        self.cpu[what] += time.process_time() - cpu


def _judged(size: int, processes: int) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of the slower process, which judges while the other does, and CPU seconds of all."""
    context = multiprocessing.get_context("spawn")
    parts = [(place, size, processes) for place in range(processes)]
    with context.Pool(processes) as pool:
        found = pool.starmap(_judge_part, parts)
    walls = {what: max(took.wall[what] for took in found) for what in found[0].wall}
    cpus = {what: sum(took.cpu[what] for took in found) for what in found[0].cpu}
    return walls, cpus


def as_read(facts: PersonFacts, shapes: Shapes) -> tuple[PersonFacts, Shapes, list[Press], Doors]:
    """Somebody as the database gives them."""
    found = presses_of(facts)
    assert found is not None
    return replace(facts, punches=()), shapes, found[0], DOORS


def _judge_part(place: int, size: int, processes: int) -> Took:
    """Judges a share of the people; where nobody else judges, they are grouped too."""
    took = Took()
    sets = rule_sets()
    shapes = {rules: Shapes(plans) for rules, plans in books(sets).items()}
    days = span_of_dates(FIRST, LAST)
    for start in range(0, size, PEOPLE_A_STEP):
        part = list(people(range(start + place, min(start + PEOPLE_A_STEP, size), processes), sets))
        ready = [as_read(person, shapes[id(person.rules)]) for person in part]
        for what in (FROM_NOTHING, ONCE_MORE):
            with took.on(what):
                for read in ready:
                    Person(*read).days(days)
        if processes == 1:
            columns = _columns(part)
            with took.on(GROUPED):
                pd.DataFrame(columns).groupby(["who", "day"])["at"].agg(["min", "max"])
    return took


def _columns(part: list[PersonFacts]) -> dict[str, Sequence[str | int]]:
    punched = [(person.person_id, punch.at_ms) for person in part for punch in person.punches]
    return {
        "who": [person for person, _ in punched],
        "day": [(at_ms + OFFSET_MS) // DAY_MS for _, at_ms in punched],
        "at": [at_ms for _, at_ms in punched],
    }

"""Months of a firm judged in memory on one and two processes, beside a first-in, last-out group-by of pandas.

Judged means: ready to be stored, explanation and all, from facts as they are read from the database. At first
nothing has been asked before; then the same people are judged once more, as a service that runs does all day.
The group-by knows no rules: no shift, no leave, no night, no explanation.
``KAOQIN_BENCH_PEOPLE=100000`` measures a firm of that size instead.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
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
ASKED = os.environ.get("KAOQIN_BENCH_PEOPLE")
SIZES = (int(ASKED),) if ASKED else (1_000, 10_000)
PEOPLE_A_STEP = 1_000
DAY_MS = 86_400_000
DOORS = Doors({"north": "HQ", "south": "HQ"}, "HQ", travels=False)
OFFSET_MS = 8 * 3_600_000


def measure() -> Iterator[Figure]:
    """Wall time of judging alone: facts are made in steps before each, and results are dropped."""
    for size in SIZES:
        theirs = _grouped(size)
        for processes in (1, 2):
            days = size * DAYS
            for what, ours, cpu in _judged(size, processes):
                yield Figure(
                    f"{size} people x {DAYS} days judged by {processes} processes, {what} "
                    f"({days / ours:,.0f} person-days/s, {cpu / days * 1e6:.1f} us CPU a day)",
                    ours,
                    "pandas first in, last out",
                    theirs,
                )


def _judged(size: int, processes: int) -> Iterator[tuple[str, float, float]]:
    """Seconds of the slower process, which judges while the other does, and CPU seconds of all."""
    context = multiprocessing.get_context("spawn")
    parts = [(place, size, processes) for place in range(processes)]
    with context.Pool(processes) as pool:
        passes = zip(*pool.starmap(_judge_part, parts), strict=True)
    for what, took in zip(("from nothing", "once more"), passes, strict=True):
        walls, cpus = zip(*took, strict=True)
        yield what, max(walls), sum(cpus)


def as_read(facts: PersonFacts, shapes: Shapes) -> tuple[PersonFacts, Shapes, list[Press], Doors]:
    """Somebody as the database gives them."""
    found = presses_of(facts)
    assert found is not None
    return replace(facts, punches=()), shapes, found[0], DOORS


def _judge_part(place: int, size: int, processes: int) -> list[tuple[float, float]]:
    """Seconds by the clock and of CPU of judging a share of the people, and of judging it once more."""
    sets = rule_sets()
    shapes = {rules: Shapes(plans) for rules, plans in books(sets).items()}
    days = span_of_dates(FIRST, LAST)
    took = []
    for _ in range(2):
        wall = cpu = 0.0
        for start in range(0, size, PEOPLE_A_STEP):
            part = people(range(start + place, min(start + PEOPLE_A_STEP, size), processes), sets)
            ready = [as_read(person, shapes[id(person.rules)]) for person in part]
            began, began_cpu = time.perf_counter(), time.process_time()
            for read in ready:
                Person(*read).days(days)
            wall += time.perf_counter() - began
            cpu += time.process_time() - began_cpu
        took.append((wall, cpu))
    return took


def _grouped(size: int) -> float:
    total = 0.0
    sets = rule_sets()
    for start in range(0, size, PEOPLE_A_STEP):
        who: list[str] = []
        days: list[int] = []
        instants: list[int] = []
        for person in people(range(start, min(start + PEOPLE_A_STEP, size)), sets):
            for punch in person.punches:
                who.append(person.person_id)
                days.append((punch.at_ms + OFFSET_MS) // DAY_MS)
                instants.append(punch.at_ms)
        began = time.perf_counter()
        frame = pd.DataFrame({"who": who, "day": days, "at": instants})
        frame.groupby(["who", "day"])["at"].agg(["min", "max"])
        total += time.perf_counter() - began
    return total

"""Months of a firm judged in memory on one and two processes, beside a first-in, last-out group-by of pandas.

Judged means: ready to be stored, explanation and all. The group-by knows no rules: no shift, no leave, no
night, no explanation.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator

import pandas as pd  # type: ignore[import-untyped]

from cloud.attendance.quick import person_of
from cloud.attendance.shapes import Shapes
from cloud.rules.view import span_of_dates
from tests.benchmarks.figures import Figure
from tests.benchmarks.rules_crowd import FIRST, LAST, books, people, rule_sets

DAYS = (LAST - FIRST).days + 1
SIZES = (1_000, 10_000, 100_000)
PEOPLE_A_STEP = 1_000
DAY_MS = 86_400_000
OFFSET_MS = 8 * 3_600_000


def measure() -> Iterator[Figure]:
    """Wall time of judging alone: facts are made in steps before each, and results are dropped."""
    for size in SIZES:
        theirs = _grouped(size)
        for processes in (1, 2):
            ours = _judged(size, processes)
            rate = size * DAYS / ours
            yield Figure(
                f"{size} people x {DAYS} days judged by {processes} processes ({rate:,.0f} person-days/s)",
                ours,
                "pandas first in, last out",
                theirs,
            )


def _judged(size: int, processes: int) -> float:
    """Seconds of the slower process; each has its share of the people and judges while the other does."""
    context = multiprocessing.get_context("spawn")
    parts = [(place, size, processes) for place in range(processes)]
    with context.Pool(processes) as pool:
        return max(pool.starmap(_judge_part, parts))


def _judge_part(place: int, size: int, processes: int) -> float:
    sets = rule_sets()
    shapes = {rules: Shapes(plans) for rules, plans in books(sets).items()}
    days = span_of_dates(FIRST, LAST)
    total = 0.0
    for start in range(0, size, PEOPLE_A_STEP):
        part = list(people(range(start + place, min(start + PEOPLE_A_STEP, size), processes), sets))
        began = time.perf_counter()
        for person in part:
            one = person_of(person, shapes[id(person.rules)])
            one.check(FIRST, LAST)
            for day in days:
                one.day(day)
        total += time.perf_counter() - began
    return total


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

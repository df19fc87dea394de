"""Compares days answered from what the engine has said before with what it says of each."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from cloud.attendance.codec import brief, encode
from cloud.attendance.places import QuickDay
from cloud.attendance.presses import Doors, Press
from cloud.attendance.quick import Person
from cloud.attendance.shapes import Shapes
from cloud.rules.engine import Judge
from cloud.rules.errors import RefusedInput
from cloud.rules.facts import PersonFacts
from cloud.rules.minutes import MS
from cloud.rules.plan import PlanBook
from cloud.rules.view import span_of_dates
from models.attendance import DayState
from tests.properties.as_read import person_of
from tests.properties.rules_population import Month, months

SEEDS_A_BLOCK = 40


@dataclass(slots=True)
class Proof:
    """What was compared: days, how many were answered, findings and flags among those, and what differed."""

    days: int = 0
    answered: int = 0
    refused: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    different: list[str] = field(default_factory=list)

    def add(self, other: Proof) -> None:
        """Count what was compared elsewhere too."""
        self.days += other.days
        self.answered += other.answered
        self.refused += other.refused
        self.seen += other.seen
        self.different += other.different


class Counted(Person):
    """A person who tells which days the engine had to judge."""

    def __init__(self, facts: PersonFacts, shapes: Shapes, presses: list[Press], doors: Doors) -> None:
        super().__init__(facts, shapes, presses, doors)
        self.judged: set[date] = set()

    def _judged(self, day: date) -> QuickDay:
        self.judged.add(day)
        return super()._judged(day)


def prove(seeds: Iterable[int], days: int) -> Proof:
    """Compare at least ``days`` days, or all of the seeds; stops at ten differences."""
    proof = Proof()
    for seed in seeds:
        shapes = None
        for number, month in enumerate(months(seed)):
            shapes = shapes or Shapes(PlanBook(month.person.rules))
            compare(proof, f"seed {seed} person {number}", month, shapes)
        if proof.days >= days or len(proof.different) >= 10:
            break
    return proof


def report(days: int, first_seed: int = 5_000_000) -> int:
    """Compare so many days on every core and print what came of it; 1 if any differs."""
    total = Proof()
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        # A seed has some 350 days.
        for proof in pool.imap_unordered(_block, range(first_seed, first_seed + days // 200, SEEDS_A_BLOCK)):
            total.add(proof)
            print(f"{total.days} days compared, {len(total.different)} differ", file=sys.stderr)  # noqa: T201  a command that talks to people
            if total.days >= days or total.different:
                break
        pool.terminate()
    print(f"{total.days} days compared, {total.answered} of them answered, {len(total.different)} differ")  # noqa: T201  likewise
    for kind, times in sorted(total.seen.items()):
        print(f"  {times:8d} {kind}")  # noqa: T201  likewise
    for text in total.different:
        print(text)  # noqa: T201  likewise
    return 1 if total.different else 0


def _block(first_seed: int) -> Proof:
    return prove(range(first_seed, first_seed + SEEDS_A_BLOCK), 1 << 30)


def compare(proof: Proof, whose: str, month: Month, shapes: Shapes) -> None:
    """Judge a month both ways and note what differs."""
    facts = replace(month.person, locks=())
    engine = Judge(facts, shapes.plans)
    quick = person_of(facts, shapes, Counted)
    dates = span_of_dates(month.first, month.last)
    try:
        engine.check(month.first, month.last)
    except RefusedInput as refused:
        proof.refused += 1
        try:
            quick.days(dates)
        except RefusedInput as same:
            if str(same) == str(refused):
                return
        proof.different.append(f"{whose}: refused by one alone: {refused}")
        return
    for day, found in zip(dates, quick.days(dates), strict=True):
        result = engine.result(day, facts.as_of_ms)
        settles_ms = None
        if result.state is not DayState.FINAL:
            settles_ms = engine.at(facts.as_of_ms).sheet(day).plan.window_end * MS
        expected = day, encode(result), result.state.value, result.rule_version, settles_ms
        proof.days += 1
        if isinstance(quick, Counted) and day not in quick.judged:
            proof.answered += 1
            proof.seen.update(_kinds(expected[1]))
        if expected != found:
            proof.different.append(f"{whose} {day}: {found} instead of {expected}")


def _kinds(stored: bytes) -> set[str]:
    """What sort of day it is, for the report."""
    day = brief(stored)
    worked = "worked" if day.in_at or day.out_at else "quiet"
    return {f"{worked}, {day.duty.value}", day.state.value, *day.findings, *day.flags} | (
        {"leave"} if day.leave_days else set()
    )

"""Compares days answered from what the engine has said before with what it says of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import count

from cloud.attendance.codec import brief, encode
from cloud.attendance.quick import Counting, Person, QuickDay
from cloud.attendance.shapes import Shapes
from cloud.rules.engine import Judge
from cloud.rules.errors import RefusedInput
from cloud.rules.facts import PersonFacts
from cloud.rules.minutes import MS
from cloud.rules.plan import PlanBook
from cloud.rules.view import span_of_dates
from models.attendance import DayState
from tests.properties.rules_population import Month, months


@dataclass(slots=True)
class Proof:
    """What was compared: days, how many were answered, findings and flags among those, and what differed."""

    days: int = 0
    answered: int = 0
    refused: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    different: list[str] = field(default_factory=list)


class Counted(Person):
    """A person who tells which days the engine had to judge."""

    def __init__(self, facts: PersonFacts, shapes: Shapes) -> None:
        super().__init__(facts, shapes)
        self.judged_n = 0

    def _judged(self, day: object) -> QuickDay:
        self.judged_n += 1
        return super()._judged(day)  # type: ignore[arg-type]


def prove(seeds: Iterable[int], days: int) -> Proof:
    """Compare at least ``days`` days, or all of the seeds; stops at ten differences."""
    proof = Proof()
    for seed in seeds:
        shapes = None
        for number, month in enumerate(months(seed)):
            shapes = shapes or Shapes(PlanBook(month.person.rules))
            _compare(proof, f"seed {seed} person {number}", month, shapes)
        if proof.days >= days or len(proof.different) >= 10:
            break
    return proof


def report(days: int, first_seed: int = 5_000_000) -> int:
    """Compare so many days and print what came of it; 1 if any differs."""
    proof = prove(count(first_seed), days)
    print(f"{proof.days} days compared, {proof.answered} of them answered, {len(proof.different)} differ")  # noqa: T201  a command that talks to people
    for kind, times in sorted(proof.seen.items()):
        print(f"  {times:8d} {kind}")  # noqa: T201  likewise
    for one in proof.different:
        print(one)  # noqa: T201  likewise
    return 1 if proof.different else 0


def _compare(proof: Proof, whose: str, month: Month, shapes: Shapes) -> None:
    facts = replace(month.person, locks=())
    engine = Judge(facts, shapes.plans)
    quick = Counting(facts, shapes) if shapes.counts_month else Counted(facts, shapes)
    try:
        engine.check(month.first, month.last)
    except RefusedInput as refused:
        proof.refused += 1
        try:
            quick.check(month.first, month.last)
        except RefusedInput as same:
            if str(same) == str(refused):
                return
        proof.different.append(f"{whose}: refused by one alone: {refused}")
        return
    quick.check(month.first, month.last)
    for day in span_of_dates(month.first, month.last):
        judged_n = quick.judged_n if isinstance(quick, Counted) else -1
        found = quick.day(day)
        result = engine.result(day, facts.as_of_ms)
        settles_ms = None
        if result.state is not DayState.FINAL:
            settles_ms = engine.at(facts.as_of_ms).sheet(day).plan.window_end * MS
        expected = QuickDay(day, encode(result), result.state.value, result.rule_version, settles_ms)
        proof.days += 1
        if isinstance(quick, Counted) and quick.judged_n == judged_n:
            proof.answered += 1
            proof.seen.update(_kinds(found.stored))
        if expected != found:
            proof.different.append(f"{whose} {day}: {found} instead of {expected}")


def _kinds(stored: bytes) -> set[str]:
    """What sort of day it is, for the report."""
    day = brief(stored)
    worked = "worked" if day.in_at or day.out_at else "quiet"
    return {f"{worked}, {day.duty.value}", day.state.value, *day.findings, *day.flags} | (
        {"leave"} if day.leave_days else set()
    )

"""What was promised at the door, held against what is stored. Pure.

An attempt ends as ``OK`` (the screen said "recorded"), ``FAIL`` (it said "NOT recorded") or ``INFO`` (the
terminal died in between: stored or not, both are right, but once and never changing its mind). The words are
those of Jepsen's checkers; people are chosen so that a terminal sees each of them once in a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Outcome(StrEnum):
    """How an attempt ended for the person."""

    OK = "ok"
    FAIL = "fail"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody punched; ``punch_id`` is what an ``OK`` referred to."""

    terminal: str
    person: str
    outcome: Outcome
    punch_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A stored punch; ``content`` is everything else that must never change."""

    terminal: str
    stream: bytes
    seq: int
    punch_id: UUID
    person: str
    content: tuple[object, ...] = ()


@dataclass
class Verdict:
    """What is wrong, a sentence each."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    ghosts: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)

    @property
    def bad(self) -> int:
        """How many things are wrong."""
        return sum(map(len, self.kinds().values()))

    def kinds(self) -> dict[str, list[str]]:
        """The sentences by kind."""
        return {
            "lost": self.lost,
            "doubled": self.doubled,
            "ghosts": self.ghosts,
            "altered": self.altered,
        }

    def add(self, other: Verdict) -> None:
        """Take over what ``other`` found."""
        for kind, sentences in other.kinds().items():
            self.kinds()[kind].extend(sentences)


def promises(attempts: Sequence[Attempt], rows: Iterable[Row], where: str) -> Verdict:
    """Hold ``rows``, all that is stored ``where``, against what people were told."""
    verdict = Verdict()
    by_id: dict[UUID, list[Row]] = {}
    by_person: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_id.setdefault(row.punch_id, []).append(row)
        by_person.setdefault((row.terminal, row.person), []).append(row)
    allowed: Counter[tuple[str, str]] = Counter()
    for attempt in attempts:
        whose = (attempt.terminal, attempt.person)
        allowed[whose] += attempt.outcome is not Outcome.FAIL
        if attempt.outcome is Outcome.OK and attempt.punch_id is not None:
            found = by_id.get(attempt.punch_id, [])
            if not found:
                verdict.lost.append(f"{where}: {attempt.punch_id} of {whose} was recorded and is not there")
            elif (found[0].terminal, found[0].person) != whose:
                verdict.altered.append(f"{where}: {attempt.punch_id} is {found[0]}, not of {whose}")
    for punch_id, same in by_id.items():
        if len(same) > 1:
            verdict.doubled.append(f"{where}: {punch_id} is stored {len(same)} times")
    for whose, stored in by_person.items():
        if len({row.punch_id for row in stored}) > allowed[whose]:
            verdict.ghosts.append(f"{where}: {len(stored)} punches of {whose}, {allowed[whose]} made")
    return verdict


def copies(made: Iterable[Row], arrived: Iterable[Row]) -> Verdict:
    """Hold what ``arrived`` at the cloud against what terminals ``made``: the same rows, no more or fewer."""
    verdict = Verdict()
    here = {(row.terminal, row.stream, row.seq): row for row in made}
    there = {(row.terminal, row.stream, row.seq): row for row in arrived}
    for key, row in here.items():
        if key not in there:
            verdict.lost.append(f"cloud: {row} never arrived")
        elif there[key] != row:
            verdict.altered.append(f"cloud: {row} became {there[key]}")
    verdict.ghosts.extend(f"cloud: no terminal has {row}" for key, row in there.items() if key not in here)
    return verdict

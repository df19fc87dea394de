"""Kill loop on the terminal's punch path: a child that punches, an oracle that remembers what it was told.

The child is forked from this process, which has everything loaded, so a kill costs a few milliseconds.
SIGKILL cannot tell a disk from memory (the page cache survives the process), so the state may lie in a tmpfs.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from select import select
from uuid import UUID

from edge.agent import LEDGER_FILE
from edge.punch.proving import verify
from edge.punch.signing import ledger_key
from tests.chaos import doorstep, points
from tests.chaos.checker import Attempt, Outcome, Row, Verdict, promises
from tests.chaos.doom import Doom, arm, read_notes

REACHED_BY = {
    **dict.fromkeys(("punch_before_insert", "punch_inserted", "punch_committed", "punch_shown"), "punch"),
    **dict.fromkeys(points.POINTS["retention"], "prune"),
    **dict.fromkeys(points.POINTS["roster"], "roster"),
}
"""The points on this path, and the command that leads there; those of a new ledger need none."""

LIVES = 25
"""Deaths of one terminal before the next begins with an empty folder."""

RANDOM = "random"
_BY_NAME = 0.8
_DAYS_AGO = (0, 91, 91, 91)
"""Acknowledged when: mostly so long ago that the punches may go, for a day goes only as a whole."""
_PATIENCE_S = 20.0


class Stuck(Exception):
    """The child neither answered nor died."""


@dataclass
class Tally:
    """What a loop did and found."""

    kills: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    sometimes: Counter[str] = field(default_factory=Counter)
    verdict: Verdict = field(default_factory=Verdict)


@dataclass
class Memory:
    """What the oracle knows of one terminal."""

    attempts: list[Attempt] = field(default_factory=list)
    seqs: dict[UUID, int] = field(default_factory=dict)
    ack_tried: set[int] = field(default_factory=set)
    ack_done: set[int] = field(default_factory=set)
    pruned: bool = False
    rosters: set[str] = field(default_factory=lambda: {"-"})
    days: int = 0
    people: int = 0
    versions: int = 0


@dataclass
class Seen:
    """What a child said between its birth and its death."""

    rows: list[tuple[Row, bool]] = field(default_factory=list)
    roster: str | None = None
    answers: list[list[str]] = field(default_factory=list)


def run(folder: Path, kills: int, seed: int) -> Tally:
    """Kill ``kills`` times, on terminals made in ``folder``."""
    luck = Random(f"door {seed}")
    tally = Tally()
    life = 0
    while tally.kills.total() < kills:
        state = folder / f"door-{life}"
        state.mkdir()
        memory = Memory()
        for _ in range(LIVES):
            _one_life(state, memory, luck, tally)
            if tally.kills.total() >= kills:
                break
        last_look(state, memory, tally)
        tally.outcomes.update(attempt.outcome for attempt in memory.attempts)
        life += 1
    return tally


def _one_life(state: Path, memory: Memory, luck: Random, tally: Tally) -> None:
    commands = some_commands(memory, luck)
    doom = _doom(state, commands, luck) if luck.random() < _BY_NAME else None
    note = state / "died"
    memory.days += 1
    with child(state, memory.days, doom, note) as born:
        with suppress(BrokenPipeError):
            os.write(born.to_child, "".join(f"{line}\n" for line in commands).encode())
        if doom is None:
            time.sleep(luck.uniform(0, 0.03))
            os.kill(born.pid, signal.SIGKILL)
        seen = listen(born.pid, born.from_child, len(commands))
    if born.ended_by_itself:
        tally.verdict.lost.append("door: the terminal ended without being killed")
    tally.kills[read_notes(note).get(born.pid, RANDOM)] += 1
    compare(memory, commands, seen, tally)


def _doom(state: Path, commands: list[str], luck: Random) -> Doom | None:
    if not (state / LEDGER_FILE).exists():
        return Doom(luck.choice(points.POINTS["ledger"]))
    verbs = Counter(line.split()[0] for line in commands)
    reachable = [name for name, verb in REACHED_BY.items() if verb in verbs]
    if not reachable:
        return None
    name = luck.choice(reachable)
    return Doom(name, luck.randint(1, verbs[REACHED_BY[name]]))


def some_commands(memory: Memory, luck: Random) -> list[str]:
    """A few things that happen to a terminal, mostly punches."""
    highest = max(memory.seqs.values(), default=0)
    lines = []
    for verb in luck.choices(("punch", "ack", "prune", "roster"), (5, 2, 2, 1), k=luck.randint(1, 8)):
        match verb:
            case "ack" if highest:
                first, last = luck.choice(((1, highest), sorted(luck.choices(range(1, highest + 1), k=2))))
                lines.append(f"ack {first} {last} {luck.choice(_DAYS_AGO)}")
            case "prune":
                lines.append("prune")
            case "roster":
                memory.versions += 1
                lines.append(f"roster v{memory.versions}")
            case _:
                memory.people += 1
                lines.append(f"punch p-{memory.people}")
    return lines


@dataclass
class Born:
    """A child: where to write commands and read answers; after its end, whether nobody killed it."""

    pid: int
    to_child: int
    from_child: int
    ended_by_itself: bool = False


@contextmanager
def child(state: Path, day: int, doom: Doom | None, note: Path) -> Iterator[Born]:
    """A forked terminal, killed at the end at the latest."""
    commands, to_child = os.pipe()
    from_child, answers = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(to_child)
            os.close(from_child)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for ours in (1, 2):
                os.dup2(nowhere, ours)
            if doom is not None:
                arm(doom, note)
            with os.fdopen(commands) as lines:
                doorstep.Doorstep(state, day, answers).serve(lines)
        finally:
            os._exit(1)
    os.close(commands)
    os.close(answers)
    born = Born(pid, to_child, from_child)
    try:
        yield born
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        born.ended_by_itself = not os.WIFSIGNALED(status)
        os.close(to_child)
        os.close(from_child)


def listen(pid: int, from_child: int, expected: int, *, kill: bool = True) -> Seen:
    """Read until the child is up and has answered so much, and is killed then, or until it has died."""
    seen = Seen()
    text = b""
    while True:
        if not select([from_child], [], [], _PATIENCE_S)[0]:
            raise Stuck(f"no word for {_PATIENCE_S:g} s")
        chunk = os.read(from_child, 65536)
        if not chunk:
            return seen
        *lines, text = (text + chunk).split(b"\n")
        for line in lines:
            hear(seen, line.decode().split())
        if seen.roster is not None and len(seen.answers) == expected:
            if not kill:
                return seen
            os.kill(pid, signal.SIGKILL)


def hear(seen: Seen, words: list[str]) -> None:
    """Take in one line of a child."""
    match words:
        case ["row", seq, punch_id, person, acked]:
            row = Row(doorstep.TERMINAL, b"", int(seq), UUID(punch_id), person)
            seen.rows.append((row, acked == "1"))
        case ["up", version]:
            seen.roster = version
        case _:
            seen.answers.append(words)


def compare(memory: Memory, commands: list[str], seen: Seen, tally: Tally) -> None:
    """Hold what the restarted terminal has against the memory, then remember what it said since."""
    if seen.roster is None:
        return  # it died while opening: nothing was tried
    _hold(memory, seen.rows, tally)
    if seen.roster not in memory.rosters:
        tally.verdict.altered.append(f"roster {seen.roster} is none of {sorted(memory.rosters)}")
    memory.rosters = {seen.roster}
    # The child took the commands in order: the first one without an answer may have been done or not.
    for line, answer in zip(commands, [*seen.answers, None][: len(commands)], strict=False):
        remember(memory, line.split(), answer)


def remember(memory: Memory, command: list[str], answer: list[str] | None) -> None:
    """Keep what was asked and answered; None: it died before it answered."""
    match command, answer:
        case ["punch", person], ["ok", punch_id, seq]:
            memory.attempts.append(Attempt(doorstep.TERMINAL, person, Outcome.OK, UUID(punch_id)))
            memory.seqs[UUID(punch_id)] = int(seq)
        case ["punch", person], ["fail"]:
            memory.attempts.append(Attempt(doorstep.TERMINAL, person, Outcome.FAIL))
        case ["punch", person], None:
            memory.attempts.append(Attempt(doorstep.TERMINAL, person, Outcome.INFO))
        case ["ack", first, last, _], _:
            seqs = set(range(int(first), int(last) + 1))
            memory.ack_tried |= seqs
            if answer == ["done"]:
                memory.ack_done |= seqs
        case ["prune"], _:
            memory.pruned = True
        case ["roster", version], _:
            memory.rosters = {version} if answer == ["done"] else memory.rosters | {version}
        case _:
            raise AssertionError((command, answer))


def _hold(memory: Memory, held: list[tuple[Row, bool]], tally: Tally) -> None:
    verdict = tally.verdict
    rows = [row for row, _ in held]
    there = {row.punch_id for row in rows}
    missing = [each for each in memory.attempts if each.punch_id is not None and each.punch_id not in there]
    may_go = {each for each in missing if memory.pruned and _seq(memory, each) in memory.ack_tried}
    verdict.add(promises([each for each in memory.attempts if each not in may_go], rows, "door"))
    for row, acked in held:
        if acked and row.seq not in memory.ack_tried:
            verdict.altered.append(f"door: {row} is called acknowledged, and nobody did")
        if not acked and row.seq in memory.ack_done:
            verdict.altered.append(f"door: {row} was acknowledged, and that is forgotten")
    seqs = [row.seq for row in rows]
    if len(set(seqs)) != len(seqs):
        verdict.doubled.append(f"door: seqs {seqs}")
    tally.sometimes["rows past their time"] += len(may_go)
    _settle(memory, rows, tally.sometimes)


def _seq(memory: Memory, attempt: Attempt) -> int:
    return memory.seqs.get(attempt.punch_id, 0) if attempt.punch_id else 0


def _settle(memory: Memory, rows: list[Row], sometimes: Counter[str]) -> None:
    """After a restart an attempt that was open has become one or the other, for good."""
    by_person = {row.person: row for row in rows}
    for place, attempt in enumerate(memory.attempts):
        if attempt.outcome is Outcome.INFO:
            row = by_person.get(attempt.person)
            sometimes["died unanswered, stored" if row else "died unanswered, not stored"] += 1
            if row is None:
                memory.attempts[place] = Attempt(attempt.terminal, attempt.person, Outcome.FAIL)
            else:
                memory.attempts[place] = Attempt(attempt.terminal, attempt.person, Outcome.OK, row.punch_id)
                memory.seqs[row.punch_id] = row.seq


def last_look(state: Path, memory: Memory, tally: Tally) -> None:
    """Hold everything at a start undisturbed; look at the file by another SQLite, and at the chain."""
    with child(state, memory.days, None, state / "died") as born:
        seen = listen(born.pid, born.from_child, 0)
    if seen.roster is None:
        tally.verdict.lost.append("door: the terminal does not start any more")
        return
    compare(memory, [], seen, tally)
    with sqlite3.connect(state / LEDGER_FILE) as db:
        found = db.execute("PRAGMA integrity_check").fetchall()
    faults = verify(state / LEDGER_FILE, ledger_key(state).public).faults
    tally.verdict.altered += [f"door: the chain is broken: {fault}" for fault in faults]
    if found != [("ok",)]:
        tally.verdict.altered.append(f"door: integrity_check says {found}")

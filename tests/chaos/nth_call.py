"""Fail the Nth call to the disk, once or for good, for N = 1, 2, 3 ... until no fault fires.

The ledger runs over a VFS of ours that passes everything on to the real file system, but for one write,
sync or truncation. Whatever was answered "recorded" must be there after a restart, whatever was answered
"NOT recorded" must not, and the terminal must work again once the disk does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import apsw

from edge.errors import EdgeError
from edge.identification import Identified
from edge.punch.file import LedgerFile
from edge.punch.recorder import PunchRecorder, Recorded
from edge.punch.signing import ledger_key
from edge.sync.outbox import Outbox
from models.ids import PersonId
from models.punch import ClockQuality, Method
from models.ranges import Ranges
from tests.chaos.checker import Attempt, Outcome, Verdict, promises
from tests.chaos.doorstep import MACHINE, TERMINAL, DayClock, held

KINDS = ("write", "sync", "truncate")
NAME = "kaoqin-nth-call"


@dataclass
class Fault:
    """The ``nth`` call of ``kind`` fails; ``lasting``: and every call of any kind after it."""

    kind: str = ""
    nth: int = 0
    lasting: bool = False
    fired: int = 0

    def step(self, kind: str) -> None:
        """One call; raises if it is to fail."""
        if self.lasting and self.fired:
            self._fire()
        if kind == self.kind:
            self.nth -= 1
            if self.nth == 0:
                self._fire()

    def _fire(self) -> None:
        self.fired += 1
        raise apsw.IOError("planted")


class FailingDisk(apsw.VFS):
    """The machine's file system with a fault in it."""

    def __init__(self) -> None:
        self.fault = Fault()
        super().__init__(NAME, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        """Every file of the ledger."""
        return _FailingFile(self, name, flags)


class _FailingFile(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.fault.step("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.fault.step("sync")
        super().xSync(flags)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.fault.step("truncate")
        super().xTruncate(newsize)


@dataclass
class Loop:
    """What a loop did and found."""

    faults: Counter[str]
    outcomes: Counter[str]
    verdict: Verdict


def run(folder: Path, every: int = 1) -> Loop:
    """All of them, or every so many, on ledgers made in ``folder``."""
    loop = Loop(Counter(), Counter(), Verdict())
    disk = FailingDisk()
    try:
        for kind in KINDS:
            for lasting in (False, True):
                nth = 1
                while _one(folder / f"{kind}-{lasting}-{nth}", disk, Fault(kind, nth, lasting), loop):
                    nth += every
    finally:
        disk.unregister()
    return loop


def _one(state: Path, disk: FailingDisk, fault: Fault, loop: Loop) -> bool:
    """One story with one fault; whether it fired."""
    state.mkdir()
    disk.fault = fault
    attempts: list[Attempt] = []
    ledger = LedgerFile(state / "punches.db", TERMINAL, MACHINE, ledger_key(state).sign, vfs=NAME)
    for day in range(3):
        _a_day(ledger, day, attempts)
    disk.fault = Fault()
    before = len(attempts)
    _a_day(ledger, 3, attempts)
    if any(attempt.outcome is Outcome.FAIL for attempt in attempts[before:]):
        loop.verdict.lost.append(f"{fault}: nothing can be recorded though the disk works again")
    ledger.close()
    again = LedgerFile(state / "punches.db", TERMINAL, MACHINE, ledger_key(state).sign)
    again.open()
    rows = [row for row, _ in held(again)]
    again.close()
    if fault.kind == "sync":
        _doubt_the_first(attempts)
    found = promises(attempts, rows, f"{fault.kind}, {'lasting' if fault.lasting else 'once'}")
    loop.verdict.add(found)
    loop.faults[f"{fault.kind} {'for good' if fault.lasting else 'once'}"] += bool(fault.fired)
    loop.outcomes.update(attempt.outcome for attempt in attempts)
    return bool(fault.fired)


def _doubt_the_first(attempts: list[Attempt]) -> None:
    """A commit whose sync failed is told as "NOT recorded" and may come back from the log: it did happen."""
    for place, attempt in enumerate(attempts):
        if attempt.outcome is Outcome.FAIL:
            attempts[place] = Attempt(attempt.terminal, attempt.person, Outcome.INFO)
            return


def _a_day(ledger: LedgerFile, day: int, attempts: list[Attempt]) -> None:
    clock = DayClock(day)
    recorder = PunchRecorder(ledger, clock, lambda: ClockQuality.SYNCED, repeat_window_s=0)
    for _ in range(3):
        person = f"p-{len(attempts)}"
        outcome = recorder.record(Identified(PersonId(person), Method.PIN))
        if isinstance(outcome, Recorded):
            attempts.append(Attempt(TERMINAL, person, Outcome.OK, outcome.punch.punch_id))
        else:
            attempts.append(Attempt(TERMINAL, person, Outcome.FAIL))
    try:
        stream = ledger.stream.stream_id
        Outbox(ledger).mark_delivered(stream, Ranges.of([(1, 1)]), clock.wall_ms())
        ledger.prune()
    except (EdgeError, IndexError):
        return

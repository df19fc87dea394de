"""The punch path of a terminal behind a pipe: the real ledger, recorder, outbox and roster.

Commands and answers are lines. ``up`` is said when the ledger is open and ``row`` for each punch it holds;
then ``punch PERSON`` -> ``ok ID SEQ`` or ``fail``, ``ack FIRST LAST``, ``prune``, ``roster VERSION`` ->
``done``.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TextIO

from apsw import Connection

from edge.agent import LEDGER_FILE
from edge.errors import EdgeError
from edge.health.machine import Machine
from edge.identification import Identified
from edge.punch import rows
from edge.punch.file import LedgerFile
from edge.punch.ledger import Ledger
from edge.punch.recorder import PunchRecorder, Recorded
from edge.punch.streams import Stream
from edge.roster.store import RosterStore
from edge.sync.outbox import Outbox
from models.clock import SystemClock
from models.crashpoint import crashpoint
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality, Method, Punch
from models.ranges import Ranges
from models.wire.messages import Roster
from tests.chaos.checker import Row

TERMINAL = TerminalId("t-doorstep")
MACHINE = Machine("machine", "boot")
_DAY_MS = 86_400_000


class DayClock(SystemClock):
    """The clock of this machine, some days on."""

    def __init__(self, day: int) -> None:
        self._ahead_ms = day * _DAY_MS

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00Z."""
        return super().wall_ms() + self._ahead_ms


class Doorstep:
    """One terminal, from its state folder until it dies."""

    def __init__(self, state: Path, day: int, answers: int) -> None:
        self._answers = answers
        self._clock = DayClock(day)
        self._roster = RosterStore(state)
        self._ledger = Ledger(state / LEDGER_FILE, TERMINAL, MACHINE)
        self._recorder = PunchRecorder(
            self._ledger, self._clock, lambda: ClockQuality.SYNCED, repeat_window_s=0
        )

    def serve(self, commands: TextIO) -> None:
        """Say what is held, then obey until the commands end."""
        for row, acked in held(self._ledger):
            self._say(f"row {row.seq} {row.punch_id} {row.person} {int(acked)}")
        self._say(f"up {self._roster.current.version or '-'}")
        for line in commands:
            try:
                answer = self._do(*line.split())
            except EdgeError:
                answer = "fail"
            self._say(answer)
            crashpoint("punch_shown")
        self._ledger.close()

    def _say(self, line: str) -> None:
        os.write(self._answers, f"{line}\n".encode())

    def _do(self, verb: str, *words: str) -> str:
        match verb:
            case "punch":
                outcome = self._recorder.record(Identified(PersonId(words[0]), Method.PIN))
                if isinstance(outcome, Recorded):
                    return f"ok {outcome.punch.punch_id} {outcome.punch.seq}"
                return "fail"
            case "ack":
                first, last, days = map(int, words)
                stream = self._ledger.stream.stream_id
                at_ms = self._clock.wall_ms() - days * _DAY_MS
                Outbox(self._ledger).mark_delivered(stream, Ranges.of([(first, last)]), at_ms)
            case "prune":
                self._ledger.prune()
            case "roster":
                self._roster.replace(Roster(words[0], "hq", "UTC", ()))
            case _:
                raise ValueError(verb)
        return "done"


def _all_of(stream: Stream, last: int, db: Connection) -> list[Punch]:
    return rows.between(db, stream, 1, last)


def held(ledger: LedgerFile) -> list[tuple[Row, bool]]:
    """Every punch of every stream, and whether the ledger calls it acknowledged."""
    found = []
    outboxes = {each.stream_id: each for each in Outbox(ledger).streams()}
    for stream in ledger.streams:
        last = outboxes[stream.stream_id].highest
        waiting = outboxes[stream.stream_id].waiting
        for punch in ledger.write(partial(_all_of, stream, last)):
            row = Row(punch.terminal_id, punch.stream_id, punch.seq, punch.punch_id, punch.person_id)
            found.append((row, punch.seq not in waiting))
    return found


if __name__ == "__main__":
    screen = os.dup(1)
    os.dup2(2, 1)  # logs are not answers
    Doorstep(Path(sys.argv[1]), int(sys.argv[2]), screen).serve(sys.stdin)

"""A punch durable on the terminal, beside one bare write with fdatasync: what the disk asks of anybody.

Both are done in turn on the same file system, so that whatever else the machine does hits both. The punch is
made as at the door: both clocks, chain, signed head, commit.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from edge.health.machine import this_machine
from edge.identification import Identified
from edge.punch.ledger import Ledger
from edge.punch.proving import verify
from edge.punch.recorder import PunchRecorder, Recorded
from edge.punch.signing import kept_key
from models import ids
from models.clock import SystemClock
from models.punch import ClockQuality, Method
from tests.benchmarks.figures import Figure

PUNCHES = 1_000
RECORD_BYTES = 200
PEOPLE = 150
TERMINAL = ids.terminal_id(bytes(10))


def measure() -> Iterator[Figure]:
    """Punches one by one, each durable before the next is made; then the walk that proves them all."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        ours: list[float] = []
        theirs: list[float] = []
        bare = os.open(directory / "bare", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        try:
            with Ledger(directory / "punches.db", TERMINAL, this_machine(directory)) as ledger:
                punch = _puncher(ledger)
                for _ in range(PUNCHES):
                    ours.append(_took(punch))
                    theirs.append(_took(lambda: _write(bare)))
        finally:
            os.close(bare)
        for name, at in (("p50", 50), ("p99", 99)):
            yield Figure(
                f"a durable punch, {name}",
                _percentile(ours, at),
                f"write and fdatasync of {RECORD_BYTES} bytes, {name}",
                _percentile(theirs, at),
            )
        walk = _took(lambda: verify(directory / "punches.db", kept_key(directory).public))
        yield Figure(f"verify {PUNCHES} punches", walk, "making them", sum(ours))


def _puncher(ledger: Ledger) -> Callable[[], object]:
    recorder = PunchRecorder(ledger, SystemClock(), lambda: ClockQuality.SYNCED, repeat_window_s=0)
    people = [ids.person_id(number.to_bytes(10, "big")) for number in range(PEOPLE)]
    numbers = count()

    def punch() -> None:
        outcome = recorder.record(Identified(people[next(numbers) % PEOPLE], Method.FINGER, 812))
        if not isinstance(outcome, Recorded):
            raise TypeError(f"the disk refused: {outcome}")

    return punch


def _took(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _percentile(taken: list[float], at: int) -> float:
    return statistics.quantiles(taken, n=100)[at - 1]


def _write(descriptor: int) -> int:
    written = os.write(descriptor, bytes(RECORD_BYTES))
    os.fdatasync(descriptor)
    return written

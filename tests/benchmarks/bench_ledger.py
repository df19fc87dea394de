"""A punch durable on the terminal, beside one bare write with fdatasync: what the disk asks of anybody."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from edge.health.machine import this_machine
from edge.punch.ledger import Ledger
from edge.punch.rows import Draft
from models import ids
from models.clock import SystemClock
from models.punch import ClockQuality, Method
from tests.benchmarks.figures import Figure, seconds

PUNCHES = 200
RECORD_BYTES = 200


def measure() -> Iterator[Figure]:
    """Punches one by one, each committed before the next is made."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        terminal = ids.terminal_id(bytes(10))
        with Ledger(directory / "punches.db", terminal, this_machine(directory)) as ledger:
            numbers = count()
            ours = seconds(lambda: [ledger.append(_draft(next(numbers))) for _ in range(PUNCHES)])
        bare = os.open(directory / "bare", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        try:
            theirs = seconds(lambda: [_write(bare) for _ in range(PUNCHES)])
        finally:
            os.close(bare)
    yield Figure(f"{PUNCHES} durable punches", ours, "write and fdatasync", theirs)


def _draft(number: int) -> Draft:
    wall_ms = SystemClock().wall_ms()
    return Draft(
        punch_id=ids.punch_id(wall_ms, number.to_bytes(10, "big")),
        person_id=ids.person_id(bytes(10)),
        wall_ms=wall_ms,
        monotonic_ms=SystemClock().monotonic_ms(),
        clock=ClockQuality.SYNCED,
        method=Method.FINGER,
    )


def _write(descriptor: int) -> int:
    written = os.write(descriptor, bytes(RECORD_BYTES))
    os.fdatasync(descriptor)
    return written

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.errors import LedgerUnsafe
from edge.health.machine import Machine
from edge.punch.history import Counts, read_history
from edge.punch.ledger import Ledger
from edge.punch.rows import Draft
from edge.sync.outbox import Outbox
from models import ids
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality, Direction, Method
from models.ranges import Ranges


def test_history_tells_what_became_of_each_punch(tmp_path: Path):
    path = tmp_path / "punches.db"
    with Ledger(path, TerminalId("t-1"), Machine("m", "b")) as ledger:
        stream = ledger.append_many(
            [
                Draft(
                    ids.punch_id(number, os.urandom(10)),
                    PersonId(f"p-{number}"),
                    1_790_000_000_000 + number,
                    number,
                    ClockQuality.SYNCED,
                    Method.CARD,
                    Direction.OUT,
                )
                for number in (1, 2, 3)
            ]
        )[0].stream_id
        Outbox(ledger).mark_delivered(stream, Ranges.single(1), at_ms=1)
        Outbox(ledger).refuse(stream, [(2, "malformed")], at_ms=1)

    counts, lines = read_history(path, 2)
    _, waiting = read_history(path, 10, waiting_only=True)

    assert counts == Counts(punches=3, waiting=1, refused=1, streams=1)
    assert [(line.seq, line.delivery) for line in lines] == [(3, "waiting"), (2, "refused: malformed")]
    assert [line.seq for line in waiting] == [3]
    assert lines[0].at == "2026-09-21T14:13:20.003+00:00"
    assert (lines[0].method, lines[0].direction, lines[0].clock) == ("card", "out", "synced")


@pytest.mark.parametrize("content", [None, b"no database at all, but long enough to be looked at" * 20])
def test_what_is_no_ledger_is_named(tmp_path: Path, content: bytes | None):
    path = tmp_path / "punches.db"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(LedgerUnsafe, match=r"no ledger can be read at .*punches.db"):
        read_history(path, 10)

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from apsw import Connection

from edge.cli import main
from edge.health.machine import Machine
from edge.punch.ledger import Ledger
from edge.punch.rows import Draft
from models import ids
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality, Method


@pytest.fixture
def state(tmp_path: Path) -> Path:
    with Ledger(tmp_path / "punches.db", TerminalId("t-1"), Machine("m", "b")) as ledger:
        for number in range(1, 6):
            ledger.append(
                Draft(
                    ids.punch_id(number, os.urandom(10)),
                    PersonId(f"p-{number}"),
                    1_790_000_000_000 + number,
                    number,
                    ClockQuality.SYNCED,
                    Method.CARD,
                )
            )
    return tmp_path


def test_verify_says_that_all_is_as_written(state: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["punches", "verify", "--state", str(state)]) == 0

    assert capsys.readouterr().out == "5 punches of 1 days in 1 streams: as this terminal wrote them\n"


def test_verify_names_the_first_bad_record(state: Path, capsys: pytest.CaptureFixture[str]):
    db = Connection(str(state / "punches.db"))
    db.execute("UPDATE punches SET person_id = 'p-9' WHERE seq IN (3, 4)")
    db.close()

    assert main(["punches", "verify", "--state", str(state)]) == 1

    first, last = capsys.readouterr().out.splitlines()
    assert first.endswith(", seq 3: not as it was written")
    assert last == "5 punches of 1 days in 1 streams: NOT as this terminal wrote them"

    assert main(["punches", "verify", "--state", str(state), "--json"]) == 1
    (fault,) = json.loads(capsys.readouterr().out)["faults"]
    assert (fault["first"], fault["last"]) == (3, 3)


def test_verify_of_nothing_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["punches", "verify", "--state", str(tmp_path)]) == 2

    assert "ledger.key cannot be read: No such file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

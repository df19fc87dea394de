"""Nobody makes a terminal forget a punch that only it has."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edge.cli import main
from edge.errors import LedgerBusy
from edge.health.machine import Machine
from edge.leaving import set_aside, wipe
from edge.punch.ledger import Ledger
from edge.punch.proving import verify
from edge.punch.rows import Draft
from edge.punch.signing import kept_key
from edge.sync.outbox import Outbox
from models import ids
from models.clock import SystemClock
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality, Method
from models.ranges import Ranges

TERMINAL = TerminalId("t-1")
CLAIM = ["claim", "AAAA-BBBB", "--cloud", "http://127.0.0.1:9"]


def fill(state: Path, acked: int) -> None:
    with Ledger(state / "punches.db", TERMINAL, Machine("m", "b")) as ledger:
        stream = ledger.append_many([draft(number) for number in (1, 2, 3)])[0].stream_id
        if acked:
            Outbox(ledger).mark_delivered(stream, Ranges.of([(1, acked)]), at_ms=1)
    (state / "identity.json").write_text("{}")
    (state / "gallery").mkdir()
    (state / "gallery" / "key").write_text("secret")


def draft(number: int) -> Draft:
    return Draft(
        ids.punch_id(number, os.urandom(10)),
        PersonId("p-1"),
        1_790_000_000_000 + number,
        number,
        ClockQuality.SYNCED,
        Method.PIN,
    )


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(("-wal", "-shm"))}


@pytest.mark.parametrize("deed", [["wipe", "--yes"], CLAIM])
def test_what_would_leave_punches_behind_is_refused_and_says_what_to_do(
    tmp_path: Path, deed: list[str], capsys: pytest.CaptureFixture[str]
):
    fill(tmp_path, acked=2)
    before = names(tmp_path)

    assert main([*deed, "--state", str(tmp_path)]) == 2

    said = capsys.readouterr().err
    assert "1 punches are only on this terminal" in said
    assert "--export FILE" in said
    assert names(tmp_path) == before


def test_a_delivered_terminal_is_wiped_of_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    fill(tmp_path, acked=3)

    assert main(["wipe", "--yes", "--state", str(tmp_path)]) == 0

    assert names(tmp_path) == set()


def test_punches_are_taken_along_before_a_wipe(tmp_path: Path):
    fill(tmp_path, acked=0)
    file = tmp_path / "punches.jsonl"

    assert main(["wipe", "--yes", "--state", str(tmp_path), "--export", str(file)]) == 0

    assert names(tmp_path) == {"punches.jsonl"}
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert [record["punch"][0] for record in kept if "punch" in record] == [1, 2, 3]


def test_a_wipe_that_cannot_export_deletes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    fill(tmp_path, acked=0)
    before = names(tmp_path)

    assert main(["wipe", "--yes", "--state", str(tmp_path), "--export", "/nowhere/punches.jsonl"]) == 2

    assert "cannot write /nowhere/punches.jsonl" in capsys.readouterr().err
    assert names(tmp_path) == before


def test_a_running_terminal_is_not_wiped(tmp_path: Path):
    with Ledger(tmp_path / "punches.db", TERMINAL, Machine("m", "b")), pytest.raises(LedgerBusy):
        wipe(tmp_path, None, SystemClock())


def test_what_was_renumbered_waits_only_under_its_new_number(tmp_path: Path):
    with Ledger(tmp_path / "punches.db", TERMINAL, Machine("m", "b")) as ledger:
        old = ledger.append_many([draft(1)])[0].stream_id
        outbox = Outbox(ledger)
        outbox.reissue(old, Ranges.single(1), "key_conflict", at_ms=1)
        outbox.mark_delivered(ledger.stream.stream_id, Ranges.single(1), at_ms=2)

    wipe(tmp_path, None, SystemClock())

    assert names(tmp_path) == set()


def test_a_punch_the_cloud_put_aside_is_not_thrown_away(tmp_path: Path):
    with Ledger(tmp_path / "punches.db", TERMINAL, Machine("m", "b")) as ledger:
        stream = ledger.append_many([draft(1)])[0].stream_id
        Outbox(ledger).refuse(stream, [(1, "malformed")], at_ms=1)

    assert main(["wipe", "--yes", "--state", str(tmp_path)]) == 2


def test_a_terminal_without_punches_may_be_claimed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([*CLAIM, "--state", str(tmp_path)]) == 2

    assert "only on this terminal" not in capsys.readouterr().err


def test_a_ledger_set_aside_is_put_back_if_the_claim_fails(tmp_path: Path):
    fill(tmp_path, acked=0)
    before = (tmp_path / "punches.db").read_bytes()
    file = tmp_path / "out.jsonl"

    assert main([*CLAIM, "--state", str(tmp_path), "--export", str(file)]) == 2

    assert file.exists()
    assert (tmp_path / "punches.db").read_bytes() == before
    assert not list(tmp_path.glob("exported-*"))


def test_what_was_exported_for_one_identity_is_not_delivered_by_the_next(tmp_path: Path):
    fill(tmp_path, acked=0)

    with set_aside(tmp_path):
        pass

    with Ledger(tmp_path / "punches.db", TerminalId("t-2"), Machine("m", "b")) as ledger:
        assert Outbox(ledger).waiting() == 0
        assert len(ledger.streams) == 1
    assert verify(tmp_path / "exported-1-punches.db", kept_key(tmp_path).public).punches == 3

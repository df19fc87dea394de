from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from apsw import Connection

from edge.cli import main
from edge.errors import CannotExport, LedgerUnsafe
from edge.health.machine import Machine
from edge.punch.exporting import export
from edge.punch.file import KEEP_ACKED_MS
from edge.punch.ledger import Ledger
from edge.punch.proving import signed_by
from edge.punch.rows import Draft
from edge.punch.signing import kept_key
from edge.sync.outbox import Outbox
from models import ids
from models.chain import DAY_MS
from models.ids import PersonId, TerminalId
from models.proof import check_stream
from models.punch import ClockQuality, Method
from models.ranges import Ranges
from models.wire.export import BadExport, read_export

TERMINAL = TerminalId("t-1")
NOW_MS = 1_795_000_000_000


def draft(number: int, day: int = 0) -> Draft:
    return Draft(
        ids.punch_id(number, os.urandom(10)),
        PersonId(f"p-张三{number}"),
        1_790_000_000_000 + day * DAY_MS + number,
        number,
        ClockQuality.SYNCED,
        Method.FACE,
        score_milli=700 + number if number % 2 else None,
    )


@pytest.fixture
def state(tmp_path: Path) -> Path:
    with Ledger(tmp_path / "punches.db", TERMINAL, Machine("m", "b")) as ledger:
        stream = ledger.append_many([draft(1), draft(2), draft(3, 1), draft(4, 1), draft(5, 2)])[0].stream_id
        outbox = Outbox(ledger)
        outbox.mark_delivered(stream, Ranges.of([(1, 2)]), at_ms=1)
        outbox.mark_delivered(stream, Ranges.single(3), at_ms=2 + KEEP_ACKED_MS)
        outbox.refuse(stream, [(4, "malformed")], at_ms=3)
        ledger.prune()
    with Ledger(tmp_path / "punches.db", TERMINAL, Machine("m2", "b")) as ledger:
        ledger.append(draft(1, 3))
    return tmp_path


def test_an_export_holds_all_that_is_kept_and_proves_it(state: Path):
    file = state / "out.jsonl"
    key = kept_key(state)

    exported = export(state / "punches.db", key, file, NOW_MS)

    assert (exported.punches, exported.waiting, exported.faults) == (4, 3, ())
    found = read_export(file.read_bytes().splitlines(keepends=True))
    is_signed = signed_by(key.public)
    assert is_signed(found.signed, found.signature)
    assert (found.terminal_id, found.made_ms, found.public_key) == (TERMINAL, NOW_MS, key.public)
    assert [[kept.punch.seq for kept in stream.punches] for stream in found.streams] == [[3, 4, 5], [1]]
    assert found.streams[0].refused == {4: "malformed"}
    assert [check_stream(stream.proof(), is_signed) for stream in found.streams] == [None, None]
    assert found.streams[0].punches[0].punch.person_id == "p-张三3"


def test_a_file_that_exists_is_not_written_over(state: Path):
    file = state / "out.jsonl"
    file.write_text("precious")

    with pytest.raises(CannotExport, match="File exists"):
        export(state / "punches.db", kept_key(state), file, NOW_MS)
    assert file.read_text() == "precious"


def test_what_cannot_be_read_leaves_no_half_a_file(state: Path):
    (state / "punches.db").write_bytes(b"no ledger" * 1000)

    with pytest.raises(LedgerUnsafe, match="no ledger can be read"):
        export(state / "punches.db", kept_key(state), state / "out.jsonl", NOW_MS)
    assert not (state / "out.jsonl").exists()


def test_changing_a_byte_breaks_the_signature(state: Path):
    file = state / "out.jsonl"
    key = kept_key(state)
    export(state / "punches.db", key, file, NOW_MS)
    lines = file.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"1", b"2", 1)

    found = read_export(lines)

    assert not signed_by(key.public)(found.signed, found.signature)


def header(name: str = "kaoqin punches", version: int = 1) -> bytes:
    fields = {"format": name, "version": version, "terminal_id": "t", "made_ms": 1, "public_key": "0" * 64}
    return json.dumps(fields).encode() + b"\n"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "cut off"),
        ([b"employee_no,name\n"], "line 1: "),
        ([header("other")], "line 1: this is not"),
        ([header(version=2)], "line 1: version 2"),
        ([header(), b'{"punch":[1]}\n'], "line 2: "),
        ([header(), b'{"refused":[1,"x"]}\n'], "line 2: no stream"),
    ],
)
def test_what_is_no_export_is_named(lines: list[bytes], reason: str):
    with pytest.raises(BadExport, match=reason):
        read_export(lines)


def test_a_cut_file_is_refused(state: Path):
    file = state / "out.jsonl"
    export(state / "punches.db", kept_key(state), file, NOW_MS)

    with pytest.raises(BadExport, match="cut off"):
        read_export(file.read_bytes().splitlines(keepends=True)[:-1])


def test_a_ledger_that_was_edited_is_exported_as_it_is_and_the_fault_is_said(
    state: Path, capsys: pytest.CaptureFixture[str]
):
    db = Connection(str(state / "punches.db"))
    db.execute("UPDATE punches SET person_id = 'p-9' WHERE stream_no = 1 AND seq = 4")
    db.close()

    assert main(["punches", "export", str(state / "out.jsonl"), "--state", str(state)]) == 1

    first, last = capsys.readouterr().out.splitlines()
    assert first.endswith(", seq 4: not as it was written")
    assert last == f"4 punches in {state / 'out.jsonl'}, 3 of them not yet in the cloud"
    assert json.loads((state / "out.jsonl").read_text().splitlines()[-1])["end"] == {"punches": 4}

"""Whatever is done to a ledger by hand is found, and the first bad record is named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import apsw
import pytest
from apsw import Connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.health.machine import Machine
from edge.punch.chained import PUNCH_COLUMNS
from edge.punch.exporting import export
from edge.punch.file import KEEP_ACKED_MS
from edge.punch.ledger import Ledger
from edge.punch.proving import read_earlier, verify
from edge.punch.rows import Draft
from edge.punch.signing import kept_key, ledger_key
from edge.sync.outbox import Outbox
from models import ids
from models.chain import DAY_MS, link, punch_digest
from models.ids import PersonId, StreamId, TerminalId
from models.proof import Fault, Signed
from models.punch import ClockQuality, Method
from models.ranges import Ranges
from models.wire.export import Export
from models.wire.messages import WirePunch

TERMINAL = TerminalId("t-0000000000000001")
START_MS = 1_790_000_000_000 // DAY_MS * DAY_MS
DAYS = (0, 0, 0, 1, 1, 2, 1, 2, 2, 3, 3, 3, 3, 0, 3)
"""Of the kept punches: the clock is set back once to yesterday and once to the first day."""

CUT_OFF = "DELETE FROM punches WHERE stream_no = 2; DELETE FROM heads WHERE stream_no = 2"
FIRST_KEPT = 6
LAST = FIRST_KEPT + len(DAYS) - 1
FIELDS = {
    "punch_id": bytes(16),
    "person_id": "p-somebody-else",
    "wall_ms": 1,
    "monotonic_ms": 77,
    "boot": 9,
    "clock": 0,
    "method": 3,
    "direction": 2,
    "score_milli": 1,
}


def draft(day: int, number: int) -> Draft:
    wall_ms = START_MS + day * DAY_MS + number
    return Draft(
        ids.punch_id(wall_ms, os.urandom(10)),
        PersonId(f"p-{number}"),
        wall_ms,
        number,
        ClockQuality.SYNCED,
        Method.FINGER,
        score_milli=800,
    )


@dataclass(frozen=True)
class Made:
    """A ledger of two streams: of the first, seqs 1 to 5 were deleted 90 days after the cloud had them."""

    path: Path
    public: bytes
    streams: tuple[StreamId, ...]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    path = tmp_path_factory.mktemp("made") / "punches.db"
    with Ledger(path, TERMINAL, Machine("machine-1", "boot-1")) as ledger:
        stream = ledger.append_many([draft(-100, number) for number in range(1, FIRST_KEPT)])[0].stream_id
        for number, day in enumerate(DAYS):
            ledger.append(draft(day, number))
        Outbox(ledger).mark_delivered(stream, Ranges.of([(1, FIRST_KEPT - 1)]), at_ms=1)
        Outbox(ledger).mark_delivered(stream, Ranges.single(LAST), at_ms=KEEP_ACKED_MS + 2)
        assert ledger.prune() == FIRST_KEPT - 1
    with Ledger(path, TERMINAL, Machine("machine-2", "boot-1")) as ledger:
        ledger.append_many([draft(4, number) for number in range(3)])
        return Made(path, ledger_key(path.parent).public, tuple(each.stream_id for each in ledger.streams))


def faults_after(made: Made, place: Path, tamper: Callable[[Connection], object]) -> tuple[Fault, ...]:
    copy = place / "copy.db"
    copy.unlink(missing_ok=True)
    shutil.copy(made.path, copy)
    db = Connection(str(copy))
    tamper(db)
    db.close()
    return verify(copy, made.public).faults


def chain_anew(db: Connection, first: int) -> None:
    """Compute the links of stream 1 again from ``first`` on, as one without the key can."""
    at = db.execute(
        "SELECT link FROM punches WHERE stream_no = 1 AND seq = ?1 UNION ALL "
        "SELECT link FROM pruned WHERE stream_no = 1 AND last_seq = ?1",
        (first - 1,),
    ).get
    for punch in db.execute(
        f"SELECT {PUNCH_COLUMNS} FROM punches WHERE stream_no = 1 AND seq >= ? ORDER BY seq",  # noqa: S608
        (first,),
    ).fetchall():
        at = link(at, punch_digest(WirePunch(*punch)))  # type: ignore[arg-type]
        db.execute("UPDATE punches SET link = ? WHERE stream_no = 1 AND seq = ?", (at, punch[0]))


def shift_down(db: Connection, seq: int) -> None:
    db.execute("DELETE FROM punches WHERE stream_no = 1 AND seq = ?", (seq,))
    for later in range(seq + 1, LAST + 1):
        db.execute("UPDATE punches SET seq = seq - 1 WHERE stream_no = 1 AND seq = ?", (later,))


def swap(db: Connection, one: int, other: int) -> None:
    for seq, to in ((one, 10_000), (other, one), (10_000, other)):
        db.execute("UPDATE punches SET seq = ? WHERE stream_no = 1 AND seq = ?", (to, seq))


def ghost(db: Connection, seq: int) -> None:
    db.execute(
        f"INSERT INTO punches (stream_no, {PUNCH_COLUMNS}, link) SELECT 1, ?, randomblob(16), 'p-ghost', "  # noqa: S608
        "wall_ms, monotonic_ms, boot, clock, method, direction, score_milli, link FROM punches "
        "WHERE stream_no = 1 AND seq = ?",
        (seq, LAST),
    )


def edit(db: Connection, seq: int, field: str) -> None:
    db.execute(f"UPDATE punches SET {field} = ? WHERE stream_no = 1 AND seq = ?", (FIELDS[field], seq))  # noqa: S608


def cut(db: Connection, first: int, last: int) -> None:
    db.execute("DELETE FROM punches WHERE stream_no = 1 AND seq BETWEEN ? AND ?", (first, last))


def test_an_untouched_ledger_is_what_was_written(made: Made, tmp_path: Path):
    assert faults_after(made, tmp_path, lambda _: None) == ()


FILES = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
SEQS = st.integers(FIRST_KEPT, LAST)


@FILES
@given(
    first=SEQS,
    luck=st.randoms(use_true_random=False),
    kind=st.sampled_from(["edit", "link", "cut", "shift", "swap"]),
)
def test_tampering_without_a_new_chain_is_located_to_the_punch(
    made: Made, tmp_path: Path, first: int, luck: Random, kind: str
):
    last = luck.randint(first, LAST)
    acts: dict[str, Callable[[Connection], object]] = {
        "edit": lambda db: edit(db, first, luck.choice(list(FIELDS))),
        "link": lambda db: db.execute("UPDATE punches SET link = randomblob(32) WHERE seq = ?", (first,)),
        "cut": lambda db: cut(db, first, last),
        "shift": lambda db: shift_down(db, first),
        "swap": lambda db: swap(db, first, last) if first < last else edit(db, first, "person_id"),
    }

    (fault,) = faults_after(made, tmp_path, acts[kind])

    assert fault.stream_id == made.streams[0]
    assert fault.first == first
    assert fault.last == first or kind in {"cut", "shift"}


@FILES
@given(seq=SEQS, field=st.sampled_from(sorted(FIELDS)), ghosts=st.integers(0, 2))
def test_tampering_with_a_new_chain_is_located_between_two_signed_heads(
    made: Made, tmp_path: Path, seq: int, field: str, ghosts: int
):
    def tamper(db: Connection) -> None:
        if ghosts:
            for number in range(ghosts):
                ghost(db, LAST + 1 + number)
        else:
            edit(db, seq, field)
        chain_anew(db, LAST + 1 if ghosts else seq)

    (fault,) = faults_after(made, tmp_path, tamper)

    bad = LAST + 1 if ghosts else seq
    assert fault.first <= bad <= fault.last
    signed = heads_of(made)
    assert fault.first > max((last for last in signed if last < bad), default=0)


def heads_of(made: Made) -> list[int]:
    db = Connection(str(made.path), flags=apsw.SQLITE_OPEN_READONLY)
    found = [last for (last,) in db.execute("SELECT last_seq FROM heads WHERE stream_no = 1")]
    db.close()
    return found


@pytest.mark.parametrize(
    ("sql", "first"),
    [
        ("UPDATE heads SET count = count + 1 WHERE stream_no = 1", 1),
        ("UPDATE heads SET signature = zeroblob(64) WHERE stream_no = 1", 1),
        ("DELETE FROM heads WHERE stream_no = 1", FIRST_KEPT),
        ("DELETE FROM heads WHERE stream_no = 2", 1),
        ("UPDATE pruned SET link = zeroblob(32)", 1),
        ("DELETE FROM pruned", 1),
        ("UPDATE pruned SET last_seq = 6; DELETE FROM punches WHERE stream_no = 1 AND seq = 6", 1),
        ("INSERT INTO pruned SELECT stream_no, 6, 6, link, signature FROM pruned", 6),
        ("DELETE FROM streams WHERE stream_no = 1", 1),
        ("DELETE FROM streams WHERE stream_no = 2", 1),
        ("UPDATE streams SET terminal_id = 't-other' WHERE stream_no = 2", 1),
        ("UPDATE streams SET stream_id = zeroblob(16) WHERE stream_no = 2", 1),
        ("DELETE FROM punches", FIRST_KEPT),
    ],
)
def test_tampering_with_what_proves_the_punches_is_found(made: Made, tmp_path: Path, sql: str, first: int):
    faults = faults_after(made, tmp_path, lambda db: db.execute(sql))

    assert faults
    assert faults[0].first == first


def test_another_key_proves_nothing(made: Made, tmp_path: Path):
    assert verify(made.path, ledger_key(tmp_path).public).faults


def test_looking_does_not_change_the_file(made: Made):
    before = made.path.read_bytes()

    verify(made.path, made.public)

    assert made.path.read_bytes() == before


@pytest.fixture(scope="module")
def earlier(made: Made) -> Export:
    file = made.path.with_name("earlier.jsonl")
    export(made.path, kept_key(made.path.parent), file, START_MS)
    return read_earlier(file)


@pytest.mark.parametrize(
    ("sql", "first", "last"),
    [
        # Older copies: consistent in themselves, for the newest heads went with the newest punches.
        (CUT_OFF, 1, 3),
        (CUT_OFF + "; DELETE FROM streams WHERE stream_no = 2", 1, 3),  # noqa: S608 - constants
    ],
)
def test_an_older_copy_is_found_by_what_was_exported_once(
    made: Made, earlier: Export, tmp_path: Path, sql: str, first: int, last: int
):
    copy = tmp_path / "copy.db"
    shutil.copy(made.path, copy)
    db = Connection(str(copy))
    db.execute(sql)
    db.close()

    assert not verify(copy, made.public).faults
    (fault,) = verify(copy, made.public, earlier).faults

    assert (fault.stream_id, fault.first, fault.last) == (made.streams[1], first, last)


def test_a_ledger_that_went_on_agrees_with_its_earlier_export(made: Made, earlier: Export, tmp_path: Path):
    for name in ("punches.db", "ledger.key"):
        shutil.copy(made.path.parent / name, tmp_path / name)
    with Ledger(tmp_path / "punches.db", TERMINAL, Machine("machine-2", "boot-2")) as ledger:
        ledger.append(draft(4, 99))

    assert not verify(tmp_path / "punches.db", made.public, earlier).faults


def test_an_export_another_terminal_signed_proves_nothing(made: Made, earlier: Export, tmp_path: Path):
    heads = [Signed(head.said, bytes(64)) for head in earlier.streams[1].heads]
    stranger = replace(earlier, streams=(replace(earlier.streams[1], heads=heads),))

    assert not faults_after(made, tmp_path, lambda _: None)
    assert not verify(made.path, made.public, stranger).faults

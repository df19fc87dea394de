from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from apsw import Connection

from edge.errors import LedgerBusy, LedgerUnavailable, LedgerUnsafe
from edge.health.machine import Machine
from edge.health.storage import RESERVE_FILE, Reserve
from edge.punch import chained, rows
from edge.punch.file import KEEP_ACKED_MS, LedgerFile
from edge.punch.ledger import Ledger
from edge.punch.proving import verify
from edge.punch.rows import Draft
from edge.punch.signing import ledger_key
from edge.sync.outbox import Outbox
from models import ids
from models.chain import DAY_MS
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality, Method, Punch
from models.ranges import Ranges

TERMINAL = TerminalId("t-0000000000000001")
MACHINE = Machine("machine-1", "boot-1")
KILLS = 30
START_MS = 1_790_000_000_000


def draft(number: int, person: str = "p-1") -> Draft:
    return Draft(
        punch_id=ids.punch_id(1_790_000_000_000 + number, os.urandom(10)),
        person_id=PersonId(person),
        wall_ms=1_790_000_000_000 + number,
        monotonic_ms=1_000 + number,
        clock=ClockQuality.SYNCED,
        method=Method.FINGER,
        score_milli=810,
    )


def on_day(day: int, number: int) -> Draft:
    return replace(draft(number), wall_ms=START_MS + day * DAY_MS + number)


def stored(ledger: Ledger) -> list[tuple[int, bytes]]:
    return ledger.write(
        lambda db: [
            (punch.seq, punch.punch_id.bytes)
            for stream in ledger.streams
            for punch in rows.between(db, stream, 1, 1 << 50)
        ]
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "punches.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger(path, TERMINAL, MACHINE) as opened:
        yield opened


def test_seqs_count_from_one_without_gaps_across_openings(path: Path):
    with Ledger(path, TERMINAL, MACHINE) as first:
        one = first.append(draft(1))
    with Ledger(path, TERMINAL, MACHINE) as second:
        two, three = second.append_many([draft(2), draft(3)])

        assert [one.seq, two.seq, three.seq] == [1, 2, 3]
        assert one.stream_id == three.stream_id
        assert stored(second) == [(punch.seq, punch.punch_id.bytes) for punch in (one, two, three)]


def test_the_pragmas_of_durability_are_in_force(ledger: Ledger):
    assert ledger.write(lambda db: db.pragma("synchronous")) == 2
    assert ledger.write(lambda db: db.pragma("journal_mode")) == "wal"


def test_a_disk_that_cannot_keep_a_wal_is_refused(path: Path):
    with pytest.raises(LedgerUnsafe, match="journal_mode memory"):
        LedgerFile(Path("/nowhere"), TERMINAL, MACHINE, bytes, vfs="memdb").open()


def test_a_sqlite_that_can_damage_a_ledger_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("apsw.sqlite_lib_version", lambda: "3.51.2")

    with pytest.raises(LedgerUnsafe, match=r"SQLite 3\.51\.2 .* 3\.51\.3 or later"):
        Ledger(path, TERMINAL, MACHINE)


def test_one_process_owns_the_ledger(ledger: Ledger, path: Path):
    with pytest.raises(LedgerBusy):
        Ledger(path, TERMINAL, MACHINE)


def test_a_ledger_made_anew_has_another_stream(path: Path):
    with Ledger(path, TERMINAL, MACHINE) as first:
        before = first.stream.stream_id
    for file in path.parent.glob("punches.db*"):
        file.unlink()

    with Ledger(path, TERMINAL, MACHINE) as second:
        assert second.stream.stream_id != before
        assert len(second.stream.stream_id) == 16


@pytest.mark.parametrize(
    ("terminal", "machine"),
    [
        (TERMINAL, Machine("machine-2", "boot-1", "disk-1")),
        (TERMINAL, Machine("machine-1", "boot-1", "disk-2")),
        (TerminalId("t-other"), Machine("machine-1", "boot-1", "disk-1")),
    ],
)
def test_a_ledger_on_another_machine_or_identity_goes_on_in_a_new_stream(
    path: Path, terminal: TerminalId, machine: Machine
):
    with Ledger(path, TERMINAL, Machine("machine-1", "boot-1", "disk-1")) as first:
        first.append_many([draft(1), draft(2)])
        before = first.stream.stream_id

    with Ledger(path, terminal, machine) as second:
        punch = second.append(draft(3))

        assert second.stream.stream_id != before
        assert punch.seq == 1
        waiting = {each.stream_id: list(each.waiting) for each in Outbox(second).streams()}
        assert waiting == {before: [1, 2], second.stream.stream_id: [1]}


@pytest.mark.parametrize("disks", [("disk-1", ""), ("", "disk-1"), ("", "")])
def test_a_disk_that_cannot_be_told_is_no_other_disk(path: Path, disks: tuple[str, str]):
    for disk in disks:
        with Ledger(path, TERMINAL, Machine("machine-1", "boot-1", disk)) as ledger:
            assert len(ledger.streams) == 1


def test_boots_are_numbered(path: Path):
    numbers = []
    for boot_id in ("boot-1", "boot-1", "boot-2", "boot-1"):
        with Ledger(path, TERMINAL, Machine("machine-1", boot_id)) as opened:
            numbers.append(opened.append(draft(1)).boot)

    assert numbers == [1, 1, 2, 3]


def test_only_days_acknowledged_long_ago_are_deleted_and_no_number_is_given_twice(path: Path):
    with Ledger(path, TERMINAL, MACHINE) as ledger:
        outbox = Outbox(ledger)
        drafts = [on_day(day, number) for day in range(4) for number in range(3)]
        stream = ledger.append_many(drafts)[0].stream_id
        outbox.mark_delivered(stream, Ranges.of([(1, 5), (7, 9)]), at_ms=1_000)
        outbox.mark_delivered(stream, Ranges.of([(10, 12)]), at_ms=1_001 + KEEP_ACKED_MS)

        assert ledger.prune() == 6

        assert [seq for seq, _ in stored(ledger)] == [4, 5, 6, 10, 11, 12]
        outbox.mark_delivered(stream, Ranges.single(6), at_ms=1_000)
        assert ledger.prune() == 3
        assert ledger.prune() == 0
    with Ledger(path, TERMINAL, MACHINE) as ledger:
        assert [seq for seq, _ in stored(ledger)] == [10, 11, 12]
        assert ledger.append(draft(9)).seq == 13
        assert ledger.write(lambda db: chained.pruned(db, ledger.stream))[0][0].last_seq == 9
    assert not verify(path, ledger_key(path.parent).public).faults


def test_no_clock_of_the_terminal_makes_it_forget(ledger: Ledger):
    stream = ledger.append_many([on_day(day, 1) for day in (-20_000, 0, 26_000)])[0].stream_id
    Outbox(ledger).mark_delivered(stream, Ranges.of([(1, 3)]), at_ms=START_MS)

    assert ledger.prune() == 0


def test_a_failed_job_leaves_nothing_and_the_next_one_works(ledger: Ledger):
    def half(db: Connection) -> None:
        ledger.append_in(db, [draft(1)])
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        ledger.write(half)

    assert stored(ledger) == []
    assert ledger.append(draft(2)).seq == 1


def test_listeners_hear_of_what_was_committed_and_of_nothing_else(ledger: Ledger):
    heard: list[tuple[int, int]] = []
    ledger.listen(lambda _, first, last: heard.append((first, last)))

    ledger.append(draft(1))
    with pytest.raises(LedgerUnavailable):
        ledger.append_many([draft(2), replace(draft(3), person_id=None)])  # type: ignore[arg-type]
    ledger.append_many([draft(4), draft(5)])

    assert heard == [(1, 1), (2, 3)]


def test_another_process_sees_the_ledger_in_use_and_cannot_write_it(ledger: Ledger, path: Path):
    ledger.append(draft(1))

    seen = subprocess.run([sys.executable, "-c", LOOKING, str(path)], check=True, capture_output=True)

    assert seen.stdout.split(b"\n") == [b"1", b"attempt to write a readonly database", b""]
    assert ledger.append(draft(2)).seq == 2


def test_many_threads_get_each_a_number_of_its_own(ledger: Ledger):
    def work() -> None:
        for number in range(20):
            ledger.append(draft(number))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [seq for seq, _ in stored(ledger)] == list(range(1, 161))


def test_a_damaged_file_is_named_and_kept(path: Path):
    with Ledger(path, TERMINAL, MACHINE) as ledger:
        ledger.append_many([draft(number) for number in range(500)])
    content = bytearray(path.read_bytes())
    for page in range(4, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = os.urandom(200)
    path.write_bytes(content)

    with pytest.raises(LedgerUnsafe, match=r"damaged|malformed"):
        Ledger(path, TERMINAL, MACHINE)
    assert path.read_bytes() == content


def test_a_closed_ledger_says_so(path: Path):
    ledger = Ledger(path, TERMINAL, MACHINE)
    ledger.close()

    with pytest.raises(LedgerUnavailable, match="closed"):
        ledger.append(draft(1))


LOOKING = """
import sqlite3, sys
from pathlib import Path
from edge.punch.history import open_read_only, read_history
counts, _ = read_history(Path(sys.argv[1]), 0)
print(counts.punches)
try:
    open_read_only(Path(sys.argv[1])).execute("DELETE FROM punches")
except sqlite3.OperationalError as error:
    print(error)
"""

PUNCHING = """
import os, sys
from pathlib import Path
from edge.health.machine import Machine
from edge.health.storage import RESERVE_FILE, Reserve
from edge.punch.ledger import Ledger
from edge.punch.proving import verify
from edge.punch.rows import Draft
from edge.punch.signing import ledger_key
from models import ids
from models.chain import DAY_MS
from models.punch import ClockQuality, Method, Punch
ledger = Ledger(Path(sys.argv[1]), "t-0000000000000001", Machine("machine-1", sys.argv[2]))
number = 0
while True:
    number += 1
    punch = ledger.append(
        Draft(ids.punch_id(number, os.urandom(10)), "p-1", number, number, ClockQuality.RTC, Method.PIN)
    )
    os.write(1, b"%d %s\\n" % (punch.seq, punch.punch_id.hex.encode()))
"""


def test_every_punch_that_was_confirmed_survives_kill_9(path: Path):
    confirmed: dict[int, bytes] = {}
    for kill in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", PUNCHING, str(path), f"boot-{kill}"], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(3 + 7 * (kill % 5)):
            confirm(confirmed, process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        for line in process.communicate()[0].splitlines(keepends=True):
            confirm(confirmed, line)

    with Ledger(path, TERMINAL, MACHINE) as ledger:
        kept = dict(stored(ledger))
        assert list(kept) == list(range(1, len(kept) + 1))
        assert {seq: kept.get(seq) for seq in confirmed} == confirmed
        assert len(kept) <= len(confirmed) + KILLS


def confirm(confirmed: dict[int, bytes], line: bytes) -> None:
    if not line.endswith(b"\n"):
        return
    seq, punch_id = line.split()
    assert int(seq) not in confirmed
    confirmed[int(seq)] = bytes.fromhex(punch_id.decode())


def until_refused(ledger: Ledger) -> Iterator[Punch]:
    for number in range(100_000):
        try:
            yield ledger.append(draft(number))
        except LedgerUnavailable:
            return


@pytest.fixture
def small_disk(path: Path) -> Iterator[Path]:
    """A disk of 1 MiB where we may mount one; else a limit on the size of files."""
    path.parent.mkdir()
    mounted = (
        os.geteuid() == 0
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path.parent)],
            check=False,
            capture_output=True,
        ).returncode
        == 0
    )
    if mounted:
        yield path
        subprocess.run(["umount", "-l", str(path.parent)], check=True)
        return
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    yield path
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_refuses_the_punch_and_keeps_the_earlier_ones(small_disk: Path):
    with Ledger(small_disk, TERMINAL, MACHINE) as ledger:
        confirmed = list(until_refused(ledger))

        assert len(confirmed) > 50
        assert stored(ledger) == [(punch.seq, punch.punch_id.bytes) for punch in confirmed]


def test_at_the_end_of_the_disk_the_reserve_keeps_the_last_steps_possible(small_disk: Path):
    reserve = Reserve(small_disk.parent, 256 * 1024)
    with Ledger(small_disk, TERMINAL, MACHINE) as ledger:
        assert reserve.keep()
        confirmed = []
        for punch in until_refused(ledger):
            confirmed.append(punch)
            if not (small_disk.parent / RESERVE_FILE).exists():
                break  # it was just given back for this one
        else:
            pytest.skip("the disk is not full, only our files are limited")

        Outbox(ledger).mark_delivered(ledger.stream.stream_id, Ranges.of([(1, 20)]), at_ms=1)
        assert len(stored(ledger)) == len(confirmed)
        assert Outbox(ledger).waiting() == len(confirmed) - 20
        # Nothing un-acked is ever given up for room.
        confirmed += until_refused(ledger)
        with suppress(LedgerUnavailable):
            assert ledger.prune() == 0
        assert [seq for seq, _ in stored(ledger)] == [punch.seq for punch in confirmed]


def test_a_ledger_that_cannot_be_made_is_named(small_disk: Path):
    until_full = 1 << 20
    small_disk.with_name("filler").write_bytes(bytes(until_full - 8 * 1024))

    with pytest.raises(LedgerUnavailable, match=f"cannot open the ledger {small_disk}: "):
        Ledger(small_disk, TERMINAL, MACHINE)

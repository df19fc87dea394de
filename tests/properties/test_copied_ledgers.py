"""A card that was copied or put back: every punch of every copy is counted, and none of them twice.

Copies live at the same time, on machines, cards and disks of their own or in the place of the original.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from cloud.db.engine import Database
from cloud.db.tables import boots, gaps, metadata, punches, quarantine, stale_days, streams, terminals
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from cloud.ingest.streams import HOLE_PATIENCE_MS
from edge.health.machine import Machine
from edge.punch.file import LedgerFile
from edge.punch.rows import Draft
from edge.sync.core import KEY_CONFLICT
from edge.sync.outbox import Outbox
from models import ids
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality, Method
from models.ranges import Ranges
from models.wire import topics
from models.wire.codec import encode
from models.wire.messages import VERSION, PunchBatch, TerminalState
from models.wire.punches import to_wire
from models.wire.topics import Channel
from tests.databases import on_postgres
from tests.postgres import Postgres
from tests.terminals import NOW_MS, add_person, add_terminal, read_ack

TERMINAL = TerminalId("t-1")
ZONE = ZoneInfo("Asia/Shanghai")
ORIGINAL = Machine("board-1/card-1", "boot-1", "disk-1")
PLACES = {
    "other_board": Machine("board-2/card-1", "boot-1", "disk-1"),
    "other_card": Machine("board-1/card-2", "boot-1", "disk-1"),
    "other_disk": Machine("board-1/card-1", "boot-1", "disk-2"),
    "same_place": ORIGINAL,
}
_ROUNDS_MAX = 30


@dataclass
class Fixed:
    def wall_ms(self) -> int:
        return NOW_MS

    def monotonic_ms(self) -> int:
        return 1_000_000


@dataclass
class Copies:
    """Ledgers that began as one, and the cloud they all speak to."""

    directory: Path
    database: Database
    ledgers: list[LedgerFile] = field(default_factory=list)
    made: dict[bytes, str] = field(default_factory=dict)
    acked: set[bytes] = field(default_factory=set)
    numbers: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        with self.database.write() as connection:
            for table in (punches, quarantine, gaps, streams, boots, stale_days):
                connection.execute(delete(table))
            connection.execute(update(terminals).values(watermark_ms=0, last_seen_ms=None))
        self.open(self.directory / "0.db", ORIGINAL)

    def open(self, path: Path, machine: Machine) -> None:
        ledger = LedgerFile(path, TERMINAL, machine, lambda _: bytes(64))
        ledger.open()
        self.ledgers.append(ledger)

    def punch(self, at: LedgerFile) -> None:
        number = next(self.numbers)
        punch = at.append(
            Draft(
                ids.punch_id(NOW_MS - 1_000_000 + number, number.to_bytes(10, "big")),
                PersonId("p-1"),
                NOW_MS - 1_000_000 + number,
                number,
                ClockQuality.SYNCED,
                Method.PIN,
            )
        )
        self.made[punch.punch_id.bytes] = punch.punch_id.hex

    def copy(self, of: LedgerFile, machine: Machine) -> None:
        of.close()  # folds the write-ahead log back, as a card that is taken out at rest
        path = self.directory / f"{len(self.ledgers)}.db"
        shutil.copy(of.path, path)
        number = len(self.ledgers)
        apart = Machine(f"{machine.machine_id} {number}", "boot-1", f"{machine.storage_id} {number}")
        self.open(path, machine if machine is ORIGINAL else apart)

    def deliver(self, ledger: LedgerFile, *, is_ack_lost: bool = False) -> None:
        outbox = Outbox(ledger)
        for stream in outbox.streams():
            if not stream.waiting:
                continue
            load = outbox.load(stream.stream_id, stream.waiting, Fixed())
            batch = PunchBatch(
                version=VERSION,
                terminal_id=TERMINAL,
                stream_id=stream.stream_id,
                boot=ledger.boot,
                sent_ms=load.at_ms,
                sent_monotonic_ms=load.at_monotonic_ms,
                lowest=load.lowest,
                highest=load.highest,
                punches=tuple(map(to_wire, load.punches)),
            )
            with self.database.write() as connection:
                message = Message.of(topics.topic(TERMINAL, Channel.UP), encode(batch))
                (received,) = receive_all(connection, [message], NOW_MS, ZONE)
            ack = read_ack(received.ack)
            if is_ack_lost:
                continue
            self.acked |= {
                punch.punch_id.bytes
                for punch in load.punches
                if any(first <= punch.seq <= last for first, last in ack.committed)
            }
            outbox.mark_delivered(stream.stream_id, Ranges.of(ack.committed), NOW_MS)
            conflicts = Ranges.of((one.seq, one.seq) for one in ack.refused if one.code == KEY_CONFLICT)
            assert len(conflicts) == len(ack.refused)
            if conflicts:
                outbox.reissue(stream.stream_id, conflicts, KEY_CONFLICT, NOW_MS)

    def check(self) -> None:
        with self.database.read() as connection:
            stored = [bytes(one) for (one,) in connection.execute(select(punches.c.punch_id))]
        assert len(stored) == len(set(stored))
        assert set(stored) >= self.acked

    def heal(self) -> None:
        """Everybody delivers until nothing waits: what gets a new number in one round is sent in the next."""
        for _ in range(_ROUNDS_MAX):
            for ledger in self.ledgers:
                self.deliver(ledger)
            if not any(Outbox(ledger).waiting() for ledger in self.ledgers):
                break
        self.check()
        assert self.acked == set(self.made)

    def compare(self) -> None:
        """The cloud finds in itself every day of every copy: it asks for nothing, and nothing differs."""
        for ledger in self.ledgers:
            mark = Outbox(ledger).watermark(Fixed())
            state = TerminalState(
                VERSION,
                TERMINAL,
                online=True,
                at_ms=NOW_MS,
                stream_id=mark.stream_id,
                highest=mark.highest,
                kept=mark.kept,
                days=mark.days,
            )
            with self.database.write() as connection:
                message = Message.of(topics.topic(TERMINAL, Channel.STATE), encode(state))
                (received,) = receive_all(connection, [message], NOW_MS + HOLE_PATIENCE_MS, ZONE)
            assert received.ack is None or not received.ack.needed
        assert "day_differs" not in self.codes()

    def codes(self) -> set[str]:
        with self.database.read() as connection:
            return set(connection.execute(select(quarantine.c.code)).scalars())

    def close(self) -> None:
        for ledger in self.ledgers:
            ledger.close()


which = st.integers(0, 3)
acts = st.lists(
    st.one_of(
        st.tuples(st.just("punch"), which, st.just("")),
        st.tuples(st.sampled_from(["deliver", "deliver_unheard"]), which, st.just("")),
        st.tuples(st.just("copy"), which, st.sampled_from(sorted(PLACES))),
    ),
    min_size=4,
    max_size=24,
)


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('copies') / 'k.db'}")
    metadata.create_all(database.write_engine)
    yield from _with_a_door(database)


@pytest.fixture(scope="module")
def on_postgresql(postgres: Postgres) -> Iterator[Database]:
    yield from _with_a_door(on_postgres(postgres, "kaoqin_copies"))


@pytest.fixture(scope="module", params=["on_sqlite", "on_postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Database)
    return found


def _with_a_door(database: Database) -> Iterator[Database]:
    with database.write() as connection:
        add_terminal(connection, TERMINAL)
        add_person(connection, "p-1")
    yield database
    database.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=acts)
def test_every_punch_of_every_copy_is_counted_once(on_sqlite: Database, acts: list[tuple[str, int, str]]):
    act_out(on_sqlite, acts)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=acts)
def test_on_postgresql_too(on_postgresql: Database, acts: list[tuple[str, int, str]]):
    act_out(on_postgresql, acts)


def act_out(database: Database, acts: list[tuple[str, int, str]]) -> None:
    directory = Path(tempfile.mkdtemp())
    copies = Copies(directory, database)
    try:
        for act, number, place in acts:
            ledger = copies.ledgers[number % len(copies.ledgers)]
            match act:
                case "punch":
                    copies.punch(ledger)
                case "copy":
                    copies.copy(ledger, PLACES[place])
                case _:
                    copies.deliver(ledger, is_ack_lost=act == "deliver_unheard")
            copies.check()
        copies.heal()
        copies.compare()
    finally:
        copies.close()
        shutil.rmtree(directory)


def test_an_older_copy_in_the_same_place_gets_new_numbers_for_what_is_new(tmp_path: Path, database: Database):
    copies = Copies(tmp_path, database)
    for _ in range(3):
        copies.punch(copies.ledgers[0])
    copies.copy(copies.ledgers[0], ORIGINAL)  # the backup, with nothing delivered yet
    for _ in range(2):
        copies.punch(copies.ledgers[0])
    copies.deliver(copies.ledgers[0])

    backup = copies.ledgers[1]
    for _ in range(4):
        copies.punch(backup)
    copies.heal()
    copies.compare()
    assert [stream.reason for stream in backup.streams] == ["first", "conflict"]
    copies.close()


def test_a_copy_that_was_put_back_and_cloned_is_counted_once(tmp_path: Path, database: Database):
    copies = Copies(tmp_path, database)
    original = copies.ledgers[0]
    copies.punch(original)
    copies.copy(original, ORIGINAL)
    copies.punch(original)
    copies.deliver(original)

    backup = copies.ledgers[1]
    copies.punch(backup)  # under the number of the original's second punch
    copies.copy(backup, PLACES["other_board"])
    copies.heal()

    assert copies.codes() == {"key_conflict", "already_stored"}
    copies.compare()
    copies.close()

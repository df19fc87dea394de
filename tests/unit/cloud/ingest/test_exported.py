"""A file a terminal wrote is taken like its messages: once, and only if the terminal signed it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apsw import Connection as Ledgers
from sqlalchemy import func, select, update

from cloud.db.engine import Database
from cloud.db.tables import punches, quarantine, terminals
from cloud.ingest.exported import import_punches
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from cloud.sheets import BadSheet, Imported, Outcome
from edge.health.machine import Machine
from edge.punch.exporting import export
from edge.punch.ledger import Ledger
from edge.punch.rows import Draft
from edge.punch.signing import KEY_FILE, kept_key
from edge.sync.outbox import Outbox
from models import ids
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality, Method, Punch
from models.ranges import Ranges
from models.wire import topics
from models.wire.codec import encode
from models.wire.messages import PunchBatch
from models.wire.punches import to_wire
from models.wire.topics import Channel
from tests.terminals import NOW_MS

ZONE = ZoneInfo("Asia/Shanghai")
MADE_MS = NOW_MS - 5 * 86_400_000


@dataclass
class Door:
    """A terminal with its ledger, known to the cloud with its key."""

    state: Path
    database: Database
    terminal: str = "t-1"

    def punch(self, *numbers: int, machine: str = "m") -> list[Punch]:
        terminal = TerminalId(self.terminal)
        with Ledger(self.state / "punches.db", terminal, Machine(machine, "b")) as ledger:
            return [ledger.append(draft(number)) for number in numbers]

    def register(self, terminal: str = "t-1") -> None:
        with self.database.write() as connection:
            connection.execute(
                update(terminals)
                .where(terminals.c.terminal_id == terminal)
                .values(ledger_key=kept_key(self.state).public)
            )

    def export(self, name: str = "out.jsonl") -> Path:
        file = self.state / name
        export(self.state / "punches.db", kept_key(self.state), file, NOW_MS)
        return file

    def take(self, file: Path) -> Imported:
        with self.database.write() as connection:
            return import_punches(connection, file, NOW_MS, ZONE)

    def stored(self) -> list[tuple[str, int, bytes]]:
        with self.database.read() as connection:
            found = connection.execute(
                select(punches.c.terminal_id, punches.c.seq, punches.c.punch_id).order_by(
                    punches.c.stream_id, punches.c.seq
                )
            )
            return [(terminal, seq, bytes(punch_id)) for terminal, seq, punch_id in found]


def draft(number: int) -> Draft:
    wall_ms = MADE_MS + number * 3_600_000
    return Draft(
        ids.punch_id(wall_ms, number.to_bytes(10, "big")),
        PersonId("p-1"),
        wall_ms,
        number * 3_600_000,
        ClockQuality.SYNCED,
        Method.FINGER,
        score_milli=800,
    )


@pytest.fixture
def door(company: Database, tmp_path: Path) -> Door:
    state = tmp_path / "state"
    made = Door(state, company)
    made.punch(*range(1, 6))
    made.register()
    return made


def test_what_never_arrived_is_taken_and_what_did_is_the_same(door: Door):
    file = door.export()

    first = door.take(file)
    door.punch(6, 7)
    again = door.take(door.export("later.jsonl"))

    assert (first.counts[Outcome.NEW], first.counts[Outcome.SAME], first.refused) == (5, 0, [])
    assert (again.counts[Outcome.NEW], again.counts[Outcome.SAME], again.refused) == (2, 5, [])
    assert [(terminal, seq) for terminal, seq, _ in door.stored()] == [("t-1", seq) for seq in range(1, 8)]
    with door.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(quarantine)).scalar_one() == 0
        # It was not heard of now: what counts as reported must not move.
        assert connection.execute(
            select(terminals.c.last_seen_ms, terminals.c.watermark_ms).where(terminals.c.terminal_id == "t-1")
        ).one() == (None, 0)


def test_punches_that_arrive_by_themselves_later_are_the_same(door: Door):
    file = door.export()
    door.take(file)
    with Ledger(door.state / "punches.db", TerminalId("t-1"), Machine("m", "b")) as ledger:
        (stream,) = Outbox(ledger).streams()
        load = Outbox(ledger).load(stream.stream_id, stream.waiting, Still())
    batch = PunchBatch(
        *(1, "t-1", stream.stream_id, 1, NOW_MS, 5, load.lowest, load.highest),
        punches=tuple(map(to_wire, load.punches)),
    )

    with door.database.write() as connection:
        message = Message.of(topics.topic(TerminalId("t-1"), Channel.UP), encode(batch))
        (received,) = receive_all(connection, [message], NOW_MS, ZONE)

    assert received.ack is not None
    assert received.ack.committed == ((1, 5),)
    assert received.stored == ()
    assert len(door.stored()) == 5


@dataclass
class Still:
    def wall_ms(self) -> int:
        return NOW_MS

    def monotonic_ms(self) -> int:
        return 5


def test_a_stream_of_an_earlier_identity_keeps_that_identity(door: Door):
    door.terminal = "t-2"
    door.punch(8, 9)
    with door.database.write() as connection:
        connection.execute(
            terminals.insert().values(
                terminal_id="t-2",
                name="2",
                site="HQ",
                token_hash="2",
                claimed_ms=0,
            )
        )
    door.register("t-2")

    door.take(door.export())

    assert sorted((terminal, seq) for terminal, seq, _ in door.stored()) == [
        *(("t-1", seq) for seq in range(1, 6)),
        ("t-2", 1),
        ("t-2", 2),
    ]


def test_a_stream_of_a_terminal_with_another_key_is_refused(door: Door):
    door.terminal = "t-2"
    door.punch(8)
    with door.database.write() as connection:
        connection.execute(
            terminals.insert().values(
                terminal_id="t-2",
                name="2",
                site="HQ",
                token_hash="2",
                claimed_ms=0,
            )
        )
        connection.execute(
            update(terminals).where(terminals.c.terminal_id == "t-1").values(ledger_key=bytes(32))
        )
    door.register("t-2")

    imported = door.take(door.export())

    assert imported.counts[Outcome.NEW] == 1
    assert {row.reason for row in imported.refused} == {"of terminal t-1, whose key did not sign it"}
    assert [terminal for terminal, _, _ in door.stored()] == ["t-2"]


def test_a_punch_that_was_renumbered_is_taken_under_its_new_number_alone(door: Door):
    with Ledger(door.state / "punches.db", TerminalId("t-1"), Machine("m", "b")) as ledger:
        Outbox(ledger).reissue(ledger.stream.stream_id, Ranges.single(2), "key_conflict", at_ms=1)

    imported = door.take(door.export())

    assert (imported.counts[Outcome.NEW], imported.refused) == (5, [])
    assert len({punch_id for _, _, punch_id in door.stored()}) == 5


def test_rows_from_the_first_bad_record_on_are_refused_with_their_lines(door: Door):
    db = Ledgers(str(door.state / "punches.db"))
    db.execute("UPDATE punches SET wall_ms = wall_ms - 3600000 WHERE seq = 3")
    db.close()

    imported = door.take(door.export())

    lines = [json.loads(line) for line in (door.state / "out.jsonl").read_text().splitlines()]
    assert [lines[row.line - 1]["punch"][0] for row in imported.refused] == [3, 4, 5]
    assert [row.reason for row in imported.refused] == [
        "not as the terminal wrote it: not as it was written",
        "comes after seq 3, which is not as the terminal wrote it",
        "comes after seq 3, which is not as the terminal wrote it",
    ]
    assert [seq for _, seq, _ in door.stored()] == [1, 2]


def refused(door: Door, file: Path, reason: str) -> None:
    with pytest.raises(BadSheet, match=reason):
        door.take(file)
    assert door.stored() == []


def test_a_file_that_was_changed_goes_nowhere_near_the_punches(door: Door):
    file = door.export()
    file.write_bytes(file.read_bytes().replace(b'"p-1"', b'"p-2"'))

    refused(door, file, "signature is broken")


def test_a_file_signed_with_another_key_is_refused(door: Door):
    (door.state / KEY_FILE).unlink()
    door.punch(6)

    refused(door, door.export(), "another key than the one registered for t-1")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"ledger_key": None}, "no terminal t-1 with a key is known here"),
        ({"terminal_id": "t-other"}, "no terminal t-1 with a key is known here"),
    ],
)
def test_a_file_of_a_terminal_nobody_vouches_for_is_refused(
    door: Door, values: dict[str, object], reason: str
):
    file = door.export()
    with door.database.write() as connection:
        connection.execute(update(terminals).where(terminals.c.terminal_id == "t-1").values(values))

    refused(door, file, reason)


def test_a_terminal_that_was_replaced_is_believed_about_the_time_before(door: Door):
    file = door.export()
    with door.database.write() as connection:
        revoked_ms = MADE_MS + 3 * 3_600_000
        connection.execute(
            update(terminals).where(terminals.c.terminal_id == "t-1").values(revoked_ms=revoked_ms)
        )

    imported = door.take(file)

    assert [seq for _, seq, _ in door.stored()] == [1, 2, 3]
    assert [row.reason for row in imported.refused] == ["made after terminal t-1 was revoked"] * 2


def test_what_is_no_export_is_refused(door: Door, tmp_path: Path):
    file = tmp_path / "people.csv"
    file.write_text("employee_no,name\n" + "x" * 10_000)

    refused(door, file, "line 1")
    refused(door, tmp_path / "nowhere", "No such file")

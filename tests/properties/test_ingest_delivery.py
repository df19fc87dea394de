"""Whatever is lost, repeated, reordered or copied: a punch is stored once, and acknowledged only if it is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cloud.db.engine import Database
from cloud.db.tables import metadata, punches, streams, terminals
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from models.wire.messages import WirePunch
from tests.terminals import NOW_MS, Door, add_person, add_terminal, committed, read_ack

ZONE = ZoneInfo("Asia/Shanghai")
SEQS = 12


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[tuple[int, list[int]]]]:
    """Groups of messages; a message is (whose outbox, its seqs). Outbox 1 is a rebuilt copy of outbox 0."""
    seqs = st.lists(st.integers(1, SEQS), min_size=1, max_size=6, unique=True)
    message = st.tuples(st.integers(0, 1), seqs)
    return draw(st.lists(st.lists(message, min_size=1, max_size=4), min_size=1, max_size=10))


@given(deliveries())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_stored_once_and_acknowledged_only_if_stored(groups: list[list[tuple[int, list[int]]]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        database = Database(f"sqlite:///{Path(directory) / 'k.db'}")
        metadata.create_all(database.write_engine)
        with database.write() as connection:
            add_terminal(connection, "t-1")
            add_person(connection, "p-1")
        doors = [Door(), Door()]
        made = [
            {seq: door.punch(seq, salt=copy) for seq in range(1, SEQS + 1)} for copy, door in enumerate(doors)
        ]
        acked: set[tuple[int, int]] = set()
        owner: dict[int, int] = {}
        for group in groups:
            sent = [(copy, seqs) for copy, seqs in group]
            messages = [
                Message(doors[copy].topic, doors[copy].payload(*(made[copy][seq] for seq in seqs)))
                for copy, seqs in sent
            ]
            with database.write() as connection:
                answers = receive_all(connection, messages, NOW_MS, ZONE)
            for (copy, seqs), answer in zip(sent, answers, strict=True):
                ack = read_ack(answer.ack)
                for seq in seqs:
                    owner.setdefault(seq, copy)
                assert committed(ack) == {seq for seq in seqs if owner[seq] == copy}
                assert {one.seq for one in ack.refused} == {seq for seq in seqs if owner[seq] != copy}
                acked |= {(copy, seq) for seq in committed(ack)}
            _check(database, made, owner)
        assert acked == {(copy, seq) for seq, copy in owner.items()}
        database.close()


def _check(database: Database, made: list[dict[int, WirePunch]], owner: dict[int, int]) -> None:
    with database.read() as connection:
        stored = {
            seq: bytes(one) for seq, one in connection.execute(select(punches.c.seq, punches.c.punch_id))
        }
        stream = connection.execute(select(streams.c.contiguous, streams.c.highest)).one()
        watermark = connection.execute(select(terminals.c.watermark_ms)).scalar_one()
    assert stored == {seq: made[copy][seq].punch_id for seq, copy in owner.items()}
    contiguous = 0
    while contiguous + 1 in stored:
        contiguous += 1
    assert tuple(stream) == (contiguous, SEQS)
    assert (watermark == NOW_MS) == (contiguous == SEQS)

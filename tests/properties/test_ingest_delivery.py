"""Whatever is lost, repeated, reordered or copied: a punch is stored once, and acknowledged only if it is."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from cloud.db.engine import Database
from cloud.db.tables import boots, metadata, punches, quarantine, stale_days, streams, terminals
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from models.wire.messages import WirePunch
from tests.databases import on_postgres
from tests.postgres import Postgres
from tests.terminals import NOW_MS, Door, add_person, add_terminal, committed, read_ack

ZONE = ZoneInfo("Asia/Shanghai")
SEQS = 12


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[tuple[int, list[int]]]]:
    """Groups of messages; a message is (whose outbox, its seqs). Outbox 1 is a rebuilt copy of outbox 0."""
    seqs = st.lists(st.integers(1, SEQS), min_size=1, max_size=6, unique=True)
    message = st.tuples(st.integers(0, 1), seqs)
    return draw(st.lists(st.lists(message, min_size=1, max_size=4), min_size=1, max_size=10))


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('delivery') / 'k.db'}")
    metadata.create_all(database.write_engine)
    yield from _with_a_door(database)


@pytest.fixture(scope="module")
def on_postgresql(postgres: Postgres) -> Iterator[Database]:
    yield from _with_a_door(on_postgres(postgres, "kaoqin_delivery"))


def _with_a_door(database: Database) -> Iterator[Database]:
    with database.write() as connection:
        add_terminal(connection, "t-1")
        add_person(connection, "p-1")
    yield database
    database.close()


@given(deliveries())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_stored_once_and_acknowledged_only_if_stored(
    on_sqlite: Database, groups: list[list[tuple[int, list[int]]]]
) -> None:
    _deliver(on_sqlite, groups)


@given(deliveries())
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_on_postgresql_too(on_postgresql: Database, groups: list[list[tuple[int, list[int]]]]) -> None:
    _deliver(on_postgresql, groups)


def _deliver(database: Database, groups: list[list[tuple[int, list[int]]]]) -> None:
    with database.write() as connection:
        for table in (punches, quarantine, streams, boots, stale_days):
            connection.execute(delete(table))
        connection.execute(update(terminals).values(watermark_ms=0))
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

"""Whatever the cloud lost, the terminals give it back; what nobody has any more is seen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from cloud.db.engine import Database
from cloud.db.tables import gaps, punches, quarantine, streams
from edge.health.machine import Machine
from edge.punch.file import LedgerFile
from edge.sync.days import A_STATE, DayWalk
from models.chain import DAY_MS
from models.ids import StreamId
from models.ranges import Ranges
from models.wire.messages import DayCount
from tests.databases import on_both_databases
from tests.pair import T_1, Pair
from tests.terminals import NOW_MS

DAYS = 6
A_DAY = 5


def _sign(_message: bytes) -> bytes:
    return bytes(64)


def ledger(path: Path) -> LedgerFile:
    return LedgerFile(path, T_1, Machine("m", "b"), _sign)


@pytest.fixture
def pair(company: Database, tmp_path: Path) -> Iterator[Pair]:
    """A terminal with six days behind it, all of them delivered."""
    with_ledger = Pair(company, ledger(tmp_path / "punches.db"))
    for day in range(DAYS):
        with_ledger.punch(A_DAY, at_ms=NOW_MS - (DAYS - day) * DAY_MS)
    with_ledger.talk(4)
    assert stored(company) == DAYS * A_DAY
    with_ledger.sent.clear()
    yield with_ledger
    with_ledger.ledger.close()


def stored(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(punches)).scalar_one()


def codes(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(quarantine.c.code)).scalars())


def gap_list(database: Database) -> list[tuple[int, int, str]]:
    with database.read() as connection:
        rows = connection.execute(
            select(gaps.c.first_seq, gaps.c.last_seq, gaps.c.reason).order_by(gaps.c.first_seq)
        )
        return [(first, last, reason) for first, last, reason in rows]


@on_both_databases
class TestHealing:
    def test_nothing_is_sent_again_while_nothing_is_lost(self, pair: Pair):
        pair.talk(20)

        assert pair.sent == []
        assert codes(pair.database) == []

    @pytest.mark.parametrize("first", [1, 8, DAYS * A_DAY - 2])
    def test_rows_deleted_by_hand_come_back(self, pair: Pair, first: int):
        with pair.database.write() as connection:
            connection.execute(delete(punches).where(punches.c.seq.between(first, first + 2)))

        pair.talk(2 * DAYS)

        assert stored(pair.database) == DAYS * A_DAY
        assert {punch.seq for batch in pair.sent for punch in batch.punches} == set(range(first, first + 3))

    def test_a_database_that_lost_everything_of_a_terminal_is_filled_again(self, pair: Pair):
        with pair.database.write() as connection:
            connection.execute(delete(punches))
            connection.execute(delete(streams))

        pair.talk(2 * DAYS)

        assert stored(pair.database) == DAYS * A_DAY
        assert pair.outbox.waiting() == 0

    def test_a_restored_copy_gets_what_came_after_it(self, pair: Pair):
        with pair.database.write() as connection:
            connection.execute(delete(punches).where(punches.c.seq > 12))
            connection.execute(update(streams).values(highest=12, contiguous=12))

        pair.talk(2 * DAYS)

        assert stored(pair.database) == DAYS * A_DAY

    def test_of_an_older_stream_too(self, pair: Pair):
        pair.outbox.open_stream()
        pair.connect()
        pair.punch(2)
        with pair.database.write() as connection:
            connection.execute(delete(punches))
            connection.execute(delete(streams))

        pair.talk(4 * DAYS)

        assert stored(pair.database) == DAYS * A_DAY + 2

    def test_what_the_terminal_no_longer_keeps_is_a_visible_gap_and_asked_for_no_more(self, pair: Pair):
        pair.ledger.write(lambda db: db.execute("UPDATE punches SET acked_ms = 1"))
        pair.punch(1)
        assert pair.ledger.prune()
        with pair.database.write() as connection:
            connection.execute(delete(punches).where(punches.c.seq.between(2, 4)))
            connection.execute(update(streams).values(contiguous=1, hole_since_ms=1))

        pair.talk(2 * DAYS)

        assert gap_list(pair.database) == [(2, 4, "no_longer_kept")]
        assert pair.state().missing == ()

    def test_a_gap_closes_if_its_punch_arrives_after_all(self, pair: Pair):
        with pair.database.write() as connection:
            connection.execute(delete(punches).where(punches.c.seq == 9))
            stream = pair.ledger.stream.stream_id
            connection.execute(
                gaps.insert().values(
                    terminal_id="t-1", stream_id=stream, first_seq=8, last_seq=9, reason="lost", found_ms=1
                )
            )
        pair.outbox.reopen(stream, pair.outbox.streams()[0].waiting.of([(9, 9)]))
        pair.connect()

        assert gap_list(pair.database) == [(8, 8, "lost")]

    def test_a_punch_that_was_changed_in_the_cloud_is_seen_beside_the_terminals(self, pair: Pair):
        with pair.database.write() as connection:
            connection.execute(update(punches).where(punches.c.seq == 7).values(person_id="p-2"))

        pair.talk(2 * DAYS)

        assert codes(pair.database) == ["day_differs", "id_conflict"]
        assert stored(pair.database) == DAYS * A_DAY
        pair.sent.clear()
        pair.talk(2 * DAYS)
        assert pair.sent == []

    def test_a_punch_whose_number_went_to_another_while_it_was_lost_gets_a_number_of_its_own(
        self, pair: Pair
    ):
        """Found by the simulation (seed 5646): a database put back, and an older message after it."""
        lost = pair.ledger.write(lambda db: db.execute("SELECT punch_id FROM punches WHERE seq = 7").get)
        with pair.database.write() as connection:
            connection.execute(update(punches).where(punches.c.seq == 7).values(punch_id=b"another's id is."))

        pair.talk(2 * DAYS)

        assert stored(pair.database) == DAYS * A_DAY + 1
        with pair.database.read() as connection:
            assert connection.scalar(select(punches.c.seq).where(punches.c.punch_id == lost)) == 1
        assert codes(pair.database) == ["day_differs", "key_conflict"]
        pair.sent.clear()
        pair.talk(2 * DAYS)
        assert pair.sent == []


@on_both_databases
class TestOlderCopy:
    def test_a_card_put_back_opens_a_new_stream_is_flagged_and_loses_nothing(
        self, pair: Pair, tmp_path: Path
    ):
        shutil.copy(tmp_path / "punches.db", tmp_path / "copy.db")
        shutil.copy(tmp_path / "punches.db-wal", tmp_path / "copy.db-wal")
        pair.punch(3)
        pair.ledger.close()

        back = Pair(pair.database, ledger(tmp_path / "copy.db"), time=pair.time, made=1_000)
        back.talk()
        assert len(back.ledger.streams) == 2
        back.punch(2)
        back.talk(4)

        assert stored(pair.database) == DAYS * A_DAY + 3 + 2
        assert codes(pair.database) == ["older_copy"]
        assert gap_list(pair.database) == []
        back.ledger.close()

    def test_what_only_the_newer_card_had_is_a_gap(self, pair: Pair, tmp_path: Path):
        with pair.database.write() as connection:
            connection.execute(update(streams).values(highest=DAYS * A_DAY + 4))

        pair.talk(5)

        assert gap_list(pair.database) == [(DAYS * A_DAY + 1, DAYS * A_DAY + 4, "lost")]
        assert codes(pair.database) == ["older_copy"]

    def test_what_the_other_copy_of_a_card_does_not_know_is_no_loss(self, pair: Pair, tmp_path: Path):
        shutil.copy(tmp_path / "punches.db", tmp_path / "copy.db")
        shutil.copy(tmp_path / "punches.db-wal", tmp_path / "copy.db-wal")
        copy = Pair(
            pair.database,
            LedgerFile(tmp_path / "copy.db", T_1, Machine("other", "b"), _sign),
            time=pair.time,
            made=1_000,
        )
        copy.punch(3)
        copy.talk(4)
        with pair.database.write() as connection:
            stream = copy.ledger.stream.stream_id
            connection.execute(delete(punches).where(punches.c.stream_id == stream, punches.c.seq < 3))
            connection.execute(update(streams).where(streams.c.stream_id == stream).values(contiguous=0))
        pair.talk(4)
        assert gap_list(pair.database) == [(1, 2, "lost")]

        copy.talk(2 * DAYS)

        assert gap_list(pair.database) == []
        assert stored(pair.database) == DAYS * A_DAY + 3
        copy.ledger.close()

    def test_a_note_that_a_punch_is_stored_elsewhere_counts_only_while_it_is(
        self, pair: Pair, tmp_path: Path
    ):
        shutil.copy(tmp_path / "punches.db", tmp_path / "copy.db")
        shutil.copy(tmp_path / "punches.db-wal", tmp_path / "copy.db-wal")
        copy = Pair(pair.database, LedgerFile(tmp_path / "copy.db", T_1, Machine("other", "b"), _sign))
        stream = copy.ledger.streams[0].stream_id
        copy.outbox.reissue(stream, Ranges.of([(1, 3)]), "key_conflict", at_ms=1)
        copy.connect()
        copy.talk(2 * DAYS)
        assert codes(pair.database) == ["already_stored"] * 3
        assert stored(pair.database) == DAYS * A_DAY

        with pair.database.write() as connection:
            connection.execute(delete(punches).where(punches.c.seq.between(1, 3)))
        copy.sent.clear()
        copy.talk(4 * DAYS)

        assert copy.ledger.stream.stream_id in {batch.stream_id for batch in copy.sent}
        assert stored(pair.database) == DAYS * A_DAY
        copy.ledger.close()


def days(*numbers: int, digest: int = 0) -> list[DayCount]:
    return [DayCount(StreamId(b"s" * 16), number, 1, 1, 1, bytes([digest]) * 32) for number in numbers]


class TestDayWalk:
    def test_what_changed_is_told_first_and_newest_first(self):
        walk = DayWalk()

        assert [each.day for each in walk.next(days(*range(10)))][: A_STATE - 1] == [9, 8, 7]

    def test_every_day_is_told_again_and_again(self):
        walk, told = DayWalk(), []
        for _ in range(30):
            told += [each.day for each in walk.next(days(*range(10)))]

        assert [told[-20:].count(day) for day in range(10)] == [2] * 10

    def test_a_day_that_changed_is_told_at_once(self):
        walk = DayWalk()
        for _ in range(9):
            walk.next(days(*range(10)))

        changed = days(*range(9)) + days(9, digest=1)
        assert changed[9] in walk.next(changed)
        assert len(walk.next(changed)) == 1

    def test_without_days_there_is_nothing_to_tell(self):
        assert DayWalk().next([]) == ()

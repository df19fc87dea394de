from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec import structs
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from cloud.db.engine import Database
from cloud.db.tables import gaps, punches, quarantine, stale_days, terminals
from cloud.ingest import ledger
from cloud.ingest.apart import receive_apart
from cloud.ingest.ledger import store
from cloud.ingest.opening import Message
from cloud.ingest.quarantine import KEPT_BYTES
from cloud.ingest.receive import Received, receive, receive_all
from models.wire.codec import encode
from models.wire.messages import TerminalState
from tests.databases import on_both_databases
from tests.terminals import NOW_MS, Door, add_terminal, committed, read_ack

pytestmark = on_both_databases

ZONE = ZoneInfo("Asia/Shanghai")
MINUTE = 60_000


def take(database: Database, door: Door, payload: bytes, now_ms: int = NOW_MS, topic: str = "") -> Received:
    with database.write() as connection:
        return receive(connection, topic or door.topic, payload, now_ms, ZONE)


def stored_seqs(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.execute(select(punches.c.seq).order_by(punches.c.seq)).scalars())


def put_aside(database: Database) -> list[tuple[str, int | None]]:
    with database.read() as connection:
        rows = connection.execute(
            select(quarantine.c.code, quarantine.c.seq).order_by(quarantine.c.quarantine_id)
        )
        return [(code, seq) for code, seq in rows]


def gap_list(database: Database) -> list[tuple[int, int]]:
    with database.read() as connection:
        rows = connection.execute(select(gaps.c.first_seq, gaps.c.last_seq).order_by(gaps.c.first_seq))
        return [(first, last) for first, last in rows]


def watermark(database: Database) -> int:
    with database.read() as connection:
        return int(
            connection.execute(
                select(terminals.c.watermark_ms).where(terminals.c.terminal_id == "t-1")
            ).scalar_one()
        )


def test_a_batch_is_stored_and_acknowledged(company: Database):
    door = Door()
    received = take(company, door, door.payload(*(door.punch(seq) for seq in (1, 2, 3))))

    ack = read_ack(received.ack)
    assert ack.committed == ((1, 3),)
    assert not ack.refused
    assert not ack.needed
    assert (ack.stream_id, ack.server_ms, ack.echo_monotonic_ms) == (door.stream_id, NOW_MS, 1_000_000)
    assert stored_seqs(company) == [1, 2, 3]
    assert [one.key.seq for one in received.stored] == [1, 2, 3]


def test_a_repeat_is_acknowledged_and_stored_once(company: Database):
    door = Door()
    payload = door.payload(door.punch(1), door.punch(2))
    take(company, door, payload)

    again = take(company, door, payload)

    assert read_ack(again.ack).committed == ((1, 2),)
    assert not again.stored
    assert stored_seqs(company) == [1, 2]
    assert put_aside(company) == []


def test_of_a_batch_that_overlaps_only_the_rest_is_new(company: Database):
    door = Door()
    take(company, door, door.payload(door.punch(1), door.punch(2)))

    overlapping = take(company, door, door.payload(door.made[2], door.punch(3)))

    assert read_ack(overlapping.ack).committed == ((2, 3),)
    assert [one.key.seq for one in overlapping.stored] == [3]


def test_another_punch_under_a_taken_key_is_never_acknowledged(company: Database):
    door = Door()
    take(company, door, door.payload(door.punch(1), door.punch(2)))

    rebuilt = take(company, door, door.payload(door.punch(2, salt=1), door.punch(3)))

    ack = read_ack(rebuilt.ack)
    assert committed(ack) == {3}
    assert [(one.seq, one.code) for one in ack.refused] == [(2, "key_conflict")]
    assert put_aside(company) == [("key_conflict", 2)]
    with company.read() as connection:
        kept = connection.execute(select(punches.c.punch_id).where(punches.c.seq == 2)).scalar_one()
    assert kept[0] == 0


def test_a_conflict_inside_one_group_of_messages_is_seen(company: Database):
    door = Door()
    first, second = door.payload(door.punch(1)), door.payload(door.punch(1, salt=1))

    with company.write() as connection:
        one, two = receive_all(
            connection, [Message(door.topic, first), Message(door.topic, second)], NOW_MS, ZONE
        )

    assert committed(read_ack(one.ack)) == {1}
    assert committed(read_ack(two.ack)) == set()
    assert put_aside(company) == [("key_conflict", 1)]


@pytest.mark.parametrize("encode", [msgspec.msgpack.encode, msgspec.json.encode], ids=["msgpack", "json"])
def test_a_damaged_punch_costs_no_good_one(company: Database, encode):
    door = Door()
    batch = door.batch(door.punch(1), door.punch(2), door.punch(3))
    array = msgspec.to_builtins(batch)
    array[8][1][3] = -5  # wall_ms of seq 2
    if encode is msgspec.msgpack.encode:
        array = list(msgspec.msgpack.decode(msgspec.msgpack.encode(batch)))
        array[8] = [list(punch) for punch in array[8]]
        array[8][1][3] = -5

    received = take(company, door, encode(array))

    ack = read_ack(received.ack)
    assert committed(ack) == {1, 3}
    assert [(one.seq, one.code) for one in ack.refused] == [(2, "malformed")]
    assert stored_seqs(company) == [1, 3]
    assert put_aside(company) == [("malformed", 2)]


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"[", b'{"a":1}', b"[1,2,3]", b"\x93\x01\x02\x03", b"x" * 70_000]
)
def test_rubbish_waits_in_quarantine_once_and_is_not_answered(company: Database, payload: bytes):
    door = Door()

    first, again = take(company, door, payload), take(company, door, payload)

    assert first.ack is None
    assert again.ack is None
    assert put_aside(company) == [("malformed", None)]
    with company.read() as connection:
        assert connection.execute(select(func.length(quarantine.c.payload))).scalar_one() <= 4_096


def test_rubbish_cannot_fill_the_disk(company: Database):
    door = Door()
    messages = [Message(door.topic, f"rubbish {n}".encode()) for n in range(1_500)]
    for start in range(0, len(messages), 100):
        with company.write() as connection:
            receive_all(connection, messages[start : start + 100], NOW_MS, ZONE)

    assert 1_000 <= len(put_aside(company)) < 1_200


def test_a_batch_of_another_terminal_is_refused_whole(company: Database):
    door = Door("t-2")

    received = take(company, door, door.payload(door.punch(1)), topic="kaoqin/v1/t-1/up")

    assert committed(read_ack(received.ack)) == set()
    assert stored_seqs(company) == []
    assert put_aside(company) == [("foreign_terminal", None)]


@pytest.mark.parametrize(
    ("terminal", "code", "answers"),
    [("t-unknown", "unknown_terminal", 0), ("t-gone", "revoked_terminal", 1)],
)
def test_who_may_not_speak_is_put_aside(company: Database, terminal: str, code: str, answers: int):
    door = Door(terminal)

    received = take(company, door, door.payload(door.punch(1)))

    assert (received.ack is not None) == bool(answers)
    if answers:
        assert committed(read_ack(received.ack)) == set()
    assert stored_seqs(company) == []
    assert put_aside(company) == [(code, None)]


def test_a_punch_of_an_unknown_person_is_stored_and_waits_visibly(company: Database):
    door = Door()

    received = take(company, door, door.payload(door.punch(1, "p-nobody"), door.punch(2)))

    assert committed(read_ack(received.ack)) == {1, 2}
    assert stored_seqs(company) == [1, 2]
    assert put_aside(company) == [("unknown_person", 1)]
    with company.read() as connection:
        assert set(connection.execute(select(stale_days.c.person_id)).scalars()) == {"p-1"}


def test_a_punch_of_the_year_9999_is_stored_and_shown(company: Database):
    door = Door()

    received = take(company, door, door.payload(door.punch(1, at_ms=(1 << 48) - 1), door.punch(2)))

    assert committed(read_ack(received.ack)) == {1, 2}
    assert put_aside(company) == [("impossible_time", 1)]


def test_the_days_a_punch_can_change_are_marked(company: Database):
    door = Door()
    take(company, door, door.payload(door.punch(1)))

    with company.read() as connection:
        marked = connection.execute(
            select(stale_days.c.person_id, stale_days.c.date).order_by(stale_days.c.date)
        )
        assert marked.all() == [
            ("p-1", date(2026, 11, 17)),
            ("p-1", date(2026, 11, 18)),
            ("p-1", date(2026, 11, 19)),
        ]


def test_a_mark_grows_with_each_fact(company: Database):
    door = Door()
    take(company, door, door.payload(door.punch(1)))
    take(company, door, door.payload(door.punch(2)))

    with company.read() as connection:
        assert set(connection.execute(select(stale_days.c.mark)).scalars()) == {2}


class TestHoles:
    def test_a_young_hole_is_left_alone(self, company: Database):
        door = Door()
        door.punch(2)
        received = take(company, door, door.payload(door.punch(1), door.punch(3)))

        assert read_ack(received.ack).needed == ()

    def test_an_old_hole_is_asked_for(self, company: Database):
        door = Door()
        door.punch(2)
        take(company, door, door.payload(door.punch(1), door.punch(4), highest=6))

        received = take(company, door, door.payload(door.made[4], highest=6), NOW_MS + MINUTE)

        assert read_ack(received.ack).needed == ((2, 3), (5, 6))

    def test_a_terminal_with_nothing_to_send_learns_of_holes_by_its_state(self, company: Database):
        door = Door()
        take(company, door, door.payload(door.punch(1)))
        quiet = take(company, door, door.state(highest=3), topic=door.state_topic)
        assert quiet.ack is None

        received = take(company, door, door.state(highest=3), NOW_MS + MINUTE, door.state_topic)

        assert read_ack(received.ack).needed == ((2, 3),)

    def test_a_refused_punch_is_no_hole(self, company: Database):
        door = Door()
        batch = msgspec.to_builtins(door.batch(door.punch(1), door.punch(2), door.punch(3)))
        batch[8][1][2] = ""
        take(company, door, msgspec.json.encode(batch))

        received = take(company, door, door.payload(door.made[3]), NOW_MS + MINUTE)

        assert read_ack(received.ack).needed == ()
        assert watermark(company) == NOW_MS

    def test_what_the_terminal_no_longer_has_is_a_visible_gap(self, company: Database):
        door = Door(lowest=5)
        received = take(company, door, door.payload(door.punch(5), door.punch(6)))

        assert committed(read_ack(received.ack)) == {5, 6}
        assert gap_list(company) == [(1, 4)]
        assert watermark(company) == NOW_MS

    def test_an_outbox_that_was_lost_with_punches_in_it_is_a_visible_gap(self, company: Database):
        door, rebuilt = Door(), Door(stream_id=b"stream-2........")
        take(company, door, door.payload(door.punch(1), highest=3))
        take(company, rebuilt, rebuilt.state(), topic=rebuilt.state_topic)
        assert gap_list(company) == []
        for _ in range(2):
            take(company, rebuilt, rebuilt.state(), NOW_MS + MINUTE, rebuilt.state_topic)

        assert gap_list(company) == [(2, 3)]
        assert watermark(company) == NOW_MS

    def test_an_outbox_that_was_rebuilt_after_all_had_arrived_is_no_gap(self, company: Database):
        door, rebuilt = Door(), Door(stream_id=b"stream-2........")
        take(company, door, door.payload(door.punch(1)))
        take(company, rebuilt, rebuilt.state(), NOW_MS + MINUTE, rebuilt.state_topic)

        assert gap_list(company) == []

    def test_many_batches_out_of_order_close_every_hole(self, company: Database):
        door = Door()
        for seq in range(1, 2_001):
            door.punch(seq)
        starts = [*range(1_901, 0, -100)]
        for start in starts:
            take(company, door, door.payload(*(door.made[seq] for seq in range(start, start + 100))))

        late = take(company, door, door.payload(door.made[1]), NOW_MS + 10 * MINUTE)

        assert read_ack(late.ack).needed == ()


class TestWatermark:
    def test_a_state_proves_how_far_the_terminal_has_told(self, company: Database):
        door = Door(sent_ms=NOW_MS - 10 * MINUTE)
        take(company, door, door.payload(door.punch(1)))

        take(company, door, door.state(highest=1, at_ms=NOW_MS - 5), topic=door.state_topic)

        assert watermark(company) == NOW_MS - 5

    def test_it_waits_for_the_punches_it_speaks_of(self, company: Database):
        door = Door(sent_ms=NOW_MS - 10 * MINUTE)
        take(company, door, door.state(highest=1), topic=door.state_topic)
        assert watermark(company) == 0

        take(company, door, door.payload(door.punch(1)))

        assert watermark(company) == NOW_MS

    def test_it_never_goes_back(self, company: Database):
        door = Door()
        take(company, door, door.state(), topic=door.state_topic)
        take(company, door, door.state(at_ms=NOW_MS - MINUTE), topic=door.state_topic)

        assert watermark(company) == NOW_MS

    def test_a_clock_ahead_proves_no_future(self, company: Database):
        door = Door()
        take(company, door, door.state(at_ms=NOW_MS + 60 * MINUTE), topic=door.state_topic)

        assert watermark(company) == NOW_MS

    @pytest.mark.parametrize("state", [{"clock": 0}, {"at_ms": 0, "online": False}], ids=["unset", "will"])
    def test_an_unset_clock_or_a_will_proves_nothing(self, company: Database, state: dict[str, int]):
        door = Door()
        take(company, door, door.state(**state), topic=door.state_topic)  # type: ignore[arg-type]

        assert watermark(company) == 0


class TestState:
    def row(self, database: Database) -> tuple[bool, int | None, TerminalState | None]:
        with database.read() as connection:
            row = connection.execute(terminals.select().where(terminals.c.terminal_id == "t-1")).one()
        state = msgspec.json.decode(row.state, type=TerminalState) if row.state else None
        return row.online, row.last_seen_ms, state

    def test_a_birth_is_kept(self, company: Database):
        door = Door()
        take(company, door, door.state(), topic=door.state_topic)

        online, seen, state = self.row(company)
        assert (online, seen) == (True, NOW_MS)
        assert state is not None
        assert state.app_version == "1.0"

    def test_the_will_keeps_what_was_reported(self, company: Database):
        door = Door()
        take(company, door, door.state(), topic=door.state_topic)
        take(company, door, door.state(online=False, at_ms=0), NOW_MS + MINUTE, door.state_topic)

        online, seen, state = self.row(company)
        assert (online, seen) == (False, NOW_MS)
        assert state is not None
        assert state.app_version == "1.0"

    def test_a_retained_birth_says_nothing_about_now(self, company: Database):
        door = Door()
        with company.write() as connection:
            message = Message(door.state_topic, door.state(at_ms=NOW_MS - MINUTE), retained=True)
            receive_all(connection, [message], NOW_MS, ZONE)

        assert self.row(company)[1] == NOW_MS - MINUTE

    def test_the_state_of_another_is_put_aside(self, company: Database):
        take(company, Door(), Door("t-2").state(), topic=Door().state_topic)

        assert put_aside(company) == [("foreign_terminal", None)]
        assert self.row(company)[0] is False


class TestRedating:
    UNSET_MS = 946_684_800_000  # 2000-01-01
    BOOT_OFFSET = NOW_MS - 1_000_000

    def at(self, database: Database) -> dict[int, tuple[int, int]]:
        with database.read() as connection:
            rows = connection.execute(select(punches.c.seq, punches.c.wall_ms, punches.c.at_ms))
            return {seq: (wall, at) for seq, wall, at in rows}

    def test_a_punch_before_the_clock_was_set_is_dated_by_its_batch(self, company: Database):
        door = Door()
        punch = door.punch(1, at_ms=self.UNSET_MS, clock=0, monotonic_ms=500_000)
        take(company, door, door.payload(punch))

        assert self.at(company) == {1: (self.UNSET_MS, self.BOOT_OFFSET + 500_000)}

    def test_a_batch_sent_by_a_wrong_clock_dates_nothing_until_a_right_one_comes(self, company: Database):
        wrong = Door(sent_ms=self.UNSET_MS)
        take(
            company, wrong, wrong.payload(wrong.punch(1, at_ms=self.UNSET_MS, clock=0, monotonic_ms=500_000))
        )
        assert self.at(company) == {1: (self.UNSET_MS, self.UNSET_MS)}

        right = Door()
        take(company, right, right.payload(right.punch(2)))

        assert self.at(company)[1] == (self.UNSET_MS, self.BOOT_OFFSET + 500_000)
        with company.read() as connection:
            dates = set(connection.execute(select(stale_days.c.date)).scalars())
        assert {date(2000, 1, 1), date(2026, 11, 18)} <= dates

    def test_where_it_came_in_the_days_after_nothing_untrusted_is_left(self, company: Database):
        received_ms = NOW_MS + 3 * 86_400_000
        wrong = Door(sent_ms=self.UNSET_MS)
        punch = wrong.punch(1, at_ms=self.UNSET_MS, clock=0, monotonic_ms=500_000)
        take(company, wrong, wrong.payload(punch), received_ms)
        with company.write() as connection:
            connection.execute(stale_days.delete())

        right = Door()
        take(company, right, right.payload(right.punch(2)), NOW_MS + 5 * 86_400_000)

        with company.read() as connection:
            marked = {(row.person_id, row.date) for row in connection.execute(select(stale_days))}
        assert ("p-1", date(2026, 11, 21)) in marked

    def test_the_clock_of_another_boot_says_nothing(self, company: Database):
        door = Door(boot=2)
        take(
            company,
            door,
            door.payload(door.punch(1, at_ms=self.UNSET_MS, clock=0, boot=1, monotonic_ms=500_000)),
        )

        assert self.at(company) == {1: (self.UNSET_MS, self.UNSET_MS)}

    def test_a_battery_clock_that_agrees_keeps_its_time(self, company: Database):
        door = Door()
        near, far = NOW_MS - 40_000, NOW_MS - 400_000
        take(
            company,
            door,
            door.payload(
                door.punch(1, at_ms=near, clock=1, monotonic_ms=1_000_000 - 20_000),
                door.punch(2, at_ms=far, clock=1, monotonic_ms=1_000_000 - 20_000),
            ),
        )

        assert self.at(company) == {1: (near, near), 2: (far, NOW_MS - 20_000)}


class TestOwners:
    def test_a_stream_sent_under_a_newer_id_stays_that_of_the_older(self, company: Database):
        with company.write() as connection:
            add_terminal(connection, "t-2")
        before, after = Door(), Door("t-2")
        take(company, before, before.payload(before.punch(1)))

        received = take(company, after, after.payload(after.punch(1), after.punch(2)))

        assert committed(read_ack(received.ack)) == {1, 2}
        with company.read() as connection:
            rows = connection.execute(select(punches.c.terminal_id, punches.c.seq).order_by(punches.c.seq))
            assert [tuple(row) for row in rows] == [("t-1", 1), ("t-1", 2)]

    def test_a_batch_of_another_time_says_nothing_about_now(self, company: Database):
        door = Door()
        message = Message(door.topic, door.payload(door.punch(3), highest=9), retained=True)
        with company.write() as connection:
            (received,) = receive_all(connection, [message], NOW_MS, ZONE)

        assert committed(read_ack(received.ack)) == {3}
        assert watermark(company) == 0
        with company.read() as connection:
            assert connection.execute(select(terminals.c.last_seen_ms)).scalars().first() is None


class TestSize:
    def test_of_what_is_too_large_only_the_beginning_is_kept(self, company: Database):
        message = Message.of(Door().topic, bytearray(256 * 1024 * 1024))
        assert len(message.payload) == KEPT_BYTES
        with company.write() as connection:
            (received,) = receive_all(connection, [message], NOW_MS, ZONE)

        assert (received.ack, received.quarantined) == (None, 1)
        with company.read() as connection:
            assert "268435456 bytes" in connection.execute(select(quarantine.c.reason)).scalar_one()

    @pytest.mark.parametrize(
        "payload", [b"[" * 60_000, b"\x91" * 60_000, b'{"a":' * 10_000], ids=["json", "msgpack", "maps"]
    )
    def test_what_is_nested_too_deep_is_put_aside(self, company: Database, payload: bytes):
        assert take(company, Door(), payload).quarantined == 1


class TestApart:
    def test_what_cannot_be_stored_costs_no_other_punch_of_its_batch(
        self, company: Database, monkeypatch: pytest.MonkeyPatch
    ):
        def brittle(connection, arrived):
            if any(one.key.seq == 2 for one in arrived):
                raise ZeroDivisionError
            return store(connection, arrived)

        monkeypatch.setattr(ledger, "store", brittle)
        door = Door()
        message = Message(door.topic, door.payload(door.punch(1), door.punch(2), door.punch(3)))
        with company.write() as connection:
            received = receive_apart(connection, message, NOW_MS, ZONE)

        ack = read_ack(received.ack)
        assert committed(ack) == {1, 3}
        assert [(one.seq, one.code) for one in ack.refused] == [(2, "malformed")]
        assert stored_seqs(company) == [1, 3]
        assert put_aside(company) == [("malformed", 2)]

    def test_a_database_that_fails_says_nothing_about_a_punch(
        self, company: Database, monkeypatch: pytest.MonkeyPatch
    ):
        def away(connection, arrived):
            raise OperationalError("", {}, Exception("away"))

        monkeypatch.setattr(ledger, "store", away)
        door = Door()
        with pytest.raises(OperationalError), company.write() as connection:
            receive_apart(connection, Message(door.topic, door.payload(door.punch(1))), NOW_MS, ZONE)

        assert put_aside(company) == []


def copied(door: Door, *seqs: int) -> Door:
    """The same terminal with a copy of the ledger, whose stream begins with the punches ``seqs``."""
    copy = Door(stream_id=b"copied-1........")
    for number, seq in enumerate(seqs, 1):
        copy.made[number] = structs.replace(door.made[seq], seq=number)
    return copy


def test_a_punch_that_a_copy_sends_under_another_key_is_acknowledged_and_counted_once(company: Database):
    door = Door()
    take(company, door, door.payload(door.punch(1), door.punch(2)))
    copy = copied(door, 2)

    received = take(company, copy, copy.payload(copy.made[1], copy.punch(2)))

    ack = read_ack(received.ack)
    assert (committed(ack), ack.refused, ack.needed) == ({1, 2}, (), ())
    assert [one.key.seq for one in received.stored] == [2]
    assert stored_seqs(company) == [1, 2, 2]
    assert put_aside(company) == [("already_stored", 1)]
    again = take(company, copy, copy.payload(copy.made[1], copy.made[2]))
    assert committed(read_ack(again.ack)) == {1, 2}
    assert put_aside(company) == [("already_stored", 1)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_both_keys_of_a_punch_in_one_group_count_once(company: Database, order: tuple[int, int]):
    door = Door()
    door.punch(1)
    copy = copied(door, 1)
    messages = [Message(each.topic, each.payload(each.made[1])) for each in (door, copy)]

    with company.write() as connection:
        answers = receive_all(connection, [messages[place] for place in order], NOW_MS, ZONE)

    assert [committed(read_ack(one.ack)) for one in answers] == [{1}, {1}]
    assert sum(len(one.stored) for one in answers) == 1
    assert stored_seqs(company) == [1]
    assert put_aside(company) == [("already_stored", 1)]


def test_what_says_something_else_under_a_known_id_is_refused_and_kept(company: Database):
    door = Door()
    take(company, door, door.payload(door.punch(1), door.punch(2)))
    copy = copied(door, 2)
    copy.made[1] = structs.replace(copy.made[1], person_id="p-2")

    elsewhere = take(company, copy, copy.payload(copy.made[1], copy.punch(2)))
    here = take(company, door, door.payload(structs.replace(door.made[1], wall_ms=1)))

    for received, good in ((elsewhere, {2}), (here, set())):
        ack = read_ack(received.ack)
        assert committed(ack) == good
        assert [(one.seq, one.code) for one in ack.refused] == [(1, "id_conflict")]
    assert put_aside(company) == [("id_conflict", 1), ("id_conflict", 1)]
    assert stored_seqs(company) == [1, 2, 2]


def test_another_terminal_may_have_the_same_ids(company: Database):
    door = Door()
    take(company, door, door.payload(door.punch(1)))
    with company.write() as connection:
        add_terminal(connection, "t-2")
    other = Door("t-2", b"stream-3........", made=dict(door.made))

    assert committed(read_ack(take(company, other, other.payload(other.made[1])).ack)) == {1}
    assert stored_seqs(company) == [1, 1]
    assert put_aside(company) == []


def test_an_ack_says_whose_batch_it_answers(company: Database):
    door = Door()
    batch = structs.replace(door.batch(door.punch(1)), sender=b"process")
    whole = take(company, door, encode(batch))
    with company.write() as connection:
        apart = receive_apart(connection, Message(door.topic, encode(batch)), NOW_MS, ZONE)

    assert [read_ack(one.ack).sender for one in (whole, apart)] == [b"process"] * 2

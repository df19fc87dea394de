from __future__ import annotations

from cloud.ingest.answers import merged
from cloud.ingest.core import (
    BESIDE_LIVE_BYTES,
    GROUP_BYTES,
    GROUP_MAX,
    HELD_MAX,
    LIVE_BYTES,
    RETRY_MS,
    TRIES_MAX,
    Came,
    Commit,
    Committed,
    Connected,
    Delivery,
    Disconnected,
    Effect,
    Failed,
    IngestCore,
    Isolate,
    Puback,
    Settle,
    Stop,
    Tell,
    Tick,
)
from cloud.ingest.opening import Message
from cloud.ingest.receive import Received
from models.ids import TerminalId
from models.wire.messages import VERSION, PunchAck, Refusal

STREAM = b"s" * 16
T1, T2 = TerminalId("t-1"), TerminalId("t-2")


def core() -> IngestCore:
    made = IngestCore(lambda: 1.0)
    made.on(Connected(), 0)
    return made


def delivery(mid: int, connection: int = 1) -> Delivery:
    return Delivery(Message(f"kaoqin/v1/t-1/{mid}", b""), connection, mid)


def came(*mids: int, connection: int = 1) -> Came:
    return Came(tuple(delivery(mid, connection) for mid in mids))


def named(*mids: int) -> Commit:
    return Commit(tuple(delivery(mid).message for mid in mids))


def ack(
    first: int, last: int, *refused: int, echo: int = 1, needed: tuple[tuple[int, int], ...] = ()
) -> PunchAck:
    return PunchAck(
        VERSION,
        STREAM,
        ((first, last),),
        needed,
        tuple(Refusal(seq, "key_conflict") for seq in refused),
        7,
        echo,
    )


def committed(count: int) -> Committed:
    return Committed(tuple(Received() for _ in range(count)))


def mids(effects: tuple[Effect, ...]) -> list[int]:
    return [each.mid for each in effects if isinstance(each, Puback)]


def up(mid: int, size: int) -> Delivery:
    return Delivery(Message("kaoqin/v1/t-1/up", bytes(size)), 1, mid)


def sizes(effects: tuple[Effect, ...]) -> list[int]:
    """How long the messages are that are to be committed."""
    commit = effects[-1]
    assert isinstance(commit, Commit)
    return [len(message.payload) for message in commit.messages]


def test_a_message_alone_is_committed_at_once():
    assert core().on(came(1), 0) == (named(1),)


def test_one_transaction_at_a_time_and_what_came_meanwhile_is_the_next():
    worker = core()
    worker.on(came(1), 0)

    assert worker.on(came(2), 0) == ()
    assert worker.on(came(3), 0) == ()
    assert worker.on(committed(1), 0)[-1] == named(2, 3)


def test_a_group_has_a_limit():
    worker = core()

    (first,) = worker.on(came(*range(1, GROUP_MAX + 2)), 0)

    assert first == named(*range(1, GROUP_MAX + 1))
    assert worker.on(committed(GROUP_MAX), 0)[-1] == named(GROUP_MAX + 1)


def test_what_is_long_shares_a_commit_with_less():
    worker = core()
    long = (up(1, GROUP_BYTES), up(2, 300), up(3, 300), up(4, GROUP_BYTES))

    taken = []
    effects = worker.on(Came(long), 0)
    while effects and isinstance(effects[-1], Commit):
        taken.append(sizes(effects))
        effects = worker.on(committed(len(taken[-1])), 0)

    assert taken == [[GROUP_BYTES], [300, 300], [GROUP_BYTES]]


def test_little_of_a_backlog_goes_with_a_punch_of_now():
    part = BESIDE_LIVE_BYTES // 2
    worker = core()
    worker.on(Came((up(1, GROUP_BYTES),)), 0)
    worker.on(Came((*(up(mid, part) for mid in range(2, 8)), up(9, LIVE_BYTES))), 0)

    assert sizes(worker.on(committed(1), 0)) == [LIVE_BYTES, part, part]
    assert sizes(worker.on(committed(3), 0)) == [part] * 4


def test_a_punch_of_now_overtakes_a_backlog_and_its_puback_does_not():
    worker = core()
    worker.on(Came((up(1, GROUP_BYTES),)), 0)
    worker.on(Came((up(2, GROUP_BYTES), up(3, GROUP_BYTES), up(4, LIVE_BYTES))), 0)

    first = worker.on(committed(1), 0)
    assert mids(first) == [1]
    assert sizes(first) == [LIVE_BYTES, GROUP_BYTES]

    assert mids(worker.on(committed(2), 0)) == [2]
    assert mids(worker.on(committed(1), 0)) == [3, 4]
    assert worker.held == 0


def test_however_many_punches_of_now_there_are_a_backlog_gets_on():
    worker = core()
    worker.on(came(0), 0)
    worker.on(Came((up(1, GROUP_BYTES), *(up(mid, 100) for mid in range(2, 2 * GROUP_MAX)))), 0)

    after = worker.on(committed(1), 0)

    assert len(sizes(after)) == GROUP_MAX
    assert sizes(after).count(GROUP_BYTES) == 1


def test_what_a_terminal_says_of_itself_overtakes_nothing():
    worker = core()
    state = Delivery(Message("kaoqin/v1/t-1/state", b"short"), 1, 3)
    worker.on(came(0), 0)
    worker.on(Came((up(1, GROUP_BYTES), up(2, GROUP_BYTES), state)), 0)

    assert sizes(worker.on(committed(1), 0)) == [GROUP_BYTES]


def test_slots_of_an_earlier_connection_hold_up_no_puback():
    worker = core()
    worker.on(Came((up(1, GROUP_BYTES),)), 0)
    worker.on(Disconnected(), 0)
    worker.on(Connected(), 0)
    worker.on(came(1, connection=2), 0)

    assert mids(worker.on(committed(1), 0)) == []
    assert mids(worker.on(committed(1), 0)) == [1]


def test_after_the_commit_acks_go_out_and_then_pubacks_in_the_order_of_receipt():
    worker = core()
    worker.on(came(9, 4, 7), 0)

    effects = worker.on(
        Committed((Received(ack(1, 1), terminal_id=T1), Received(), Received(ack(5, 5), terminal_id=T2))), 0
    )

    assert effects == (
        Tell(T1, ack(1, 1)),
        Tell(T2, ack(5, 5)),
        Puback(1, 9, 1),
        Puback(1, 4, 1),
        Puback(1, 7, 1),
    )


def test_batches_of_one_stream_share_an_ack():
    worker = core()
    worker.on(came(1, 2), 0)

    effects = worker.on(
        Committed(
            (
                Received(ack(1, 3, echo=10, needed=((8, 9),)), terminal_id=T1),
                Received(ack(4, 6, echo=20), terminal_id=T1),
            )
        ),
        0,
    )

    assert effects[0] == Tell(T1, PunchAck(VERSION, STREAM, ((1, 6),), ((8, 9),), (), 7, 20))
    assert mids(effects) == [1, 2]


def test_what_one_batch_was_refused_no_shared_ack_commits():
    worker = core()
    worker.on(came(1, 2), 0)

    (told, *_) = worker.on(
        Committed((Received(ack(1, 3), terminal_id=T1), Received(ack(9, 9, 2), terminal_id=T1))), 0
    )

    assert isinstance(told, Tell)
    assert told.ack.committed == ((1, 1), (3, 3), (9, 9))
    assert [one.seq for one in told.ack.refused] == [2]


def fail(worker: IngestCore, now_ms: int) -> tuple[int, tuple[Effect, ...]]:
    """The database fails, time goes by until the next try; when that is, and what is done."""
    told = worker.on(Failed(again=True), now_ms)
    due = worker.due_ms()
    assert due is not None
    assert worker.on(Tick(), due - 1) == ()
    return due, (*told, *worker.on(Tick(), due))


def test_a_commit_that_failed_acknowledges_nothing_and_is_tried_again_ever_more_slowly():
    worker = core()
    worker.on(came(1), 0)

    first, effects = fail(worker, 0)
    assert (first, effects) == (RETRY_MS, (named(1),))
    second, effects = fail(worker, first)
    assert (second - first, effects) == (2 * RETRY_MS, (named(1),))

    assert mids(worker.on(committed(1), second)) == [1]


def test_a_message_that_always_fails_is_let_go_unacknowledged_and_nobody_waits_behind_it():
    worker = core()
    worker.on(came(1), 0)
    worker.on(came(2), 0)
    now = 0
    effects: tuple[Effect, ...] = ()
    seen: list[Effect] = []
    while named(2) not in effects:
        now, effects = fail(worker, now)
        seen += effects

    alone = Isolate(delivery(1).message)
    assert seen == [named(1), named(1), alone, alone, alone, Puback(1, 1, 1), named(2)]
    assert TRIES_MAX == 3


def test_a_message_at_fault_is_found_by_halving_and_the_others_go_on_in_order():
    worker = core()
    seen: list[Effect] = list(worker.on(came(1, 2, 3, 4), 0))
    answered: list[int] = []
    while seen:
        effect = seen.pop(0)
        if isinstance(effect, Puback):
            answered.append(effect.mid)
        elif isinstance(effect, Commit):
            poisoned = delivery(3).message in effect.messages
            seen += worker.on(Failed(again=False) if poisoned else committed(len(effect.messages)), 0)
        elif isinstance(effect, Isolate):
            assert effect.message == delivery(3).message
            seen += worker.on(Committed((Received(quarantined=1),)), 0)

    assert answered == [1, 2, 3, 4]
    assert worker.held == 0


def test_what_not_even_quarantine_takes_frees_its_slot_unacknowledged():
    worker = core()
    worker.on(came(1), 0)

    assert worker.on(Failed(again=False), 0) == (Isolate(delivery(1).message),)
    assert worker.on(Failed(again=False), 0) == (Puback(1, 1, 1),)
    assert worker.held == 0


def test_a_group_that_fails_again_and_again_is_halved_for_the_fault_may_be_in_it():
    worker = core()
    worker.on(came(1, 2), 0)
    now = 0
    effects: tuple[Effect, ...] = ()
    for _ in range(TRIES_MAX):
        now, effects = fail(worker, now)

    assert effects == (named(1),)
    assert worker.on(committed(1), now)[-1] == named(2)


def test_a_packet_id_of_an_earlier_connection_gets_no_puback():
    worker = core()
    worker.on(came(1), 0)
    worker.on(Disconnected(), 0)
    worker.on(Connected(), 0)
    worker.on(came(1, connection=2), 0)

    first = worker.on(Committed((Received(ack(1, 1), terminal_id=T1),)), 0)
    second = worker.on(committed(1), 0)

    assert [type(each) for each in first] == [Tell, Commit]
    assert second == (Puback(2, 1, 1),)


def test_nobody_gets_a_puback_while_the_link_is_down():
    worker = core()
    worker.on(came(1), 0)
    worker.on(Disconnected(), 0)

    assert worker.on(committed(1), 0) == ()


def test_no_more_is_handed_over_than_there_is_room():
    worker = core()
    assert worker.room == HELD_MAX

    worker.on(came(*range(1, HELD_MAX + 1)), 0)
    assert worker.room == 0
    worker.on(committed(GROUP_MAX), 0)

    assert worker.room == GROUP_MAX


def test_a_caller_is_told_and_nothing_is_published_for_it():
    worker = core()
    worker.on(Came((Delivery(delivery(1).message, ticket=5),)), 0)
    received = Received(ack(1, 1), terminal_id=T1)

    assert worker.on(Committed((received,)), 0) == (Settle(5, received),)


def test_what_is_held_at_the_end_is_stored_and_what_cannot_be_is_given_up():
    worker = core()
    worker.on(Came((Delivery(delivery(1).message, ticket=1), delivery(2))), 0)
    worker.on(Failed(again=True), 0)

    assert worker.on(Stop(), 0) == (named(1, 2),)
    assert worker.room == 0
    assert worker.on(Failed(again=True), 0) == (Settle(1, None),)
    assert worker.held == 0


def test_copies_of_a_card_are_answered_each_by_itself():
    acks = [
        PunchAck(1, b"s" * 16, ((1, 2),), (), (), 0, 0, sender=b"a"),
        PunchAck(1, b"s" * 16, ((3, 3),), (), (Refusal(2, "key_conflict"),), 0, 0, sender=b"b"),
        PunchAck(1, b"s" * 16, ((4, 4),), (), (), 0, 0, sender=b"a"),
    ]

    told = merged((TerminalId("t-1"), one) for one in acks)

    assert [(one.sender, one.committed) for _, one in told] == [(b"a", ((1, 2), (4, 4))), (b"b", ((3, 3),))]

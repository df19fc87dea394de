from __future__ import annotations

from edge.sync.core import (
    LIVE_WINDOW,
    RESEND_FIRST_MS,
    RESEND_LAST_MS,
    WINDOW,
    Acked,
    Connected,
    Disconnected,
    Event,
    Gone,
    MarkDelivered,
    OpenStream,
    Publish,
    PunchMade,
    Refuse,
    Reissue,
    Reopen,
    Tick,
    UplinkCore,
)
from edge.sync.outbox import StreamOutbox
from models.ids import StreamId
from models.ranges import Ranges, Span
from models.wire.messages import VERSION, PunchAck, Refusal

STREAM = StreamId(b"s" * 16)


def core(waiting: int, jitter: float = 1.0) -> UplinkCore:
    outbox = StreamOutbox(STREAM, waiting, Ranges.of([(1, waiting)]), Ranges())
    return UplinkCore([outbox], lambda: jitter)


def sent(core: UplinkCore, event: Event, now_ms: int = 0) -> list[tuple[Span, ...]]:
    return [effect.seqs.spans for effect in core.on(event, now_ms) if isinstance(effect, Publish)]


def ack(
    *committed: Span, needed: tuple[Span, ...] = (), refused: tuple[Refusal, ...] = (), stream: bytes = STREAM
) -> Acked:
    return Acked(PunchAck(VERSION, stream, committed, needed, refused, 0, 0))


def made(seq: int) -> PunchMade:
    return PunchMade(STREAM, seq, seq)


def test_nothing_is_sent_before_the_link_is_up():
    uplink = core(5)

    assert uplink.on(made(6), 0) == ()
    assert uplink.on(Tick(), 10**9) == ()
    assert sent(uplink, Connected()) == [((1, 6),)]


def test_four_batches_of_a_hundred_are_under_way_and_the_next_follows_an_ack():
    uplink = core(1_000)

    assert sent(uplink, Connected()) == [((1, 100),), ((101, 200),), ((201, 300),), ((301, 400),)]
    assert sent(uplink, ack((101, 200)), 10) == [((401, 500),)]
    assert sent(uplink, ack((1, 50)), 20) == []
    assert sent(uplink, ack((51, 100)), 30) == [((501, 600),)]


def test_a_live_punch_goes_at_once_and_alone_beside_four_batches_of_the_backlog():
    uplink = core(1_000)
    sent(uplink, Connected())

    assert sent(uplink, made(1_001)) == [((1_001, 1_001),)]
    assert sent(uplink, ack((1, 100)), 10) == []
    assert sent(uplink, ack((1_001, 1_001)), 20) == [((401, 500),)]


def test_live_punches_take_the_next_free_places_before_the_backlog():
    uplink = core(1_000)
    sent(uplink, Connected())
    sent(uplink, made(1_001))

    assert sent(uplink, made(1_002)) == []

    assert sent(uplink, ack((1, 200)), 10) == [((1_002, 1_002),)]
    assert sent(uplink, ack((1_001, 1_001)), 20) == [((401, 500),)]


def test_live_punches_that_had_to_wait_share_a_batch():
    uplink = core(400)
    sent(uplink, Connected())
    sent(uplink, made(401))
    for seq in (402, 403, 404):
        assert sent(uplink, made(seq)) == []

    assert sent(uplink, ack((1, 100)), 10) == [((402, 404),)]


def test_a_live_punch_takes_the_place_of_a_batch_that_nobody_answers():
    uplink = core(400)
    sent(uplink, Connected())
    sent(uplink, made(401))
    sent(uplink, Tick(), RESEND_FIRST_MS)

    assert sent(uplink, made(402), RESEND_FIRST_MS + 1) == [((402, 402),)]
    assert uplink.in_flight == LIVE_WINDOW


def test_live_punches_beyond_a_batch_go_newest_first():
    uplink = core(400)
    sent(uplink, Connected())
    for seq in range(401, 551):
        sent(uplink, made(seq))

    assert sent(uplink, ack((1, 200)), 10) == [((451, 550),), ((402, 450),)]


def test_a_batch_nobody_answers_is_sent_again_ever_more_slowly():
    uplink = core(1)
    sent(uplink, Connected())
    times = []
    now = 0
    for _ in range(9):
        due = uplink.due_ms()
        assert due is not None
        assert sent(uplink, Tick(), due - 1) == []
        assert sent(uplink, Tick(), due) == [((1, 1),)]
        times.append(due - now)
        now = due

    assert times == [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]
    assert RESEND_LAST_MS == 300_000


def test_waiting_times_carry_the_jitter_they_are_given():
    early, late = core(1, 0.8), core(1, 1.2)
    sent(early, Connected())
    sent(late, Connected())

    assert (early.due_ms(), late.due_ms()) == (4_000, 6_000)


def test_an_answer_ends_the_patience_that_silence_taught():
    uplink = core(400)
    sent(uplink, Connected())
    for due in (5_000, 15_000, 35_000):
        assert len(sent(uplink, Tick(), due)) == 4

    uplink.on(ack((1, 100)), 36_000)

    assert len(sent(uplink, Tick(), 41_000)) == 3


def test_a_cloud_that_leaves_a_batch_unanswered_is_silent_until_it_answers():
    uplink = core(1)
    happens = ((Connected(), 0), (Tick(), RESEND_FIRST_MS), (ack((1, 1)), RESEND_FIRST_MS + 10))
    was_silent = []
    for event, now_ms in happens:
        uplink.on(event, now_ms)
        was_silent.append(uplink.is_silent)

    assert was_silent == [False, True, False]


def test_a_batch_that_is_never_answered_does_not_keep_the_others_back():
    uplink = core(1_000)
    poison = {1, 150, 250, 350}
    pending = sent(uplink, Connected())
    delivered: set[int] = set()
    tries = 0
    now = 0
    for _ in range(100):
        now += 1_000
        batches, pending = pending, []
        for spans in batches:
            tries += 1 in Ranges(spans)
            if seqs := set(Ranges(spans)) - poison:
                delivered |= seqs
                pending += sent(uplink, ack(*((seq, seq) for seq in sorted(seqs))), now)
        pending += sent(uplink, Tick(), now)

    assert delivered == set(range(1, 1_001)) - poison
    assert uplink.waiting == 4
    assert tries <= 6


def test_while_the_cloud_is_silent_the_backlog_is_not_poured_out():
    uplink = core(100_000)
    batches = len(sent(uplink, Connected()))
    for second in range(3_600):
        batches += len(sent(uplink, Tick(), second * 1_000))

    assert batches <= WINDOW * 20


def test_a_batch_that_gave_way_waits_for_a_place_without_a_stir():
    uplink = core(1_000)
    sent(uplink, Connected())
    sent(uplink, Tick(), 5_000)
    uplink.on(made(1_001), 5_001)
    uplink.on(made(1_002), 5_001)
    uplink.on(Tick(), 15_000)
    due = uplink.due_ms()

    assert uplink.in_flight == WINDOW
    assert due is not None
    assert due > 15_000


def test_a_new_connection_begins_with_the_oldest_again():
    uplink = core(1_000)
    first = sent(uplink, Connected())
    assert sent(uplink, Tick(), 5_000) != first
    uplink.on(Disconnected(), 6_000)

    assert sent(uplink, Connected(), 7_000) == first


def test_a_new_connection_sends_at_once_what_was_under_way():
    uplink = core(250)
    first = sent(uplink, Connected())
    assert sent(uplink, Disconnected(), 10) == []
    assert uplink.due_ms() is None

    assert sent(uplink, Connected(), 20) == first


def test_an_ack_in_pieces_and_out_of_order_is_one_delivery():
    uplink = core(10)
    sent(uplink, Connected())

    assert uplink.on(ack((7, 10), (1, 3)), 1) == (MarkDelivered(STREAM, Ranges(((1, 3), (7, 10)))),)
    assert uplink.on(ack((1, 10)), 2) == (MarkDelivered(STREAM, Ranges(((4, 6),))),)
    assert uplink.on(ack((1, 10)), 3) == ()
    assert uplink.due_ms() is None


def test_a_stream_nobody_knows_is_not_ours():
    uplink = core(10)
    sent(uplink, Connected())

    assert uplink.on(ack((1, 10), needed=((1, 10),), stream=b"x" * 16), 1) == ()
    assert uplink.waiting == 10


def test_what_the_cloud_never_could_have_is_not_marked():
    uplink = core(10)
    sent(uplink, Connected())

    assert uplink.on(ack((5, 99)), 1) == (MarkDelivered(STREAM, Ranges(((5, 10),))),)


def test_holes_the_cloud_names_are_sent_again_and_unknown_ones_are_not():
    uplink = core(10)
    sent(uplink, Connected())
    uplink.on(ack((1, 10)), 1)

    effects = uplink.on(ack(needed=((3, 4), (9, 20))), 2)

    asked = Ranges(((3, 4), (9, 10)))
    assert effects == (Reopen(STREAM, asked), Publish(STREAM, asked))


def test_a_hole_under_way_is_not_sent_twice():
    uplink = core(10)
    sent(uplink, Connected())

    assert uplink.on(ack(needed=((1, 10),)), 1) == ()


def test_a_refused_punch_is_not_sent_again_even_if_asked_for():
    uplink = core(3)
    sent(uplink, Connected())

    refused = ack((1, 1), (3, 3), refused=(Refusal(2, "malformed"),))
    assert uplink.on(refused, 1)[1:] == (Refuse(STREAM, ((2, "malformed"),)),)
    assert uplink.on(refused, 2) == ()
    assert uplink.on(ack(needed=((2, 2),)), 3) == ()
    assert sent(uplink, Tick(), 10**7) == []


def test_a_refused_punch_that_was_taken_after_all_is_delivered():
    uplink = core(1)
    sent(uplink, Connected())
    uplink.on(ack(refused=(Refusal(1, "malformed"),)), 1)

    assert uplink.on(ack((1, 1)), 2) == (MarkDelivered(STREAM, Ranges.single(1)),)


def test_an_ack_of_what_was_never_sent_is_not_believed():
    """Found by the simulation, seed 79: a late answer to a punch of the overwritten card."""
    uplink = core(2)

    assert uplink.on(ack((1, 2)), 0) == ()
    assert uplink.waiting == 2
    assert sent(uplink, Connected()) == [((1, 2),)]
    assert uplink.on(ack((1, 2)), 1) == (MarkDelivered(STREAM, Ranges.of([(1, 2)])),)


def test_a_conflict_moves_to_a_new_stream_once():
    conflict = ack(refused=(Refusal(1, "key_conflict"), Refusal(2, "malformed")))
    uplink = core(3)
    sent(uplink, Connected())
    fresh = UplinkCore([], lambda: 1.0)
    fresh.on(PunchMade(STREAM, 1, 3), 0)
    sent(fresh, Connected())

    assert uplink.on(conflict, 1) == (
        Refuse(STREAM, ((2, "malformed"),)),
        Reissue(STREAM, Ranges.single(1)),
    )
    # A stream of this run cannot be an old copy: a cloud that says so does not get stream after stream.
    assert fresh.on(conflict, 1) == (Refuse(STREAM, ((1, "key_conflict"), (2, "malformed"))),)


def test_a_ledger_that_ends_before_what_the_cloud_knows_goes_on_in_a_new_stream_once():
    uplink = core(3)
    sent(uplink, Connected())
    known = Acked(PunchAck(VERSION, STREAM, (), (), (), 0, 0, known=5))

    assert uplink.on(known, 1) == (OpenStream(5),)
    assert uplink.on(known, 2) == ()
    assert core(5).on(known, 1) == ()


def test_an_older_stream_may_well_end_before():
    older = StreamOutbox(StreamId(b"o" * 16), 2, Ranges(), Ranges())
    uplink = UplinkCore([older, StreamOutbox(STREAM, 0, Ranges(), Ranges())], lambda: 1.0)

    assert uplink.on(Acked(PunchAck(VERSION, older.stream_id, (), (), (), 0, 0, known=9)), 1) == ()


def test_what_the_ledger_no_longer_keeps_is_given_up():
    uplink = core(300)
    sent(uplink, Connected())

    assert uplink.on(Gone(STREAM, Ranges.of([(1, 250)])), 1) == ()
    assert uplink.waiting == 50
    assert uplink.in_flight == 1


def test_punches_of_an_older_stream_go_under_their_own_name():
    old = StreamOutbox(StreamId(b"o" * 16), 2, Ranges.of([(1, 2)]), Ranges())
    new = StreamOutbox(STREAM, 1, Ranges.single(1), Ranges())
    uplink = UplinkCore([old, new], lambda: 1.0)

    effects = uplink.on(Connected(), 0)

    assert effects == (Publish(old.stream_id, Ranges(((1, 2),))), Publish(STREAM, Ranges.single(1)))
    assert uplink.highest == 1


def test_what_answers_the_batch_of_a_copy_of_this_card_says_nothing_about_ours():
    outbox = StreamOutbox(STREAM, 2, Ranges.of([(1, 2)]), Ranges())
    uplink = UplinkCore([outbox], lambda: 1.0, b"ours")
    assert uplink.on(Connected(), 0) == (Publish(STREAM, Ranges.of([(1, 2)])),)
    refusal = Refusal(2, "key_conflict")

    theirs = PunchAck(VERSION, STREAM, ((1, 1),), (), (refusal,), 0, 0, sender=b"theirs")
    assert uplink.on(Acked(theirs), 1) == ()
    assert uplink.waiting == 2

    ours = PunchAck(VERSION, STREAM, ((1, 1),), (), (refusal,), 0, 0, sender=b"ours")
    assert uplink.on(Acked(ours), 2) == (
        MarkDelivered(STREAM, Ranges.single(1)),
        Reissue(STREAM, Ranges.single(2)),
    )


def test_the_ack_for_the_batch_of_a_copy_still_tells_that_this_ledger_is_the_older_one():
    outbox = StreamOutbox(STREAM, 2, Ranges(), Ranges())
    uplink = UplinkCore([outbox], lambda: 1.0, b"ours")

    theirs = PunchAck(VERSION, STREAM, ((3, 3),), (), (), 0, 0, known=3, sender=b"theirs")

    assert uplink.on(Acked(theirs), 1) == (OpenStream(3),)

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.health.machine import Machine
from edge.punch import rows, streams
from edge.punch.file import KEEP_ACKED_MS
from edge.punch.ledger import Ledger
from edge.punch.rows import Draft
from edge.sync.core import KEY_CONFLICT, Acked, Connected, Reissue, UplinkCore
from edge.sync.outbox import Outbox
from models import ids
from models.chain import DAY_MS
from models.clock import SystemClock
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality, Method
from models.ranges import Ranges
from models.wire.messages import VERSION, PunchAck, Refusal

TERMINAL = TerminalId("t-0000000000000001")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "punches.db", TERMINAL, Machine("machine-1", "boot-1")) as opened:
        opened.append_many([draft(number) for number in range(1, 11)])
        yield opened


@pytest.fixture
def outbox(ledger: Ledger) -> Outbox:
    return Outbox(ledger)


def draft(number: int) -> Draft:
    return Draft(
        punch_id=ids.punch_id(number, os.urandom(10)),
        person_id=PersonId("p-1"),
        wall_ms=1_000 + number,
        monotonic_ms=number,
        clock=ClockQuality.RTC,
        method=Method.CARD,
    )


def waiting(outbox: Outbox) -> list[list[int]]:
    return [list(stream.waiting) for stream in outbox.streams()]


def test_what_was_delivered_or_put_aside_waits_no_more(ledger: Ledger, outbox: Outbox):
    stream = ledger.stream.stream_id

    outbox.mark_delivered(stream, Ranges.of([(1, 3), (7, 7)]), at_ms=5)
    outbox.refuse(stream, [(5, "malformed"), (5, "malformed")], at_ms=6)

    assert waiting(outbox) == [[4, 6, 8, 9, 10]]
    assert outbox.waiting() == 5
    assert list(outbox.streams()[0].refused) == [5]
    mark = outbox.watermark(SystemClock())
    assert (mark.highest, mark.waiting, mark.oldest_waiting_ms) == (10, 5, 1_004)


def test_a_refused_punch_that_is_delivered_after_all_is_refused_no_more(ledger: Ledger, outbox: Outbox):
    stream = ledger.stream.stream_id
    outbox.refuse(stream, [(5, "malformed")], at_ms=6)

    outbox.mark_delivered(stream, Ranges.single(5), at_ms=7)

    assert not outbox.streams()[0].refused
    assert outbox.waiting() == 9


def test_what_the_cloud_asks_for_again_waits_again(ledger: Ledger, outbox: Outbox):
    stream = ledger.stream.stream_id
    outbox.mark_delivered(stream, Ranges.of([(1, 10)]), at_ms=5)
    assert outbox.watermark(SystemClock()).oldest_waiting_ms is None

    outbox.reopen(stream, Ranges.of([(2, 3)]))

    assert waiting(outbox) == [[2, 3]]


def test_loading_tells_what_is_kept_and_leaves_out_what_is_gone(ledger: Ledger, outbox: Outbox):
    stream = ledger.stream.stream_id
    ledger.append(replace(draft(11), wall_ms=2 * DAY_MS))
    outbox.mark_delivered(stream, Ranges.of([(1, 10)]), at_ms=0)
    outbox.mark_delivered(stream, Ranges.single(11), at_ms=KEEP_ACKED_MS + 1)
    ledger.append(replace(draft(12), wall_ms=2 * DAY_MS))
    ledger.prune()

    load = outbox.load(stream, Ranges.of([(1, 4), (10, 12)]), SystemClock())

    assert (load.lowest, load.highest) == (11, 12)
    assert [punch.seq for punch in load.punches] == [11, 12]


def test_conflicting_punches_go_on_in_one_new_stream_as_they_were(ledger: Ledger, outbox: Outbox):
    old = ledger.stream
    originals = ledger.write(lambda db: rows.between(db, old, 1, 10))

    outbox.reissue(old.stream_id, Ranges.of([(2, 3)]), KEY_CONFLICT, at_ms=9)
    outbox.reissue(old.stream_id, Ranges.single(7), KEY_CONFLICT, at_ms=9)

    assert [stream.reason for stream in ledger.streams] == [streams.FIRST, streams.CONFLICT]
    assert waiting(outbox) == [[1, 4, 5, 6, 8, 9, 10], [1, 2, 3]]
    again = ledger.write(lambda db: rows.between(db, ledger.stream, 1, 10))
    assert [punch.punch_id for punch in again] == [originals[at].punch_id for at in (1, 2, 6)]
    assert [(punch.wall_ms, punch.boot) for punch in again] == [(1_002, 1), (1_003, 1), (1_007, 1)]


def test_a_card_put_back_a_second_time_moves_on_again(ledger: Ledger, outbox: Outbox):
    """Found by the simulation, seed 74: the stream opened for the first conflict was never left again."""
    outbox.reissue(ledger.stream.stream_id, Ranges.single(1), KEY_CONFLICT, at_ms=9)
    moved = ledger.stream.stream_id
    core = UplinkCore(outbox.streams(), lambda: 1.0)
    core.on(Connected(), 0)

    effects = core.on(Acked(PunchAck(VERSION, moved, (), (), (Refusal(1, KEY_CONFLICT),), 0, 0)), 1)

    assert Reissue(moved, Ranges.single(1)) in effects


def test_punches_refused_for_the_terminal_s_sake_wait_again_once_it_is_claimed_anew(tmp_path: Path):
    path = tmp_path / "again.db"
    with Ledger(path, TERMINAL, Machine("machine-1", "boot-1")) as ledger:
        stream = ledger.append_many([draft(1), draft(2), draft(3)])[0].stream_id
        Outbox(ledger).refuse(stream, [(1, "revoked_terminal"), (2, "malformed")], at_ms=1)
    with Ledger(path, TERMINAL, Machine("machine-1", "boot-2")) as ledger:
        assert waiting(Outbox(ledger)) == [[3]]

    with Ledger(path, TerminalId("t-new"), Machine("machine-1", "boot-2")) as ledger:
        assert waiting(Outbox(ledger)) == [[1, 3], []]


def test_a_backlog_with_holes_is_read_as_spans(ledger: Ledger, outbox: Outbox):
    stream = ledger.stream.stream_id
    ledger.append_many([draft(number) for number in range(11, 5_001)])
    outbox.mark_delivered(stream, Ranges.of((seq, seq) for seq in range(100, 5_000, 100)), at_ms=1)

    spans = outbox.streams()[0].waiting.spans

    assert spans[:2] == ((1, 99), (101, 199))
    assert len(spans) == 50


def test_days_are_told_of_which_nothing_waits(ledger: Ledger, outbox: Outbox):
    stream = ledger.stream.stream_id
    ledger.append_many([replace(draft(99), wall_ms=DAY_MS + 5)])

    outbox.mark_delivered(stream, Ranges.of([(1, 9)]), at_ms=5)
    assert outbox.watermark(SystemClock()).days == ()
    outbox.refuse(stream, [(10, "malformed")], at_ms=6)
    (told,) = outbox.watermark(SystemClock()).days
    assert (told.day, told.first_seq, told.last_seq, told.count) == (0, 1, 10, 10)
    outbox.mark_delivered(stream, Ranges.of([(11, 11)]), at_ms=7)

    assert [each.day for each in outbox.watermark(SystemClock()).days] == [0, 1]


def test_of_older_streams_it_is_told_what_is_left(ledger: Ledger, outbox: Outbox):
    assert outbox.watermark(SystemClock()).kept == ()
    first = ledger.stream.stream_id

    outbox.open_stream()

    (left,) = outbox.watermark(SystemClock()).kept
    assert (left.stream_id, left.lowest, left.highest) == (first, 1, 10)
    assert ledger.stream.reason == "behind"

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.health.machine import Machine
from edge.identification import Identified
from edge.punch.dedupe import Moment, is_repeat
from edge.punch.ledger import Ledger
from edge.punch.recorder import NotRecorded, PunchRecorder, Recorded, Repeated
from edge.sync.outbox import Outbox
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality, Direction, Method
from models.ranges import Ranges

TERMINAL = TerminalId("t-0000000000000001")
START_MS = 1_790_000_000_000
ALICE = Identified(PersonId("p-alice"), Method.FACE, 712)
BOB = Identified(PersonId("p-bob"), Method.PIN)


@dataclass
class HandClock:
    now_ms: int = 0
    set_ms: int = START_MS

    def wall_ms(self) -> int:
        return self.set_ms + self.now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "punches.db", TERMINAL, Machine("machine-1", "boot-1")) as opened:
        yield opened


@pytest.fixture
def recorder(ledger: Ledger, clock: HandClock) -> PunchRecorder:
    return PunchRecorder(ledger, clock, lambda: ClockQuality.SYNCED)


def test_a_punch_carries_what_was_known_of_it(recorder: PunchRecorder, clock: HandClock):
    clock.now_ms = 5_000

    outcome = recorder.record(ALICE, Direction.IN)

    assert isinstance(outcome, Recorded)
    punch = outcome.punch
    assert (punch.person_id, punch.method, punch.direction) == (ALICE.person_id, Method.FACE, Direction.IN)
    assert (punch.wall_ms, punch.monotonic_ms, punch.boot) == (START_MS + 5_000, 5_000, 1)
    assert (punch.score_milli, punch.clock) == (712, ClockQuality.SYNCED)
    assert punch.punch_id.version == 7
    assert outcome.waiting == 1


def test_a_second_punch_within_the_window_is_the_first_one(recorder: PunchRecorder, clock: HandClock):
    first = recorder.record(ALICE)
    clock.now_ms = 59_999

    second = recorder.record(ALICE)
    other = recorder.record(BOB)
    clock.now_ms = 60_000
    third = recorder.record(ALICE)

    assert isinstance(first, Recorded)
    assert second == Repeated(first.punch.wall_ms)
    assert isinstance(other, Recorded)
    assert isinstance(third, Recorded)
    assert third.waiting == 3


def test_the_window_begins_at_the_stored_punch_and_does_not_slide(recorder: PunchRecorder, clock: HandClock):
    outcomes = []
    for now_ms in (0, 40_000, 80_000):
        clock.now_ms = now_ms
        outcomes.append(type(recorder.record(ALICE)))

    assert outcomes == [Recorded, Repeated, Recorded]


def test_setting_the_clock_between_two_punches_changes_nothing(recorder: PunchRecorder, clock: HandClock):
    recorder.record(ALICE)
    clock.set_ms += 3_600_000
    clock.now_ms = 10_000

    assert isinstance(recorder.record(ALICE), Repeated)


def test_a_repeat_is_known_after_a_restart_and_a_reboot(tmp_path: Path, clock: HandClock):
    path = tmp_path / "punches.db"
    for boot, now_ms, expected in (("a", 0, Recorded), ("a", 30_000, Repeated), ("b", 50_000, Repeated)):
        clock.now_ms = now_ms
        with Ledger(path, TERMINAL, Machine("machine-1", boot)) as ledger:
            outcome = PunchRecorder(ledger, clock, lambda: ClockQuality.RTC).record(ALICE)
        assert isinstance(outcome, expected)


@pytest.mark.parametrize(
    ("first", "now", "expected"),
    [
        (Moment(0, 0, 1), Moment(0, 59_999, 1), True),
        (Moment(0, 0, 1), Moment(0, 60_000, 1), False),
        (Moment(0, 500, 1), Moment(0, 400, 1), False),
        (Moment(0, 900_000, 1), Moment(59_999, 10, 2), True),
        (Moment(100, 0, 1), Moment(99, 0, 2), False),
    ],
)
def test_a_repeat_is_measured_by_the_clock_both_share(first: Moment, now: Moment, *, expected: bool):
    assert is_repeat(first, now, 60_000) is expected


def test_a_ledger_that_fails_means_not_recorded_and_recovers(
    ledger: Ledger, recorder: PunchRecorder, clock: HandClock
):
    assert isinstance(recorder.record(ALICE), Recorded)
    ledger.write(
        lambda db: db.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON punches BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    )

    outcome = recorder.record(BOB)

    assert outcome == NotRecorded("disk full")
    ledger.write(lambda db: db.execute("DROP TRIGGER broken"))
    again = recorder.record(BOB)
    assert isinstance(again, Recorded)
    assert again.punch.seq == 2


def test_a_closed_ledger_means_not_recorded(ledger: Ledger, recorder: PunchRecorder):
    ledger.close()

    assert isinstance(recorder.record(ALICE), NotRecorded)


def test_one_person_at_two_readers_at_once_makes_one_punch(ledger: Ledger, recorder: PunchRecorder):
    outcomes: list[object] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(recorder.record(ALICE)), daemon=True)
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(type(each).__name__ for each in outcomes) == ["Recorded"] + ["Repeated"] * 15


def test_no_punch_is_older_than_a_watermark_that_leaves_it_out(ledger: Ledger):
    """What the cloud rests "this day is complete" on."""

    class Ticking:
        def __init__(self) -> None:
            self._now = START_MS
            self._lock = threading.Lock()

        def wall_ms(self) -> int:
            with self._lock:
                self._now += 1
                return self._now

        def monotonic_ms(self) -> int:
            return self.wall_ms() - START_MS

    clock = Ticking()
    recorder = PunchRecorder(ledger, clock, lambda: ClockQuality.SYNCED, repeat_window_s=0)
    outbox = Outbox(ledger)
    made: list[tuple[int, int]] = []
    stop = threading.Event()

    def punch() -> None:
        while not stop.is_set():
            outcome = recorder.record(ALICE)
            assert isinstance(outcome, Recorded)
            made.append((outcome.punch.wall_ms, outcome.punch.seq))

    threads = [threading.Thread(target=punch, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    marks = [outbox.watermark(clock) for _ in range(200)]
    loads = [outbox.load(ledger.stream.stream_id, Ranges(), clock) for _ in range(200)]
    stop.set()
    for thread in threads:
        thread.join()

    statements = [(mark.at_ms, mark.highest) for mark in marks]
    statements += [(load.at_ms, load.highest) for load in loads]
    assert not [
        (at_ms, seq)
        for at_ms, highest in statements
        for wall_ms, seq in made
        if wall_ms < at_ms and seq > highest
    ]

"""Whatever the terminal's clock does, no punch is lost or refused, and a time called right is right."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cloud.db.engine import Database
from cloud.db.tables import metadata, punches
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from edge.health.clock_quality import AGREES_WITHIN_MS, CloudTime, judge
from edge.health.machine import Machine
from edge.identification import Identified
from edge.punch.file import LedgerFile
from edge.punch.recorder import PunchRecorder, Recorded
from edge.sync.outbox import Outbox
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality, Method, Punch
from models.ranges import Ranges
from models.wire import topics
from models.wire.codec import encode
from models.wire.messages import VERSION, PunchBatch
from models.wire.punches import to_wire
from models.wire.topics import Channel
from tests.terminals import NOW_MS, add_person, add_terminal, read_ack

TERMINAL = TerminalId("t-1")
ZONE = ZoneInfo("Asia/Shanghai")
AGREES_MS = 30_000
YEARS_MS = {1970: 0, 2038: 2_147_483_647_000, 2099: 4_070_908_800_000}
HOUR_MS = 3_600_000


@dataclass
class World:
    """True time, and the terminal's two clocks; ``step`` is set once, between two readings of the wall."""

    true_ms: int = NOW_MS
    booted_ms: int = NOW_MS - 1_000_000
    wrong_ms: int = 0
    synchronised: bool = False
    step: Callable[[], None] | None = None
    readings_to_step: int = 0

    def wall_ms(self) -> int:
        if self.step is not None:
            self.readings_to_step -= 1
            if self.readings_to_step <= 0:
                step, self.step = self.step, None
                step()
        return max(0, self.true_ms + self.wrong_ms)

    def monotonic_ms(self) -> int:
        return self.true_ms - self.booted_ms

    def set_wall(self, wall_ms: int) -> None:
        self.wrong_ms = wall_ms - self.true_ms
        self.synchronised = False

    def synchronise(self) -> None:
        self.wrong_ms = 0
        self.synchronised = True

    def boot(self) -> None:
        self.booted_ms = self.true_ms - 1
        self.synchronised = False


@dataclass
class Site:
    """One terminal with its real ledger, and the real ingest."""

    directory: Path
    world: World = field(default_factory=World)
    cloud_time: CloudTime = field(default_factory=CloudTime)
    made: dict[int, tuple[Punch, int]] = field(default_factory=dict)
    dated: dict[int, list[int]] = field(default_factory=dict)
    boots: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.database = Database(f"sqlite:///{self.directory / 'cloud.db'}")
        metadata.create_all(self.database.write_engine)
        with self.database.write() as connection:
            add_terminal(connection, TERMINAL)
            add_person(connection, "p-1")
        self.start()

    def start(self) -> None:
        machine = Machine("machine-1", f"boot-{next(self.boots)}")
        self.ledger = LedgerFile(self.directory / "punches.db", TERMINAL, machine, lambda _: bytes(64))
        self.ledger.open()
        self.cloud_time = CloudTime()
        self.recorder = PunchRecorder(self.ledger, self.world, self.quality, repeat_window_s=0)

    def quality(self) -> ClockQuality:
        return judge(
            wall_ms=self.world.wall_ms(),
            synchronised=self.world.synchronised,
            offset_ms=self.cloud_time.offset_ms(
                wall_ms=self.world.wall_ms(), monotonic_ms=self.world.monotonic_ms()
            ),
        )

    def reboot(self) -> None:
        self.ledger.close()
        self.world.boot()
        self.start()

    def punch(self) -> None:
        outcome = self.recorder.record(Identified(PersonId("p-1"), Method.PIN))
        assert isinstance(outcome, Recorded)
        self.made[outcome.punch.seq] = (outcome.punch, self.world.true_ms)

    def deliver(self) -> None:
        """One batch of all that waits, as the uplink makes it, and its acknowledgement."""
        outbox = Outbox(self.ledger)
        (stream,) = outbox.streams()
        waiting = stream.waiting or Ranges.single(stream.highest)
        if not stream.highest:
            return
        load = outbox.load(stream.stream_id, waiting, self.world)
        best_ms = self.cloud_time.now_ms(load.at_monotonic_ms)
        batch = PunchBatch(
            version=VERSION,
            terminal_id=TERMINAL,
            stream_id=stream.stream_id,
            boot=self.ledger.boot,
            sent_ms=load.at_ms if best_ms is None else best_ms,
            sent_monotonic_ms=load.at_monotonic_ms,
            lowest=load.lowest,
            highest=load.highest,
            punches=tuple(map(to_wire, load.punches)),
        )
        self.world.true_ms += 40
        with self.database.write() as connection:
            message = Message(topics.topic(TERMINAL, Channel.UP), encode(batch))
            (received,) = receive_all(connection, [message], self.world.true_ms, ZONE)
        ack = read_ack(received.ack)
        self.world.true_ms += 40
        assert not ack.refused
        self.cloud_time.heard(
            sent_monotonic_ms=ack.echo_monotonic_ms,
            server_ms=ack.server_ms,
            now_monotonic_ms=self.world.monotonic_ms(),
        )
        outbox.mark_delivered(stream.stream_id, Ranges.of(ack.committed), ack.server_ms)
        self.look()

    def look(self) -> None:
        with self.database.read() as connection:
            for seq, wall_ms, at_ms in connection.execute(
                select(punches.c.seq, punches.c.wall_ms, punches.c.at_ms)
            ):
                assert wall_ms == self.made[seq][0].wall_ms  # what the terminal wrote is kept
                history = self.dated.setdefault(seq, [wall_ms])
                if history[-1] != at_ms:
                    history.append(at_ms)

    def close(self) -> None:
        self.ledger.close()
        self.database.close()


times = st.one_of(
    st.sampled_from(sorted(YEARS_MS.values())),
    st.sampled_from([-HOUR_MS, HOUR_MS, -1_000, 1_000, -29_000, 29_000, 31_000]).map(lambda ms: NOW_MS + ms),
)
steps = st.lists(
    st.one_of(
        st.just(("punch", 0)),
        st.just(("deliver", 0)),
        st.just(("sync", 0)),
        st.just(("reboot", 0)),
        st.tuples(st.just("set"), times),
        st.tuples(st.just("punch_while_set"), times),
        st.just(("punch_while_synced", 0)),
        st.tuples(st.just("wait"), st.integers(1, 5 * HOUR_MS)),
    ),
    min_size=3,
    max_size=25,
)


def play(site: Site, steps: list[tuple[str, int]], readings: int) -> None:
    world = site.world
    for act, value in steps:
        match act:
            case "set":
                world.set_wall(value)
            case "punch_while_set":
                world.step, world.readings_to_step = (lambda to=value: world.set_wall(to)), readings
                site.punch()
            case "punch_while_synced":
                world.step, world.readings_to_step = world.synchronise, readings
                site.punch()
            case "wait":
                world.true_ms += value
            case "punch":
                site.punch()
            case "deliver":
                site.deliver()
            case "sync":
                world.synchronise()
            case _:
                site.reboot()
        world.step = None
        world.true_ms += 50
    # The terminal is heard twice more: the first acknowledgement tells it the time, the next batch says so.
    site.punch()
    site.deliver()
    site.punch()
    site.deliver()


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps, readings=st.integers(1, 7))
def test_no_clock_loses_a_punch_or_passes_a_wrong_time_for_a_right_one(
    steps: list[tuple[str, int]], readings: int
):
    directory = Path(tempfile.mkdtemp())
    site = Site(directory)
    try:
        play(site, steps, readings)

        assert sorted(site.dated) == sorted(site.made) == list(range(1, len(site.made) + 1))
        boot = site.ledger.boot
        for seq, (punch, true_ms) in site.made.items():
            history = site.dated[seq]
            assert len(history) <= 2, "a punch is dated anew once at most"
            if punch.clock is ClockQuality.SYNCED:
                assert abs(punch.wall_ms - true_ms) <= AGREES_WITHIN_MS + 1_100
            if punch.boot == boot or punch.clock is ClockQuality.SYNCED:
                assert abs(history[-1] - true_ms) <= AGREES_MS + AGREES_WITHIN_MS + 1_100
    finally:
        site.close()
        shutil.rmtree(directory)


@pytest.mark.parametrize("year", sorted(YEARS_MS))
def test_a_boot_that_later_learns_the_time_is_dated_anew_once(tmp_path: Path, year: int):
    site = Site(tmp_path)
    site.world.set_wall(YEARS_MS[year])
    for _ in range(3):
        site.punch()
        site.world.true_ms += HOUR_MS
    first_true_ms = site.made[1][1]

    site.deliver()
    before = site.dated[1][-1]
    for _ in range(3):
        site.punch()
        site.deliver()
    site.close()

    assert before == site.made[1][0].wall_ms == max(0, YEARS_MS[year])
    assert len(site.dated[1]) == 2
    assert abs(site.dated[1][-1] - first_true_ms) <= 100


def test_a_step_between_two_readings_is_never_trusted(tmp_path: Path):
    for readings in range(1, 8):
        place = tmp_path / str(readings)
        place.mkdir()
        site = Site(place)
        site.world.set_wall(YEARS_MS[1970])
        site.world.step, site.world.readings_to_step = site.world.synchronise, readings

        site.punch()

        punch, true_ms = site.made[1]
        assert punch.clock is not ClockQuality.SYNCED or abs(punch.wall_ms - true_ms) <= 1_000
        site.close()

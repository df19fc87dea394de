"""The uplink's core, with the real ledger, against a cloud behind a network that does what it likes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from random import Random

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.health.machine import Machine
from edge.punch.ledger import Ledger
from edge.punch.rows import Draft
from edge.sync.core import (
    KEY_CONFLICT,
    LIVE_WINDOW,
    RESEND_LAST_MS,
    Acked,
    Connected,
    Disconnected,
    Event,
    MarkDelivered,
    Publish,
    PunchMade,
    Refuse,
    Reissue,
    Reopen,
    Tick,
    UplinkCore,
)
from edge.sync.outbox import Outbox
from models import ids
from models.clock import SystemClock
from models.ids import PersonId, StreamId, TerminalId
from models.punch import ClockQuality, Method
from models.ranges import Ranges
from models.wire.messages import BATCH_MAX_PUNCHES, VERSION, PunchAck, Refusal

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  a disk that syncs at once
TERMINAL = TerminalId("t-0000000000000001")

Batch = tuple[StreamId, dict[int, bytes]]


class Delivery(RuleBasedStateMachine):
    @initialize(
        seed=st.integers(0, 1 << 32),
        refused=st.sets(st.integers(1, 60), max_size=3),
        taken=st.sets(st.integers(1, 60), max_size=2),
    )
    def begin(self, seed: int, refused: set[int], taken: set[int]) -> None:
        self.random = Random(seed)
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.ledger = Ledger(Path(self.folder.name) / "p.db", TERMINAL, Machine("m", "b"))
        self.outbox = Outbox(self.ledger)
        self.news: list[Event] = []
        self.ledger.listen(lambda stream, first, last: self.news.append(PunchMade(stream, first, last)))
        self.first_stream = self.ledger.stream.stream_id
        self.now = 0
        self.up: list[Batch] = []
        self.down: list[PunchAck] = []
        self.made: set[bytes] = set()
        self.cloud: dict[tuple[StreamId, int], bytes] = {}
        self.refused = refused
        # Numbers under which the cloud knows other punches: a copy of the file was used before.
        self.taken = taken - refused
        self.put_aside: set[bytes] = set()
        self.connected = False
        self.core = UplinkCore(self.outbox.streams(), self.jitter)

    def jitter(self) -> float:
        return self.random.uniform(0.8, 1.2)

    # -- the terminal --------------------------------------------------------------------------------------

    def feed(self, event: Event) -> list[Publish]:
        published: list[Publish] = []
        self.news.append(event)
        while self.news:
            for effect in self.core.on(self.news.pop(0), self.now):
                match effect:
                    case Publish(stream, seqs):
                        published.append(effect)
                        self.send(stream, seqs)
                    case MarkDelivered(stream, seqs):
                        for seq in seqs:
                            assert (stream, seq) in self.cloud
                        self.outbox.mark_delivered(stream, seqs, self.now)
                    case Refuse(stream, refusals):
                        self.outbox.refuse(stream, refusals, self.now)
                    case Reopen(stream, seqs):
                        self.outbox.reopen(stream, seqs)
                    case Reissue(stream, seqs):
                        self.outbox.reissue(stream, seqs, KEY_CONFLICT, self.now)
        return published

    def send(self, stream: StreamId, seqs: Ranges) -> None:
        assert 0 < len(seqs) <= BATCH_MAX_PUNCHES
        load = self.outbox.load(stream, seqs, SystemClock())
        assert {punch.seq for punch in load.punches} == set(seqs)
        self.up.append((stream, {punch.seq: punch.punch_id.bytes for punch in load.punches}))

    def make(self, count: int) -> list[Publish]:
        drafts = [
            Draft(
                ids.punch_id(self.now, os.urandom(10)),
                PersonId("p-1"),
                self.now,
                self.now,
                ClockQuality.RTC,
                Method.PIN,
            )
            for _ in range(count)
        ]
        self.made |= {draft.punch_id.bytes for draft in drafts}
        self.ledger.append_many(drafts)
        return self.feed(self.news.pop())

    @rule()
    def punch(self) -> None:
        had_room = self.connected and self.core.in_flight < LIVE_WINDOW

        published = self.make(1)

        if had_room:
            newest = self.outbox.streams()[-1].highest
            assert published[0].seqs == Ranges.single(newest)

    @rule(count=st.integers(2, 450))
    def catch_up(self, count: int) -> None:
        self.make(count)

    @rule()
    def restart(self) -> None:
        self.connected = False
        self.core = UplinkCore(self.outbox.streams(), self.jitter)

    @rule(milliseconds=st.sampled_from([10, 1_000, 6_500, 60_000, 400_000]))
    def time_goes_by(self, milliseconds: int) -> None:
        self.now += milliseconds
        self.feed(Tick())

    # -- the network ---------------------------------------------------------------------------------------

    @precondition(lambda self: not self.connected)
    @rule()
    def connect(self) -> None:
        self.connected = True
        self.feed(Connected())

    @precondition(lambda self: self.connected)
    @rule(loses=st.booleans())
    def disconnect(self, *, loses: bool) -> None:
        self.connected = False
        if loses:
            self.up.clear()
            self.down.clear()
        self.feed(Disconnected())

    @precondition(lambda self: self.up)
    @rule(data=st.data(), again=st.booleans())
    def batch_arrives(self, data: st.DataObject, *, again: bool) -> None:
        at = data.draw(st.integers(0, len(self.up) - 1))
        self.receive(self.up[at] if again else self.up.pop(at))

    @precondition(lambda self: self.up)
    @rule(data=st.data())
    def batch_is_lost(self, data: st.DataObject) -> None:
        self.up.pop(data.draw(st.integers(0, len(self.up) - 1)))

    @precondition(lambda self: self.down and self.connected)
    @rule(data=st.data(), again=st.booleans())
    def ack_arrives(self, data: st.DataObject, *, again: bool) -> None:
        at = data.draw(st.integers(0, len(self.down) - 1))
        self.feed(Acked(self.down[at] if again else self.down.pop(at)))

    @precondition(lambda self: self.down)
    @rule(data=st.data())
    def ack_is_lost(self, data: st.DataObject) -> None:
        self.down.pop(data.draw(st.integers(0, len(self.down) - 1)))

    # -- the cloud -----------------------------------------------------------------------------------------

    def receive(self, batch: Batch) -> None:
        stream, punches = batch
        committed, refusals = [], []
        for seq, punch_id in punches.items():
            if stream == self.first_stream and seq in self.taken:
                refusals.append(Refusal(seq, KEY_CONFLICT))
            elif stream == self.first_stream and seq in self.refused:
                self.put_aside.add(punch_id)
                refusals.append(Refusal(seq, "malformed"))
            else:
                assert self.cloud.setdefault((stream, seq), punch_id) == punch_id
                committed.append((seq, seq))
        self.down.append(PunchAck(VERSION, stream, tuple(committed), (), tuple(refusals), 0, 0))

    @precondition(lambda self: self.cloud)
    @rule(data=st.data())
    def the_cloud_asks_again(self, data: st.DataObject) -> None:
        """For punches it has, has lost from a restored copy, or never had."""
        stream, seq = data.draw(st.sampled_from(sorted(self.cloud)))
        for lost in range(seq, seq + 3):
            self.cloud.pop((stream, lost), None)
        self.down = [ack for ack in self.down if ack.stream_id != stream]
        self.feed(Acked(PunchAck(VERSION, stream, (), ((seq, seq + 2),), (), 0, 0)))

    @rule()
    def somebody_else_is_acknowledged(self) -> None:
        waiting = self.core.waiting
        assert self.feed(Acked(PunchAck(VERSION, b"x" * 16, ((1, 1000),), ((1, 5),), (), 0, 0))) == []
        assert self.core.waiting == waiting

    # -- what always holds ---------------------------------------------------------------------------------

    @invariant()
    def the_window_is_kept(self) -> None:
        if hasattr(self, "core"):
            assert self.core.in_flight <= LIVE_WINDOW

    @invariant()
    def the_core_knows_what_the_ledger_knows(self) -> None:
        if hasattr(self, "core"):
            assert self.core.waiting == self.outbox.waiting()

    def teardown(self) -> None:
        if not hasattr(self, "core"):
            return
        self.heal()
        delivered = list(self.cloud.values())
        assert len(delivered) == len(set(delivered))
        assert set(delivered) == self.made - self.put_aside
        assert self.outbox.waiting() == 0
        self.ledger.close()
        self.folder.cleanup()

    def heal(self) -> None:
        """From now on the network works; how often it is asked for something is bounded."""
        if not self.connected:
            self.connect()
        for _ in range(200):
            if not self.core.waiting:
                break
            while self.up or self.down:
                if self.up:
                    self.receive(self.up.pop(0))
                if self.down:
                    self.feed(Acked(self.down.pop(0)))
            self.now += 2 * RESEND_LAST_MS
            self.feed(Tick())


Delivery.TestCase.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_every_punch_is_delivered_once = Delivery.TestCase

"""A terminal and the cloud face to face, in one thread: real cores and SQL of both, no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from cloud.db.engine import Database
from cloud.ingest.core import Came, Commit, Committed, Connected, Delivery, IngestCore, Isolate, Tell
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from edge.punch.file import LedgerFile
from edge.punch.rows import Draft
from edge.sync.core import (
    KEY_CONFLICT,
    Acked,
    Gone,
    MarkDelivered,
    OpenStream,
    Publish,
    PunchMade,
    Refuse,
    Reissue,
    Reopen,
    UplinkCore,
)
from edge.sync.core import Connected as LinkUp
from edge.sync.core import Event as UplinkEvent
from edge.sync.days import DayWalk
from edge.sync.outbox import Outbox
from models import ids
from models.ids import PersonId, StreamId, TerminalId
from models.punch import ClockQuality, Method
from models.ranges import Ranges
from models.wire import topics
from models.wire.codec import encode
from models.wire.messages import VERSION, Missing, PunchAck, PunchBatch, TerminalState
from models.wire.punches import to_wire
from models.wire.topics import Channel
from tests.terminals import NOW_MS

ZONE = ZoneInfo("Asia/Shanghai")
T_1 = TerminalId("t-1")


@dataclass
class Time:
    now_ms: int = NOW_MS

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms - NOW_MS + 1_000_000


@dataclass
class Pair:
    """``talk`` lets every message arrive at once and in order, and tells the state ``states`` times."""

    database: Database
    ledger: LedgerFile
    terminal_id: TerminalId = T_1
    time: Time = field(default_factory=Time)
    sent: list[PunchBatch] = field(default_factory=list)
    made: int = 0

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.ledger)
        self.news: list[UplinkEvent] = []
        self.ledger.listen(lambda stream, first, last: self.news.append(PunchMade(stream, first, last)))
        self.ingest = IngestCore(lambda: 1.0)
        self.ingest.on(Connected(), 0)
        self.connect()

    def connect(self) -> None:
        self.walk = DayWalk()
        self.missing: list[Missing] = []
        self.core = UplinkCore(self.outbox.streams(), lambda: 1.0)
        self._feed(LinkUp())

    def punch(self, count: int = 1, *, at_ms: int | None = None) -> None:
        wall = self.time.now_ms if at_ms is None else at_ms
        drafts = []
        for _ in range(count):
            self.made += 1
            serial = self.made.to_bytes(10, "big")
            who = ids.punch_id(wall, serial)
            drafts.append(
                Draft(who, PersonId("p-1"), wall + self.made, self.made, ClockQuality.SYNCED, Method.PIN)
            )
        self.ledger.append_many(drafts)
        self._feed(self.news.pop(0))

    def talk(self, states: int = 1, *, every_ms: int = 30_000) -> None:
        for _ in range(states):
            self.time.now_ms += every_ms
            self.arrive(Channel.STATE, encode(self.state()))

    def state(self) -> TerminalState:
        mark = self.outbox.watermark(self.time)
        missing, self.missing = tuple(self.missing), []
        return TerminalState(
            VERSION,
            self.terminal_id,
            online=True,
            at_ms=mark.at_ms,
            boot=mark.boot,
            stream_id=mark.stream_id,
            highest=mark.highest,
            waiting=mark.waiting,
            clock=2,
            kept=mark.kept,
            days=self.walk.next(mark.days),
            missing=missing,
        )

    def arrive(self, channel: Channel, payload: bytes) -> None:
        message = Message(topics.topic(self.terminal_id, channel), payload)
        effects = list(self.ingest.on(Came((Delivery(message, 1, 1),)), 0))
        while effects:
            effect = effects.pop(0)
            if isinstance(effect, Commit):
                with self.database.write() as connection:
                    received = receive_all(connection, effect.messages, self.time.now_ms, ZONE)
                effects += self.ingest.on(Committed(tuple(received)), 0)
            elif isinstance(effect, Tell):
                self._feed(Acked(effect.ack))
            assert not isinstance(effect, Isolate)

    def hear(self, ack: PunchAck) -> None:
        self._feed(Acked(ack))

    def _feed(self, event: UplinkEvent) -> None:
        self.news.append(event)
        while self.news:
            for effect in self.core.on(self.news.pop(0), self.time.monotonic_ms()):
                match effect:
                    case Publish(stream, seqs):
                        self._publish(stream, seqs)
                    case MarkDelivered(stream, seqs):
                        self.outbox.mark_delivered(stream, seqs, self.time.now_ms)
                    case Refuse(stream, refusals):
                        self.outbox.refuse(stream, refusals, self.time.now_ms)
                    case Reopen(stream, seqs):
                        self.outbox.reopen(stream, seqs)
                        self.walk.begin_again()
                    case Reissue(stream, seqs):
                        self.outbox.reissue(stream, seqs, KEY_CONFLICT, self.time.now_ms)
                    case OpenStream():
                        self.outbox.open_stream()

    def _publish(self, stream: StreamId, seqs: Ranges) -> None:
        load = self.outbox.load(stream, seqs, self.time)
        if load.punches:
            wires = tuple(map(to_wire, load.punches))
            batch = PunchBatch(
                VERSION,
                self.terminal_id,
                stream,
                self.ledger.boot,
                load.at_ms,
                load.at_monotonic_ms,
                load.lowest,
                load.highest,
                wires,
            )
            self.sent.append(batch)
            self.arrive(Channel.UP, encode(batch))
        if gone := seqs - Ranges.of((punch.seq, punch.seq) for punch in load.punches):
            self.missing += [Missing(stream, *span) for span in gone.spans]
            self.news.append(Gone(stream, gone))

"""The uplink's thread: the core's decisions carried out on the ledger and the links to the cloud.

Everything that happens becomes an item of one queue, so one thread alone touches core and links.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import assert_never

import structlog
from msgspec import structs

from edge.backoff import jitter
from edge.errors import EdgeError
from edge.health.clock_quality import CloudTime
from edge.health.parts import AWAY
from edge.punch.ledger import Ledger
from edge.sync.core import (
    KEY_CONFLICT,
    Acked,
    Connected,
    Disconnected,
    Effect,
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
from edge.sync.days import DayWalk
from edge.sync.link import Login
from edge.sync.links import Heard, LinkDown, Links, LinkUp
from edge.sync.mqtt import parse_broker
from edge.sync.outbox import Load, Outbox, Watermark
from edge.sync.ways import Way
from models.clock import Clock
from models.crashpoint import crashpoint
from models.ids import StreamId
from models.punch import ClockQuality
from models.ranges import Ranges
from models.wire.codec import Malformed, decode, encode
from models.wire.messages import (
    VERSION,
    DesiredState,
    Missing,
    Part,
    PunchAck,
    PunchBatch,
    TerminalState,
)
from models.wire.punches import to_wire
from models.wire.topics import Channel

STATE_EVERY_MS = 30_000
_MISSING_A_STATE = 20
_STATE_GAP_MS = 1_000
_DRAINED_GAP_MS = 5_000
_LOOK_EVERY_S = 1.0
_REBUILD_MS = 2_000
_LAST_WORD_S = 2.0
_JOIN_S = 15.0
_SENDER_BYTES = 8

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What the terminal says of itself beside its outbox; fields as in TerminalState."""

    clock: ClockQuality = ClockQuality.UNTRUSTED
    parts: tuple[Part, ...] = ()
    people: int = 0
    faces: int = 0
    fingers: int = 0
    roster_version: str = ""
    app_version: str = ""


@dataclass(frozen=True, slots=True)
class _Look:
    """Wakes the thread: something outside changed."""


_Item = PunchMade | LinkUp | LinkDown | Heard | _Look


class Uplink:
    """Delivers what ``ledger`` holds to the cloud of ``login``, by its broker or by HTTPS.

    Args:
        report: what to say of the terminal; asked about once a second, so it should be cheap.
        on_want: called from the uplink's thread with each desired state the cloud announces.

    Raises:
        BadSettings: the broker's address is not one.
    """

    def __init__(
        self,
        ledger: Ledger,
        login: Login,
        clock: Clock,
        *,
        report: Callable[[], Report] = Report,
        on_want: Callable[[DesiredState], None] | None = None,
    ) -> None:
        parse_broker(login.broker_url)
        self._outbox = Outbox(ledger)
        self._ledger = ledger
        self._login = login
        self._clock = clock
        self._report = report
        self._on_want = on_want
        self._items: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._drained = threading.Event()
        self._leaving = False
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)
        self._sender = ledger.random(_SENDER_BYTES)
        self._core = UplinkCore((), jitter, self._sender)
        self._stale = True
        self._links = Links(login, clock, self._items.put, hello=self._hello, will=self._will)
        self._trouble: str | None = None
        self._said: Report | None = None
        self._said_ms = -STATE_EVERY_MS
        self._said_empty_at = -1
        self._walk = DayWalk()
        self._missing: list[Missing] = []
        self._cloud_time = CloudTime()
        self._cloud_ms = 0
        self._pending = self._outbox.waiting()
        self._is_silent = False
        ledger.listen(self._on_appended)

    # -- for other threads -----------------------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Whether the terminal is connected now, one way or the other."""
        return self._links.in_use is not None

    @property
    def answered(self) -> bool:
        """Whether the terminal is connected and the cloud, when last asked, answered."""
        return self.online and not self._is_silent

    @property
    def offset_ms(self) -> int | None:
        """The cloud's clock minus ours now, by its newest timely acknowledgement; None before the first."""
        return self._cloud_time.offset_ms(
            wall_ms=self._clock.wall_ms(), monotonic_ms=self._clock.monotonic_ms()
        )

    @property
    def pending(self) -> int:
        """Punches that still have to reach the cloud, as this thread last knew; never waits for the disk."""
        return self._pending

    def waiting(self) -> int:
        """Punches that still have to reach the cloud, by the ledger's word."""
        return self._outbox.waiting()

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self) -> None:
        """Say that the terminal leaves, disconnect, end the thread; nothing waiting is lost."""
        self._stopping.set()
        self._items.put(_Look())
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def run_until_drained(self, timeout_s: float) -> bool:
        """Start, wait until the cloud has acknowledged everything, stop; False if time ran out."""
        self._leaving = True
        self.start()
        drained = self._drained.wait(timeout_s)
        self.stop()
        return drained

    def _on_appended(self, stream_id: StreamId, first: int, last: int) -> None:
        self._items.put(PunchMade(stream_id, first, last))

    # -- the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._step()
            except EdgeError as error:
                self._start_over(str(error))
            except Exception as error:  # whatever it was, what waits must still be delivered
                if self._trouble is None:
                    log.exception("uplink_failed")
                self._start_over(type(error).__name__)
        self._leave()

    def _step(self) -> None:
        if self._stale:
            self._rebuild()
        self._links.look(self._clock.monotonic_ms(), silent=self._core.is_silent)
        item = self._next_item()
        now = self._clock.monotonic_ms()
        match item:
            case None:
                self._feed(Tick(), now)
            case PunchMade():
                self._drained.clear()
                self._feed(item, now)
            case LinkUp() | LinkDown():
                if self._links.take(item, now):
                    self._changed_way(now)
            case Heard():
                self._hear(item, now)
            case _Look():
                pass
            case _:
                assert_never(item)
        self._pending = self._core.waiting
        self._is_silent = self._core.is_silent
        self._tell_state(now)

    def _next_item(self) -> _Item | None:
        now = self._clock.monotonic_ms()
        due = [self._core.due_ms(), self._links.due_ms()]
        waits = [max(0, at - now) / 1000 for at in due if at is not None]
        try:
            return self._items.get(timeout=min([_LOOK_EVERY_S, *waits]))
        except queue.Empty:
            return None

    def _rebuild(self) -> None:
        """Make the core anew from the ledger; news still queued is in there too, which does no harm."""
        self._core = UplinkCore(self._outbox.streams(), jitter, self._sender)
        self._stale = False
        if self.online:
            self._feed(Connected(), self._clock.monotonic_ms())

    def _start_over(self, reason: str) -> None:
        if reason != self._trouble:
            log.warning("uplink_started_over", reason=reason)
        self._trouble = reason
        self._stale = True
        self._stopping.wait(_REBUILD_MS / 1000)

    # -- the links -------------------------------------------------------------------------------------------

    def _changed_way(self, now: int) -> None:
        """Punches go another way, or none: what was under way is sent again, which adds nothing twice."""
        if self._links.in_use is None:
            self._feed(Disconnected(), now)
            return
        self._said = None
        self._tell_state(now)
        self._feed(Connected(), now)

    def _leave(self) -> None:
        last_word = None
        with suppress(EdgeError):
            last_word = self._will()
        self._links.leave(last_word, _LAST_WORD_S)

    def _hello(self) -> bytes:
        return encode(self._state(self._outbox.watermark(self._clock), self._report(), online=True))

    def _will(self) -> bytes:
        return encode(self._state(self._outbox.watermark(self._clock), self._report(), online=False))

    # -- what the core decides -------------------------------------------------------------------------------

    def _feed(self, event: Event, now: int) -> None:
        pending: list[Event] = [event]
        while pending:
            for effect in self._core.on(pending.pop(0), now):
                pending.extend(self._perform(effect))

    def _perform(self, effect: Effect) -> tuple[Event, ...]:
        wall_ms = self._clock.wall_ms()
        match effect:
            case Publish(stream_id, seqs):
                return self._publish(stream_id, seqs)
            case MarkDelivered(stream_id, seqs):
                crashpoint("ack_received")
                self._outbox.mark_delivered(stream_id, seqs, self._cloud_ms)
                crashpoint("ack_marked")
                self._trouble = None
            case Refuse(stream_id, refusals):
                log.warning("punches_refused", refusals=refusals, stream=stream_id.hex())
                self._outbox.refuse(stream_id, refusals, wall_ms)
            case Reopen(stream_id, seqs):
                log.warning("punches_asked_again", seqs=seqs.spans, stream=stream_id.hex())
                self._outbox.reopen(stream_id, seqs)
                self._walk.begin_again()
            case OpenStream(known):
                log.error("ledger_is_an_older_copy", the_cloud_knows=known)
                self._outbox.open_stream()
            case Reissue(stream_id, seqs):
                log.warning("punches_reissued", seqs=seqs.spans, stream=stream_id.hex())
                self._outbox.reissue(stream_id, seqs, KEY_CONFLICT, wall_ms)
            case _:
                assert_never(effect)
        return ()

    def _publish(self, stream_id: StreamId, seqs: Ranges) -> tuple[Event, ...]:
        load = self._outbox.load(stream_id, seqs, self._clock)
        if load.punches:
            batch = PunchBatch(
                version=VERSION,
                terminal_id=self._login.terminal_id,
                stream_id=stream_id,
                boot=self._ledger.boot,
                sent_ms=self._best_ms(load),
                sent_monotonic_ms=load.at_monotonic_ms,
                lowest=load.lowest,
                highest=load.highest,
                punches=tuple(map(to_wire, load.punches)),
                sender=self._sender,
            )
            crashpoint("batch_before_publish")
            self._links.publish(Channel.UP, encode(batch))
            crashpoint("batch_published")
        gone = seqs - Ranges.of((punch.seq, punch.seq) for punch in load.punches)
        if gone:
            self._missing += [Missing(stream_id, *span) for span in gone.spans]
        return (Gone(stream_id, gone),) if gone else ()

    def _best_ms(self, load: Load) -> int:
        """The moment of ``load`` as well as we know it: from the cloud's own clock, where it has told us."""
        now_ms = self._cloud_time.now_ms(load.at_monotonic_ms)
        return load.at_ms if now_ms is None else now_ms

    def _hear(self, heard: Heard, now: int) -> None:
        if heard.channel is Channel.ACK:
            ack = decode(heard.payload, PunchAck)
            if isinstance(ack, Malformed):
                log.warning("ack_malformed", reason=ack.reason)
                return
            self._links.heard(heard.way)
            if self._core.answers(ack):
                self._cloud_time.heard(
                    sent_monotonic_ms=ack.echo_monotonic_ms, server_ms=ack.server_ms, now_monotonic_ms=now
                )
            self._cloud_ms = ack.server_ms
            self._feed(Acked(ack), now)
        elif heard.channel is Channel.WANT and self._on_want is not None:
            want = decode(heard.payload, DesiredState)
            if isinstance(want, Malformed):
                log.warning("want_malformed", reason=want.reason)
            else:
                self._on_want(want)

    # -- the state message -----------------------------------------------------------------------------------

    def _tell_state(self, now: int) -> None:
        """Say how the terminal is: at birth, regularly, on change, and when the outbox has run empty."""
        if not self.online:
            return
        report, silent_ms = self._report(), now - self._said_ms
        emptied = not self._core.waiting and self._said_empty_at != self._core.highest
        if (
            self._said is None
            or silent_ms >= STATE_EVERY_MS
            or (report != self._said and silent_ms >= _STATE_GAP_MS)
            or (emptied and (self._leaving or silent_ms >= _DRAINED_GAP_MS))
        ):
            self._say(report)
            self._said, self._said_ms = report, now

    def _say(self, report: Report) -> None:
        mark = self._outbox.watermark(self._clock)
        if not mark.waiting:
            self._said_empty_at = mark.highest
            self._drained.set()
        state = structs.replace(
            self._state(mark, report, online=True),
            kept=mark.kept,
            days=self._walk.next(mark.days),
            missing=tuple(self._missing[:_MISSING_A_STATE]),
        )
        # If the cloud does not hear of them, it asks again.
        del self._missing[:_MISSING_A_STATE]
        self._links.publish(Channel.STATE, encode(state), retain=True)

    def _state(self, mark: Watermark, report: Report, *, online: bool) -> TerminalState:
        return TerminalState(
            version=VERSION,
            terminal_id=self._login.terminal_id,
            online=online,
            at_ms=mark.at_ms,
            boot=mark.boot,
            stream_id=mark.stream_id,
            highest=mark.highest,
            waiting=mark.waiting,
            oldest_waiting_ms=mark.oldest_waiting_ms,
            clock=int(report.clock),
            clock_offset_ms=self.offset_ms,
            parts=report.parts + self._detour(),
            people=report.people,
            faces=report.faces,
            fingers=report.fingers,
            roster_version=report.roster_version,
            app_version=report.app_version,
        )

    def _detour(self) -> tuple[Part, ...]:
        """What is wrong with the broker, while HTTPS is in use instead."""
        if self._links.in_use is not Way.HTTPS:
            return ()
        return (Part("broker", AWAY, self._links.trouble or "nobody answers behind it"),)

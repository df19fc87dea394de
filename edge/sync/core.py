"""What the uplink does, without input or output: ``on(event, now) -> effects``.

Only the cloud's own acknowledgement marks a punch delivered. At most four batches of at most 100 punches are
under way. A punch made while connected goes first and alone, beside four batches too; the backlog follows,
oldest first. A batch that nobody acknowledges is sent again, ever more slowly while the cloud is silent. What
the cloud refuses is kept and not sent again. All of this state can be made anew from the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import assert_never

from edge.sync.outbox import StreamOutbox
from models.ids import StreamId
from models.ranges import Ranges
from models.wire.messages import BATCH_MAX_PUNCHES, PunchAck

WINDOW = 4
LIVE_WINDOW = WINDOW + 1
"""A punch of now has a place of its own: behind four batches of a backlog somebody would wait for it."""
RESEND_FIRST_MS = 5_000
RESEND_LAST_MS = 300_000
KEY_CONFLICT = "key_conflict"
"""The refusal that says: the cloud knows another punch under this stream and seq."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The link is up and our topics are subscribed."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The link is down; what was under way may or may not have arrived."""


@dataclass(frozen=True, slots=True)
class PunchMade:
    """Seqs ``first`` to ``last`` were committed to the ledger; a stream never heard of is a new one."""

    stream_id: StreamId
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Acked:
    """The cloud spoke."""

    ack: PunchAck


@dataclass(frozen=True, slots=True)
class Gone:
    """The ledger keeps these no longer, so they cannot be sent."""

    stream_id: StreamId
    seqs: Ranges


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went by; see :meth:`UplinkCore.due_ms`."""


Event = Connected | Disconnected | PunchMade | Acked | Gone | Tick


@dataclass(frozen=True, slots=True)
class Publish:
    """Send these punches as one batch."""

    stream_id: StreamId
    seqs: Ranges


@dataclass(frozen=True, slots=True)
class MarkDelivered:
    """The cloud has committed these."""

    stream_id: StreamId
    seqs: Ranges


@dataclass(frozen=True, slots=True)
class Refuse:
    """The cloud put these aside; ``(seq, code)``."""

    stream_id: StreamId
    refusals: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Reopen:
    """The cloud asks again for what it once acknowledged."""

    stream_id: StreamId
    seqs: Ranges


@dataclass(frozen=True, slots=True)
class Reissue:
    """The cloud knows other punches under these numbers: put them aside, renumber them in a new stream."""

    stream_id: StreamId
    seqs: Ranges


@dataclass(frozen=True, slots=True)
class OpenStream:
    """The cloud has heard of punches this ledger never made: it is an older copy; go on in a new stream."""

    known: int


Effect = Publish | MarkDelivered | Refuse | Reopen | Reissue | OpenStream


@dataclass(slots=True)
class _Stream:
    highest: int
    waiting: Ranges
    refused: Ranges
    # One that was on the card already may be an old copy, whatever it was opened for; one of this run cannot.
    reissuable: bool
    live: Ranges = field(default_factory=Ranges)
    sent: Ranges = field(default_factory=Ranges)
    is_old: bool = False


@dataclass(slots=True)
class _Flight:
    """A batch sent and not yet acknowledged, due to be sent again at ``due_ms``."""

    stream_id: StreamId
    seqs: Ranges
    sent_ms: int
    due_ms: int
    attempt: int


class UplinkCore:
    """The uplink's decisions.

    Args:
        streams: the outbox.
        jitter: gives the factor of each waiting time, 0.8 to 1.2.
        sender: what its batches say of who sends them; see ``PunchBatch``.
    """

    def __init__(
        self, streams: Iterable[StreamOutbox], jitter: Callable[[], float], sender: bytes = b""
    ) -> None:
        self._streams = {
            each.stream_id: _Stream(each.highest, each.waiting, each.refused, reissuable=True)
            for each in streams
        }
        self._jitter = jitter
        self._sender = sender
        self._connected = False
        self._flights: list[_Flight] = []
        # Batches that went unanswered and gave their place in the window to others.
        self._deferred: list[_Flight] = []
        self._silence = 0
        self._heard_ms = -1

    @property
    def in_flight(self) -> int:
        """Batches under way."""
        return len(self._flights)

    @property
    def is_silent(self) -> bool:
        """Whether the newest batches went unanswered."""
        return self._silence > 0

    @property
    def highest(self) -> int:
        """The newest seq of the stream that grows, 0 before its first punch."""
        return next((stream.highest for stream in reversed(self._streams.values())), 0)

    @property
    def waiting(self) -> int:
        """Punches that still have to be acknowledged."""
        return sum(len(stream.waiting) for stream in self._streams.values())

    def due_ms(self) -> int | None:
        """The monotonic time at which the next :class:`Tick` changes something, if any will."""
        held = self._deferred if len(self._flights) < WINDOW else ()
        return min((flight.due_ms for flight in (*self._flights, *held)), default=None)

    def on(self, event: Event, now_ms: int) -> tuple[Effect, ...]:
        """What to do about ``event``, in this order. ``now_ms`` is monotonic."""
        match event:
            case Connected():
                self._start(connected=True)
            case Disconnected():
                self._start(connected=False)
            case PunchMade():
                self._made(event)
            case Gone():
                self._forget(event.stream_id, event.seqs)
            case Acked():
                return (*self._acked(event.ack, now_ms), *self._fill(now_ms))
            case Tick():
                return (*self._time_out(now_ms), *self._fill(now_ms))
            case _:
                assert_never(event)
        return self._fill(now_ms)

    def _start(self, *, connected: bool) -> None:
        self._connected = connected
        self._flights.clear()
        self._deferred.clear()
        self._silence = 0
        for stream in self._streams.values():
            stream.live = Ranges()

    def _made(self, event: PunchMade) -> None:
        stream = self._streams.setdefault(event.stream_id, _Stream(0, Ranges(), Ranges(), reissuable=False))
        seqs = Ranges.of([(event.first, event.last)])
        stream.highest = max(stream.highest, event.last)
        stream.waiting |= seqs
        if event.first == event.last:
            stream.live |= seqs

    # -- acknowledgements ------------------------------------------------------------------------------------

    def _acked(self, ack: PunchAck, now_ms: int) -> list[Effect]:
        stream_id = StreamId(ack.stream_id)
        stream = self._streams.get(stream_id)
        if stream is None:
            return []
        known = Ranges.of([(1, stream.highest)])
        # An acknowledgement of what this run never sent speaks of a copy of this card: the same numbers,
        # other punches. What was sent before a restart is sent again, which adds nothing twice.
        committed = Ranges.of(ack.committed) & stream.sent if self.answers(ack) else Ranges()
        effects: list[Effect] = []
        if delivered := committed & (stream.waiting | stream.refused):
            stream.refused -= delivered
            self._forget(stream_id, delivered)
            effects.append(MarkDelivered(stream_id, delivered))
        if self.answers(ack):
            effects += self._refuse(stream_id, stream, ack)
        if ack.known > stream.highest and not stream.is_old and self._grows(stream_id):
            stream.is_old = True
            effects.append(OpenStream(ack.known))
        if needed := (Ranges.of(ack.needed) & known) - committed - stream.waiting - stream.refused:
            stream.waiting |= needed
            effects.append(Reopen(stream_id, needed))
        self._hear(now_ms)
        return effects

    def answers(self, ack: PunchAck) -> bool:
        """Whether the ack is for a batch of ours; an old cloud does not tell."""
        return ack.sender in {b"", self._sender}

    def _grows(self, stream_id: StreamId) -> bool:
        return next(reversed(self._streams)) == stream_id

    def _refuse(self, stream_id: StreamId, stream: _Stream, ack: PunchAck) -> list[Effect]:
        refusals = {each.seq: each.code for each in ack.refused if each.seq in stream.waiting}
        if not refusals:
            return []
        conflicts = Ranges.of(
            (seq, seq) for seq, code in refusals.items() if code == KEY_CONFLICT and stream.reissuable
        )
        others = tuple((seq, code) for seq, code in refusals.items() if seq not in conflicts)
        refused = Ranges.of((seq, seq) for seq in refusals)
        stream.refused |= refused
        self._forget(stream_id, refused)
        effects: list[Effect] = []
        if others:
            effects.append(Refuse(stream_id, others))
        if conflicts:
            effects.append(Reissue(stream_id, conflicts))
        return effects

    def _hear(self, now_ms: int) -> None:
        """The cloud lives: what was held back because it was silent is due soon."""
        self._heard_ms = now_ms
        if self._silence:
            self._silence = 0
            for flight in (*self._flights, *self._deferred):
                if flight.attempt:
                    flight.attempt = 0
                    flight.due_ms = min(flight.due_ms, now_ms + self._patience_ms(0))

    def _forget(self, stream_id: StreamId, seqs: Ranges) -> None:
        stream = self._streams[stream_id]
        stream.waiting -= seqs
        stream.live -= seqs
        for flight in (*self._flights, *self._deferred):
            if flight.stream_id == stream_id:
                flight.seqs -= seqs
        self._flights = [flight for flight in self._flights if flight.seqs]
        self._deferred = [flight for flight in self._deferred if flight.seqs]

    # -- sending ---------------------------------------------------------------------------------------------

    def _time_out(self, now_ms: int) -> list[Effect]:
        if not self._connected:
            return []
        effects: list[Effect] = []
        for flight in [each for each in self._flights if each.due_ms <= now_ms]:
            flight.attempt += 1
            if flight.sent_ms > self._heard_ms:
                self._silence = max(self._silence, flight.attempt)
            if self._next() is not None:
                # Others have not been tried yet: a batch the cloud never answers must not block them.
                self._flights.remove(flight)
                flight.due_ms = now_ms + self._patience_ms(flight.attempt)
                self._deferred.append(flight)
            else:
                effects.append(self._send(flight, now_ms))
        return effects

    def _fill(self, now_ms: int) -> tuple[Effect, ...]:
        if not self._connected:
            return ()
        effects: list[Effect] = []
        while True:
            live = self._next_live()
            window = WINDOW if live is None else LIVE_WINDOW
            if live is not None and len(self._flights) >= window:
                self._make_room(now_ms)
            if len(self._flights) >= window:
                break
            flight = self._due_again(now_ms) if live is None else None
            if flight is None:
                found = live or self._next()
                if found is None:
                    break
                flight = _Flight(*found, sent_ms=now_ms, due_ms=0, attempt=self._silence)
            self._flights.append(flight)
            effects.append(self._send(flight, now_ms))
        return tuple(effects)

    def _send(self, flight: _Flight, now_ms: int) -> Publish:
        flight.sent_ms = now_ms
        flight.due_ms = now_ms + self._patience_ms(flight.attempt)
        stream = self._streams[flight.stream_id]
        stream.live -= flight.seqs
        stream.sent |= flight.seqs
        return Publish(flight.stream_id, flight.seqs)

    def _make_room(self, now_ms: int) -> None:
        """Give a place to a live punch, from the batch that went unanswered longest."""
        stale = max(
            (each for each in self._flights if each.attempt), key=lambda each: each.attempt, default=None
        )
        if stale is not None:
            self._flights.remove(stale)
            stale.due_ms = max(stale.due_ms, now_ms)
            self._deferred.append(stale)

    def _due_again(self, now_ms: int) -> _Flight | None:
        due = min(self._deferred, key=lambda each: each.due_ms, default=None)
        if due is None or due.due_ms > now_ms:
            return None
        self._deferred.remove(due)
        due.attempt = max(due.attempt, self._silence)
        return due

    def _next_live(self) -> tuple[StreamId, Ranges] | None:
        for stream_id, stream in reversed(self._streams.items()):
            if stream.live:
                return stream_id, stream.live.last(BATCH_MAX_PUNCHES)
        return None

    def _next(self) -> tuple[StreamId, Ranges] | None:
        for stream_id, stream in self._streams.items():
            if ready := stream.waiting - self._under_way(stream_id):
                return stream_id, ready.first(BATCH_MAX_PUNCHES)
        return None

    def _under_way(self, stream_id: StreamId) -> Ranges:
        return Ranges.of(
            span
            for flight in (*self._flights, *self._deferred)
            if flight.stream_id == stream_id
            for span in flight.seqs.spans
        )

    def _patience_ms(self, attempt: int) -> int:
        return int(min(RESEND_FIRST_MS << min(attempt, 10), RESEND_LAST_MS) * self._jitter())

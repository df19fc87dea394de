"""Opening a message: who speaks, what it is, and what of it can be taken. Pure."""

from __future__ import annotations

from typing import Self

from msgspec import Struct, field
from msgspec.structs import replace

from cloud.ingest.batch import Batch, read
from cloud.ingest.quarantine import KEPT_BYTES, Code, PutAside
from models.ids import TerminalId
from models.wire import topics
from models.wire.codec import PAYLOAD_MAX_BYTES, Malformed, decode
from models.wire.messages import TerminalState, WirePunch
from models.wire.topics import Channel


class Message(Struct, frozen=True):
    """What came by a topic.

    Attributes:
        retained: the broker had kept it, so it says nothing about now.
        size: of what came, in bytes; if it is more than ``payload`` has, that is only its beginning.
        by_hand: an admin brought it in a file whose signature was checked. It says nothing about now, and a
            terminal that was revoked since may have written it.
    """

    topic: str
    payload: bytes
    retained: bool = False
    size: int = 0
    by_hand: bool = False

    @classmethod
    def of(cls, topic: str, payload: bytes | bytearray, *, retained: bool = False) -> Self:
        """What came; of a payload that is too large only the beginning is held."""
        kept = payload if len(payload) <= PAYLOAD_MAX_BYTES else payload[:KEPT_BYTES]
        return cls(topic, bytes(kept), retained, len(payload))


class Opened(Struct):
    """A message on its way through the ingest.

    Attributes:
        batch: the batch to answer; its punches are taken only if ``accepted``.
        refused: code by seq, to be told to the terminal.
        aside: what goes to quarantine.
    """

    message: Message
    terminal_id: TerminalId | None = None
    batch: Batch | None = None
    accepted: bool = False
    state: TerminalState | None = None
    refused: dict[int, str] = field(default_factory=dict)
    aside: list[PutAside] = field(default_factory=list)

    @property
    def punches(self) -> tuple[WirePunch, ...]:
        """The punches to store."""
        return self.batch.punches if self.batch is not None and self.accepted else ()

    def put_aside(self, code: Code, reason: str, payload: bytes, seq: int | None = None) -> None:
        """Put the message or one punch of it aside; a punch is refused to the terminal too."""
        self.note(code, reason, payload, seq)
        if seq is not None:
            self.refused[seq] = code.value

    def note(self, code: Code, reason: str, payload: bytes, seq: int | None = None) -> None:
        """Keep it where people see it, and refuse nothing."""
        stream = self.batch.stream_id if self.batch is not None else None
        self.aside.append(PutAside(code, reason, payload, self.message.topic, self.terminal_id, stream, seq))


def open_message(message: Message, known: dict[str, bool]) -> Opened:
    """What ``message`` is; ``known`` says of each claimed terminal whether it was revoked."""
    opened = Opened(message)
    topic = topics.parse(message.topic)
    if topic is None or topic.channel not in {Channel.UP, Channel.STATE}:
        opened.put_aside(Code.MALFORMED, "not a topic of terminals", message.payload)
    elif topic.terminal_id not in known:
        reason = f"no terminal {topic.terminal_id} was claimed"
        opened.put_aside(Code.UNKNOWN_TERMINAL, reason, message.payload)
    else:
        opened.terminal_id = topic.terminal_id
        if message.size > len(message.payload):
            reason = f"{message.size} bytes, at most {PAYLOAD_MAX_BYTES} are taken"
            opened.put_aside(Code.MALFORMED, reason, message.payload)
            return opened
        open_payload = _open_state if topic.channel is Channel.STATE else _open_batch
        open_payload(opened, revoked=known[topic.terminal_id] and not message.by_hand)
    return opened


def _open_state(opened: Opened, *, revoked: bool) -> None:
    payload = opened.message.payload
    state = decode(payload, TerminalState)
    if isinstance(state, Malformed):
        opened.put_aside(Code.MALFORMED, state.reason, payload)
    elif state.terminal_id != opened.terminal_id:
        opened.put_aside(Code.FOREIGN_TERMINAL, "the state of another terminal", payload)
    elif not revoked:
        opened.state = state


def _open_batch(opened: Opened, *, revoked: bool) -> None:
    payload = opened.message.payload
    batch = read(payload)
    if isinstance(batch, Malformed):
        opened.put_aside(Code.MALFORMED, batch.reason, payload)
        return
    opened.batch = batch
    if batch.terminal_id != opened.terminal_id:
        _refuse_all(opened, Code.FOREIGN_TERMINAL, "a batch of another terminal")
    elif revoked:
        _refuse_all(opened, Code.REVOKED_TERMINAL, "the terminal was revoked")
    else:
        opened.accepted = True
        if opened.message.retained:
            opened.batch = _of_another_time(batch)
        for part in batch.damaged:
            opened.put_aside(Code.MALFORMED, part.reason, part.raw, part.seq)


def _of_another_time(batch: Batch) -> Batch:
    """The batch without what it said about the moment of its sending: only its punches count."""
    highest = max((punch.seq for punch in batch.punches), default=1)
    return replace(batch, sent_ms=0, sent_monotonic_ms=0, lowest=1, highest=highest)


def _refuse_all(opened: Opened, code: Code, reason: str) -> None:
    opened.put_aside(code, reason, opened.message.payload)
    if opened.batch is not None:
        opened.refused = {punch.seq: code.value for punch in opened.batch.punches}

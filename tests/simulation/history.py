"""What happened at the doors, and what must be true of it: a checker in the manner of Jepsen.

Each attempt to punch is ``invoke`` -> ``ok`` (the screen said recorded), ``fail`` (it said NOT recorded),
``again`` (it said: you have just punched) or ``info`` (the terminal died in between: both may be true).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from models.ids import PersonId, StreamId, TerminalId
from models.punch import Punch
from models.ranges import Ranges

INFO, OK, FAIL, AGAIN = "info", "ok", "fail", "again"


class Key(NamedTuple):
    """The identity of a punch in the cloud."""

    terminal_id: str
    stream_id: bytes
    seq: int


@dataclass(frozen=True, slots=True)
class Content:
    """What must not change on the way."""

    person_id: str
    wall_ms: int
    monotonic_ms: int
    clock: int
    method: int
    direction: int
    score_milli: int | None


def content(punch: Punch) -> Content:
    """What the terminal stored."""
    return Content(
        punch.person_id,
        punch.wall_ms,
        punch.monotonic_ms,
        int(punch.clock),
        int(punch.method),
        int(punch.direction),
        punch.score_milli,
    )


@dataclass(slots=True)
class Attempt:
    """One person at one door, once.

    Attributes:
        wall_ms: what the terminal's clock showed.
        true_ms: when it was.
        card: the disk it went to; see ``destroyed``.
        destroyed: its card was overwritten or broken by hand before the cloud had it.
        maybe: the disk failed while it was being made durable, so a failure may still have been kept.
    """

    person_id: PersonId
    terminal_id: TerminalId
    card: str
    punch_id: bytes
    wall_ms: int
    true_ms: int
    outcome: str = INFO
    made: Content | None = None
    boot: int = 0
    destroyed: bool = False
    maybe: bool = False


class Violation(NamedTuple):
    """One broken promise."""

    invariant: str
    detail: str


class Failed(Exception):
    """The first violation ends the run: what follows from it only confuses."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(f"{violation.invariant}: {violation.detail}")
        self.violation = violation


@dataclass(slots=True)
class History:
    """Everything the checker knows.

    Attributes:
        committed: what the cloud has told or stored, ever; ``stored_ids`` are the same by terminal and id.
        reached: counts the rare paths that must have been taken sometimes.
    """

    attempts: dict[bytes, Attempt] = field(default_factory=dict)
    committed: dict[Key, bytes] = field(default_factory=dict)
    stored_ids: set[tuple[str, bytes | None]] = field(default_factory=set)
    reached: Counter[str] = field(default_factory=Counter)

    def fail(self, invariant: str, detail: str) -> None:
        """A promise was broken."""
        raise Failed(Violation(invariant, detail))

    def invoke(self, attempt: Attempt) -> Attempt:
        """Somebody stands at the door and was identified."""
        self.attempts[attempt.punch_id] = attempt
        return attempt

    def cloud_committed(self, key: Key, punch_id: bytes, made: Content) -> None:
        """The cloud's transaction with this new row is durable."""
        attempt = self.attempts.get(punch_id)
        if attempt is None:
            self.fail("ghost", f"nobody made punch {punch_id.hex()} at {key}")
        elif attempt.outcome == FAIL and not attempt.maybe:
            self.fail("ghost", f"punch {punch_id.hex()} was said not to be recorded")
        elif attempt.outcome == AGAIN:
            self.fail("ghost", f"punch {punch_id.hex()} was a repeat and nothing else")
        elif attempt.made is not None and attempt.made != made:
            self.fail("altered", f"punch {punch_id.hex()} is {made}, was {attempt.made}")
        elif attempt.person_id != made.person_id or attempt.wall_ms != made.wall_ms:
            self.fail("altered", f"punch {punch_id.hex()} is {made}, was {attempt}")
        self.committed[key] = punch_id
        self.stored_ids.add((key.terminal_id, punch_id))

    def acked(
        self, terminal_id: TerminalId, stream_id: StreamId, seqs: Ranges, here: dict[int, bytes]
    ) -> None:
        """A terminal is about to mark ``seqs`` as delivered; ``here`` are its own punches under them."""
        for seq in seqs:
            stored = self.committed.get(Key(terminal_id, stream_id, seq))
            if stored is None and (terminal_id, here.get(seq)) in self.stored_ids:
                self.reached["acknowledged as counted under another key"] += 1
            elif stored is None:
                self.fail("ack above committed", f"{terminal_id} seq {seq} was never committed")
            elif here.get(seq, stored) != stored:
                self.fail("ack of another", f"{terminal_id} seq {seq}: the cloud holds another punch")

    def on_card(self, card: str, kept: set[bytes]) -> None:
        """A terminal opened its ledger: what it said was recorded must be there."""
        for attempt in self.attempts.values():
            expected = attempt.card == card and attempt.outcome == OK and not attempt.destroyed
            if expected and attempt.punch_id not in kept:
                self.fail("lost on the terminal", f"{attempt} is no longer on card {card}")

    def in_cloud(self, rows: list[tuple[Key, bytes, Content]]) -> None:
        """Everything has healed: the cloud's table must say exactly what happened."""
        seen: Counter[bytes] = Counter(punch_id for _, punch_id, _ in rows)
        for punch_id, count in sorted(seen.items()):
            if count > 1:
                self.fail("doubled", f"punch {punch_id.hex()} is stored {count} times")
        for key, punch_id, made in rows:
            if key not in self.committed:
                self.cloud_committed(key, punch_id, made)
            if (made_here := self.attempts[punch_id].made) is not None and made_here != made:
                self.fail("altered", f"punch {punch_id.hex()} is {made}, was {made_here}")
        for attempt in self.attempts.values():
            if attempt.outcome == OK and not attempt.destroyed and attempt.punch_id not in seen:
                self.fail("lost", f"{attempt} is not in the cloud")

"""Punch: one raw immutable fact. Who, when, where, by what evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from models.ids import PersonId, PunchId, StreamId, TerminalId


class Method(IntEnum):
    """By what evidence the person was known."""

    FINGER = 1
    FACE = 2
    PIN = 3
    CARD = 4


class Direction(IntEnum):
    """What the person said about the punch; most doors do not ask."""

    NONE = 0
    IN = 1
    OUT = 2


class ClockQuality(IntEnum):
    """How far ``wall_ms`` can be trusted.

    ``UNTRUSTED``: not set since boot. ``RTC``: battery or last shutdown. ``SYNCED``: NTP or the cloud's time.
    """

    UNTRUSTED = 0
    RTC = 1
    SYNCED = 2


@dataclass(frozen=True, slots=True)
class Punch:
    """A punch as the terminal stored it; nobody edits it afterwards.

    Attributes:
        terminal_id, stream_id, seq: its identity; ``seq`` counts from 1 within the stream without gaps.
        punch_id: UUIDv7; a second punch with the same identity and another id is a conflict, not a repeat.
        person_id: who was identified; the cloud may not know them (any more).
        wall_ms: the terminal's wall clock, ms since 1970 UTC.
        monotonic_ms: ms since boot number ``boot`` of this stream: re-dates the punch once time is known.
        score_milli: similarity x 1000 as the network or sensor defines it; None for PIN and card.
    """

    terminal_id: TerminalId
    stream_id: StreamId
    seq: int
    punch_id: PunchId
    person_id: PersonId
    wall_ms: int
    monotonic_ms: int
    boot: int
    clock: ClockQuality
    method: Method
    direction: Direction = Direction.NONE
    score_milli: int | None = None

"""Which way to the cloud, without input or output: the broker, or HTTPS while the broker is of no use.

The broker is the way. HTTPS is tried when the broker has been out of reach for a while, or when it is
connected and nobody behind it answers; it is left as soon as the broker is back. Punches only ever go the
one way that is in use, so a probe of the other costs a connection and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

OUTAGE_MS = 10_000
"""So long without a broker, and HTTPS is tried."""

SILENCE_MS = 10_000
"""So long with batches that nobody answers, and HTTPS is tried."""

STEADY_MS = 30_000
"""A connection that broke sooner counts as a failure. A broker drops the older of two connections of a name:
a terminal and the copy of its card would push each other off every second, and neither would get through."""


class Way(StrEnum):
    """How punches reach the cloud."""

    MQTT = "mqtt"
    HTTPS = "https"


@dataclass(frozen=True, slots=True)
class Open:
    """Begin to connect this way."""

    way: Way


@dataclass(frozen=True, slots=True)
class Close:
    """Drop this connection, whether it is up or on its way."""

    way: Way


@dataclass(frozen=True, slots=True)
class Use:
    """Punches go this way from now on; None: no way."""

    way: Way | None


Step = Open | Close | Use


class Delays(Protocol):
    """Waiting times that grow with each failure; see edge.backoff.Backoff."""

    def next_ms(self) -> int:
        """How long to wait after one more failure."""
        ...

    def reset(self) -> None:
        """It worked."""
        ...


class Ways:
    """The choice.

    Args:
        https: None if there is only the broker.
        mute: how long to leave a broker alone behind which nobody answers.
        lost: how long to wait after a connection that had lasted.
    """

    def __init__(self, mqtt: Delays, https: Delays | None, mute: Delays, lost: Delays) -> None:
        self._delays: dict[Way, Delays] = {Way.MQTT: mqtt}
        if https is not None:
            self._delays[Way.HTTPS] = https
        self._mute = mute
        self._lost = lost
        self._due_ms = dict.fromkeys(self._delays, 0)
        self._open: set[Way] = set()
        self._up_since_ms: dict[Way, int] = {}
        self._in_use: Way | None = None
        self._none_since_ms: int | None = None
        self._silent_since_ms: int | None = None

    @property
    def in_use(self) -> Way | None:
        """The way punches go."""
        return self._in_use

    @property
    def open(self) -> frozenset[Way]:
        """The ways that are connected or on their way to be."""
        return frozenset(self._open)

    def due_ms(self) -> int | None:
        """The monotonic time at which the broker is tried again, if it is to be."""
        return None if Way.MQTT in self._open else self._due_ms[Way.MQTT]

    def look(self, now_ms: int, *, silent: bool) -> tuple[Step, ...]:
        """What to try now. ``silent``: what was sent last went unanswered."""
        if not silent or self._in_use is not Way.MQTT:
            self._silent_since_ms = None
        elif self._silent_since_ms is None:
            self._silent_since_ms = now_ms
        if self._in_use is not None:
            self._none_since_ms = None
        elif self._none_since_ms is None:
            self._none_since_ms = now_ms
        wanted = [Way.MQTT, Way.HTTPS] if self._needs_https(now_ms) else [Way.MQTT]
        steps: list[Step] = []
        for way in wanted:
            if way in self._delays and way not in self._open and now_ms >= self._due_ms[way]:
                self._open.add(way)
                steps.append(Open(way))
        return tuple(steps)

    def up(self, way: Way, now_ms: int) -> tuple[Step, ...]:
        """This way is connected."""
        self._up_since_ms[way] = now_ms
        before = self._in_use
        if way is Way.HTTPS and before is Way.MQTT and self._silent_since_ms is None:
            self._open.discard(way)
            return (Close(way),)
        steps: list[Step] = []
        if before is not None and before is not way:
            self._open.discard(before)
            self._due_ms[before] = now_ms + (self._mute.next_ms() if before is Way.MQTT else 0)
            steps.append(Close(before))
        self._in_use = way
        self._silent_since_ms = None
        return (*steps, Use(way))

    def down(self, way: Way, now_ms: int) -> tuple[Step, ...]:
        """This way broke, or could not be opened."""
        self._open.discard(way)
        since_ms = self._up_since_ms.pop(way, None)
        delays = self._delays[way]
        if since_ms is not None and now_ms - since_ms >= STEADY_MS:
            delays.reset()
            delays = self._lost
        self._due_ms[way] = now_ms + delays.next_ms()
        if self._in_use is not way:
            return ()
        self._in_use = None
        self._none_since_ms = now_ms
        return (Use(None),)

    def answered(self, way: Way) -> None:
        """The cloud itself spoke on this way."""
        if way is Way.MQTT:
            self._mute.reset()

    def _needs_https(self, now_ms: int) -> bool:
        if self._in_use is Way.MQTT:
            return self._silent_since_ms is not None and now_ms - self._silent_since_ms >= SILENCE_MS
        return self._none_since_ms is not None and now_ms - self._none_since_ms >= OUTAGE_MS

"""The only place that reads the clock.

Everything else takes a :class:`Clock`. Instants are aware UTC ``datetime`` inside, integer milliseconds since
1970-01-01T00:00Z (``wall_ms``) on the wire and in stores. Deadlines and back-off use ``monotonic_ms``, which
is never stored except in a punch, beside the boot number that gives it meaning.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What a part needs to know of time."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00Z; may jump when the clock is set."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds since this boot, time asleep included; never jumps."""
        ...


class SystemClock:
    """The clock of this machine.

    Source: CLOCK_BOOTTIME of clock_gettime(2): unlike CLOCK_MONOTONIC it goes on during suspend.
    """

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00Z."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Milliseconds since this boot."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def from_ms(wall_ms: int) -> datetime:
    """The aware UTC instant of ``wall_ms``, exact to the millisecond."""
    return EPOCH + timedelta(milliseconds=wall_ms)


def to_ms(instant: datetime) -> int:
    """Milliseconds of an aware instant, floored.

    Raises:
        ValueError: the instant is naive; which moment it means cannot be known.
    """
    if instant.tzinfo is None:
        raise ValueError(f"naive time {instant.isoformat()}: an instant needs an offset")
    return (instant - EPOCH) // timedelta(milliseconds=1)

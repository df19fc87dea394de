"""How far the wall clock can be trusted, and how far it is from the cloud's."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

from models.punch import ClockQuality

NOT_BEFORE_MS = 1_767_225_600_000
"""2026-01-01T00:00Z: this program is younger, so an earlier wall clock was never set."""

AGREES_WITHIN_MS = 2_000
"""A clock this near the cloud's counts as synchronised even where no NTP server can be reached."""

IS_OFF_MS = 30_000
"""Further than this from the cloud's clock is said to people."""

ROUND_TRIP_MAX_MS = 4_000
"""A slower acknowledgement says too little: the error of the offset is half the round trip."""

_TIME_ERROR = 5
_TIMEX_BYTES = 512  # struct timex has 208 on 64-bit Linux; modes = 0 only reads


@functools.cache
def _adjtimex() -> Callable[[ctypes.Array[ctypes.c_char]], int]:
    call: Callable[[ctypes.Array[ctypes.c_char]], int] = ctypes.CDLL(None).adjtimex
    return call


def kernel_is_synchronised() -> bool:
    """Whether NTP disciplines the kernel's clock. Source: adjtimex(2), return value TIME_ERROR."""
    try:
        state = _adjtimex()(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return False
    return 0 <= state < _TIME_ERROR


def judge(
    *, wall_ms: int, synchronised: bool, offset_ms: int | None, newest_synced_ms: int = 0
) -> ClockQuality:
    """The quality of ``wall_ms``.

    Args:
        wall_ms: the wall clock's reading.
        synchronised: what the kernel says.
        offset_ms: cloud minus terminal now, if an acknowledgement of this boot told; see :class:`CloudTime`.
        newest_synced_ms: the newest trusted time the ledger knows: an earlier reading was never set.
    """
    agrees = offset_ms is not None and abs(offset_ms) <= AGREES_WITHIN_MS
    if (synchronised or agrees) and wall_ms >= NOT_BEFORE_MS:
        return ClockQuality.SYNCED
    if wall_ms < max(NOT_BEFORE_MS, newest_synced_ms):
        return ClockQuality.UNTRUSTED
    return ClockQuality.RTC


class CloudTime:
    """The cloud's time as this boot learned it, kept by the monotonic one: setting ours changes nothing."""

    def __init__(self) -> None:
        self._ahead_ms: int | None = None

    def heard(self, *, sent_monotonic_ms: int, server_ms: int, now_monotonic_ms: int) -> None:
        """Learn from an acknowledgement. One that answers no batch echoes 0; a slow one says too little."""
        round_trip = now_monotonic_ms - sent_monotonic_ms
        if sent_monotonic_ms and 0 <= round_trip <= ROUND_TRIP_MAX_MS:
            self._ahead_ms = server_ms + round_trip // 2 - now_monotonic_ms

    def now_ms(self, monotonic_ms: int) -> int | None:
        """The cloud's time at a moment of this boot; None before the first timely acknowledgement."""
        return None if self._ahead_ms is None else self._ahead_ms + monotonic_ms

    def offset_ms(self, *, wall_ms: int, monotonic_ms: int) -> int | None:
        """Cloud's clock minus ours, for a moment that both our clocks were read at."""
        now_ms = self.now_ms(monotonic_ms)
        return None if now_ms is None else now_ms - wall_ms

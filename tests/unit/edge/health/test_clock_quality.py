from __future__ import annotations

import pytest

from edge.health.clock_quality import NOT_BEFORE_MS, judge, kernel_is_synchronised, offset_ms
from models.punch import ClockQuality

NOW = NOT_BEFORE_MS + 10_000_000


@pytest.mark.parametrize(
    ("wall_ms", "synchronised", "offset", "newest", "expected"),
    [
        (NOW, True, None, 0, ClockQuality.SYNCED),
        (NOW, False, None, 0, ClockQuality.RTC),
        (NOW, False, 1_999, 0, ClockQuality.SYNCED),
        (NOW, False, -2_001, 0, ClockQuality.RTC),
        (NOW, False, None, NOW + 1, ClockQuality.UNTRUSTED),
        (NOT_BEFORE_MS - 1, False, None, 0, ClockQuality.UNTRUSTED),
        (0, True, None, 0, ClockQuality.SYNCED),
    ],
)
def test_a_clock_is_trusted_as_far_as_somebody_vouches_for_it(
    wall_ms: int, *, synchronised: bool, offset: int | None, newest: int, expected: ClockQuality
):
    found = judge(wall_ms=wall_ms, synchronised=synchronised, offset_ms=offset, newest_synced_ms=newest)

    assert found is expected


def test_the_offset_is_taken_in_the_middle_of_the_round_trip():
    found = offset_ms(sent_monotonic_ms=1_000, server_ms=50_000, now_monotonic_ms=1_400, now_wall_ms=49_000)

    assert found == 1_200


@pytest.mark.parametrize(("sent", "now"), [(1_000, 5_001), (1_000, 999), (0, 100)])
def test_a_slow_or_strange_round_trip_says_nothing(sent: int, now: int):
    assert offset_ms(sent_monotonic_ms=sent, server_ms=1, now_monotonic_ms=now, now_wall_ms=1) is None


def test_the_kernel_answers():
    assert kernel_is_synchronised() in {True, False}

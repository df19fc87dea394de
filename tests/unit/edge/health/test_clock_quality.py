from __future__ import annotations

import pytest

from edge.health.clock_quality import NOT_BEFORE_MS, CloudTime, judge, kernel_is_synchronised
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
        (0, True, None, 0, ClockQuality.UNTRUSTED),
    ],
)
def test_a_clock_is_trusted_as_far_as_somebody_vouches_for_it(
    wall_ms: int, *, synchronised: bool, offset: int | None, newest: int, expected: ClockQuality
):
    found = judge(wall_ms=wall_ms, synchronised=synchronised, offset_ms=offset, newest_synced_ms=newest)

    assert found is expected


def test_the_cloud_s_time_is_taken_in_the_middle_of_the_round_trip():
    cloud = CloudTime()

    cloud.heard(sent_monotonic_ms=1_000, server_ms=50_000, now_monotonic_ms=1_400)

    assert cloud.now_ms(1_400) == 50_200
    assert cloud.offset_ms(wall_ms=49_000, monotonic_ms=1_400) == 1_200


def test_setting_the_wall_clock_does_not_move_the_cloud_s_time():
    cloud = CloudTime()
    cloud.heard(sent_monotonic_ms=1_000, server_ms=NOW, now_monotonic_ms=1_000)

    assert cloud.offset_ms(wall_ms=NOW + 60_000, monotonic_ms=61_000) == 0
    assert cloud.offset_ms(wall_ms=NOW + 7_000_000, monotonic_ms=61_000) == -6_940_000


@pytest.mark.parametrize(("sent", "now"), [(1_000, 5_001), (1_000, 999), (0, 100)])
def test_a_slow_or_strange_round_trip_says_nothing(sent: int, now: int):
    cloud = CloudTime()

    cloud.heard(sent_monotonic_ms=sent, server_ms=1, now_monotonic_ms=now)

    assert cloud.now_ms(now) is None


def test_the_kernel_answers():
    assert kernel_is_synchronised() in {True, False}

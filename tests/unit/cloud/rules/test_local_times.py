"""Wall times beside zoneinfo's, around days of 23, 24 and 25 hours."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from cloud.rules.localtime import LocalTime

DAY = timedelta(days=1)
CHANGES = [
    ("Asia/Shanghai", date(2026, 11, 18)),
    ("Asia/Kathmandu", date(2026, 11, 18)),
    ("America/New_York", date(2013, 3, 10)),
    ("America/New_York", date(2013, 11, 3)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Havana", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Europe/London", date(2026, 3, 29)),
]


def minute_of(zone: str, day: date, clock_min: int) -> int:
    wall = datetime.combine(day, time()) + timedelta(minutes=clock_min)
    return int(wall.replace(tzinfo=ZoneInfo(zone)).timestamp() // 60)


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_every_clock_time_is_zoneinfos(zone: str, change: date):
    local = LocalTime(zone)

    for days in range(-2, 3):
        day = change + days * DAY
        for clock in (0, 1, 29, 30, 90, 119, 150, 180, 720, 1439, 1440, 1470, 1530, 2880, -30):
            assert local.minute(day, clock) == minute_of(zone, day, clock), (day, clock)
        assert local.midnight(day.toordinal()) == minute_of(zone, day, 0)


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_every_minute_has_zoneinfos_date_and_clock(zone: str, change: date):
    local, info = LocalTime(zone), ZoneInfo(zone)
    start, end = minute_of(zone, change - DAY, -1), minute_of(zone, change + 2 * DAY, 2)

    for minute in [*range(start, end, 29), *(minute_of(zone, change + n * DAY, 0) for n in (0, 1, 2))]:
        wall = datetime.fromtimestamp(minute * 60 + 7, info)
        assert local.date_of(minute) == wall.date()
        assert local.iso(minute * 60_000 + 7_999) == wall.isoformat()
        assert local.clock(minute, wall.date()) == f"{wall:%H:%M}"
        assert local.clock(minute, change - 9 * DAY) == f"{wall:%m-%d %H:%M}"


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai", "Europe/London"])
def test_dates_are_found_from_midnights_in_any_order(zone: str):
    days = [date(2013, 1, 1) + n * DAY for n in range(0, 400, 3)]
    local = LocalTime(zone)

    for day in [*days, *reversed(days), date(1971, 7, 1), date(2037, 12, 31)]:
        minute = minute_of(zone, day, 0)
        assert (local.date_of(minute), local.date_of(minute - 1)) == (day, day - DAY)


def test_what_exists_twice_is_the_first_and_what_does_not_the_offset_before():
    local = LocalTime("America/New_York")

    assert local.iso(local.stamp_ms(datetime(2013, 11, 3, 1, 30))) == "2013-11-03T01:30:00-04:00"  # noqa: DTZ001
    assert local.iso(local.stamp_ms(datetime(2013, 3, 10, 2, 30))) == "2013-03-10T03:30:00-04:00"  # noqa: DTZ001

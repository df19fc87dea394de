"""Wall times of one zone as minutes since 1970 UTC, and back (T2, T3)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cloud.rules.minutes import MS

EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
DAY_MIN: Final = 1440
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCKS: Final = tuple([f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(DAY_MIN)])


class LocalTime:
    """Clock of one IANA zone; keeps what it has looked up.

    A wall time that does not exist has the offset before the change, one that exists twice means the first:
    what ``fold=0`` of PEP 495 says.
    """

    def __init__(self, zone: str) -> None:
        self._info = ZoneInfo(zone)
        self._midnights: dict[int, int] = {}
        self._offset_min = 0
        self._last = (0, 0, 0)

    def midnight(self, ordinal: int) -> int:
        """UTC minute at which the date of ``ordinal`` begins."""
        found = self._midnights.get(ordinal)
        if found is None:
            found = self._midnights[ordinal] = self._exact(ordinal, 0)
        return found

    def minute(self, day: date, clock_min: int) -> int:
        """UTC minute of ``clock_min`` minutes on the clock of ``day``; it may pass 24:00."""
        return self.minute_at(day.toordinal(), clock_min)

    def minute_at(self, of_day: int, clock_min: int) -> int:
        """The same for the date of an ordinal."""
        days, clock = divmod(clock_min, DAY_MIN)
        ordinal = of_day + days
        start = self.midnight(ordinal)
        if clock == 0:
            return start
        if self.midnight(ordinal + 1) - start == DAY_MIN:
            return start + clock
        return self._exact(ordinal, clock)

    def date_of(self, minute: int) -> date:
        """The local date of a UTC minute."""
        return date.fromordinal(self.ordinal_of(minute))

    def ordinal_of(self, minute: int) -> int:
        """The local date of a UTC minute, as its ordinal."""
        return self._date_at(minute)[2]

    def _date_at(self, minute: int) -> tuple[int, int, int]:
        """The first minute of the local date of a UTC minute, the first after it, and its ordinal."""
        # One asks about one date again and again.
        found = self._last
        if not found[0] <= minute < found[1]:
            guess = (minute + self._offset_min) // DAY_MIN + EPOCH_ORDINAL
            while minute < self.midnight(guess):
                guess -= 1
            while minute >= self.midnight(guess + 1):
                guess += 1
            found = self._last = self.midnight(guess), self.midnight(guess + 1), guess
        return found

    def iso(self, instant_ms: int) -> str:
        """Local ISO time with seconds and offset of an instant, floored to the second."""
        minute, ms = divmod(instant_ms, MS)
        start, end, ordinal = self._date_at(minute)
        if end - start != DAY_MIN:
            moment = EPOCH + timedelta(seconds=instant_ms // 1000)
            return moment.astimezone(self._info).isoformat()
        offset = (ordinal - EPOCH_ORDINAL) * DAY_MIN - start
        sign, ahead = ("+", offset) if offset >= 0 else ("-", -offset)
        return (
            f"{date.fromordinal(ordinal).isoformat()}T{_CLOCKS[minute - start]}:{ms // 1000:02d}"
            f"{sign}{ahead // 60:02d}:{ahead % 60:02d}"
        )

    def clock(self, minute: int, day: date) -> str:
        """Local ``HH:MM`` of a UTC minute, with ``MM-DD`` before it if that is not on ``day``."""
        start, end, ordinal = self._date_at(minute)
        if end - start == DAY_MIN:
            clock = _CLOCKS[minute - start]
        else:
            clock = (EPOCH + timedelta(minutes=minute)).astimezone(self._info).strftime("%H:%M")
        if ordinal == day.toordinal():
            return clock
        return f"{date.fromordinal(ordinal).isoformat()[5:]} {clock}"

    def stamp_ms(self, wall: datetime) -> int:
        """The instant of a naive wall time."""
        aware = wall.replace(tzinfo=self._info)
        return (aware - EPOCH) // timedelta(milliseconds=1)

    def _exact(self, ordinal: int, clock: int) -> int:
        wall = datetime.combine(date.fromordinal(ordinal), datetime.min.time()) + timedelta(minutes=clock)
        minute = self.stamp_ms(wall) // MS
        self._offset_min = (ordinal - EPOCH_ORDINAL) * DAY_MIN + clock - minute
        return minute

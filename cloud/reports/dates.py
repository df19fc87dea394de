"""Months and local days as the pages speak of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.clock import from_ms, to_ms

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month; written ``2026-11``."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def first(self) -> date:
        """Its first date."""
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        """Its last date."""
        return self.next.first - _DAY

    @property
    def next(self) -> Month:
        """The month after."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def previous(self) -> Month:
        """The month before."""
        return month_of(self.first - _DAY)

    def dates(self) -> list[date]:
        """All its dates, in order."""
        return [self.first + _DAY * n for n in range((self.last - self.first).days + 1)]


def month_of(day: date) -> Month:
    """The month a date is in."""
    return Month(day.year, day.month)


def parse_month(text: str) -> Month | None:
    """The month written ``yyyy-mm``, from 2000-01 to 2199-12; None if it is none."""
    year, dash, month = text.partition("-")
    written_so = len(year) == 4 and len(month) == 2 and dash  # noqa: PLR2004  yyyy-mm
    if not (written_so and text.isascii() and (year + month).isdigit()):
        return None
    found = (int(year), int(month))
    return Month(*found) if (2000, 1) <= found <= (2199, 12) and 1 <= found[1] <= 12 else None  # noqa: PLR2004


def local_date(wall_ms: int, zone: ZoneInfo) -> date:
    """The date at an instant."""
    return from_ms(wall_ms).astimezone(zone).date()


def day_bounds_ms(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """First instant of a local date and of the next, ms since 1970 UTC."""
    return midnight_ms(day, zone), midnight_ms(day + _DAY, zone)


def midnight_ms(day: date, zone: ZoneInfo) -> int:
    """First instant of a local date, ms since 1970 UTC."""
    return to_ms(datetime.combine(day, time(), zone))

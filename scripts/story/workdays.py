"""Which dates the firm works, and the roster of those who do not keep office hours.

The story writes its own calendar file, so that the cloud is told what the story believes.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache

import holidays

from scripts.story.people import Member, Rhythm

SATURDAY = 5
ROTA_TEAMS = 3
ROSTER_AHEAD_DAYS = 14
AT_LEAST_DAYS = 46


class Kind(StrEnum):
    """Kind of a calendar date that differs from its weekday; the values are those of the calendar file."""

    STATUTORY = "statutory"
    REST = "rest"
    MAKEUP = "makeup"


class Shift(StrEnum):
    """The firm's shifts: DAY 09:00-12:00 13:00-18:00, NIGHT 22:00-02:00 03:00-06:00 of the next day."""

    DAY = "DAY"
    NIGHT = "NIGHT"


@dataclass(frozen=True, slots=True)
class Span:
    """The dates of the history, both inclusive; ``last`` is the day before the run date ``today``."""

    first: date
    last: date

    @property
    def today(self) -> date:
        """The run date."""
        return self.last + timedelta(days=1)

    def dates(self) -> Iterator[date]:
        """Every date, in order."""
        return days(self.first, self.last)

    def months(self) -> tuple[str, ...]:
        """``yyyy-mm`` of every month touched, in order."""
        return tuple(sorted({f"{day:%Y-%m}" for day in self.dates()}))


def span_before(today: date) -> Span:
    """About two months up to yesterday, from the first of a month: no report begins amid one."""
    last = today - timedelta(days=1)
    return Span((last - timedelta(days=AT_LEAST_DAYS - 1)).replace(day=1), last)


def days(first: date, last: date) -> Iterator[date]:
    """Every date from ``first`` to ``last``, both inclusive."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def month_end(day: date) -> date:
    """The last date of the month of ``day``."""
    return day.replace(day=monthrange(day.year, day.month)[1])


@cache
def _china(year: int) -> tuple[dict[date, str], frozenset[date]]:
    china = holidays.country_holidays("CN", years=year, language="en_US")
    return dict(china.items()), frozenset(china.weekend_workdays)


def kind_of(day: date) -> Kind | None:
    """What the calendar says of ``day``; None where the weekday speaks."""
    names, workdays = _china(day.year)
    if day in workdays:
        return Kind.MAKEUP
    name = names.get(day)
    if name is None:
        return None
    return Kind.REST if "observed" in name or "substituted" in name else Kind.STATUTORY


def name_of(day: date) -> str:
    """The name of a holiday; empty for other dates."""
    return _china(day.year)[0].get(day, "")


def is_workday(day: date) -> bool:
    """Whether the office works on ``day``."""
    kind = kind_of(day)
    return day.weekday() < SATURDAY if kind is None else kind is Kind.MAKEUP


def shift_of(member: Member, day: date, today: date) -> Shift | None:
    """The shift ``member`` has on ``day``, None for a day off; whether they are employed is not asked.

    Nobody works the night that would still be running on the morning of ``today``: the history is complete.
    """
    if member.rhythm is Rhythm.WEEKENDS:
        rests = kind_of(day) is Kind.STATUTORY or (day.weekday() - member.place) % 7 in {5, 6}
        return None if rests else Shift.DAY
    if not is_workday(day):
        return None
    if member.rhythm is Rhythm.OFFICE or not _night_week(member, day):
        return Shift.DAY
    return None if day == today - timedelta(days=1) or day.weekday() >= SATURDAY else Shift.NIGHT


def _night_week(member: Member, day: date) -> bool:
    week = (day.toordinal() - 1) // 7  # day 1 of the proleptic calendar was a Monday
    return (week - member.place) % ROTA_TEAMS == 0

"""The calendar of mainland China, year by year, as a start; HR may overwrite any day by import.

Statutory days are those of the national holiday regulation (State Council order 795), from the package
``holidays``; days off and make-up workdays around them are the yearly notice of the State Council, from
the package ``chinesecalendar``. A year without a notice yet is provisional: its statutory days are
computed, and no month of it may be closed (rule M3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, insert, select

from cloud.db.tables import calendar_days, calendar_years

NOTICE = "State Council notice"
COMPUTED = "computed, no notice yet"

# How the package marks days off that are not themselves statutory, in its English names.
_NOT_STATUTORY = ("substituted", "observed")


@dataclass(frozen=True, slots=True)
class SeedDay:
    """One day of a seeded calendar; ``kind`` as in the table."""

    date: date
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class SeedYear:
    """A year; ``provisional``: there is no official notice for it yet."""

    year: int
    days: tuple[SeedDay, ...]
    provisional: bool


def china(year: int) -> SeedYear:
    """The calendar of ``year``."""
    import chinese_calendar

    words: dict[str, str] = {kind.value: kind.chinese for kind in chinese_calendar.Holiday}
    statutory = _statutory(year)
    notice = {
        day: words.get(name, name)
        for day, name in chinese_calendar.constants.holidays.items()
        if day.year == year
    }
    makeup = {
        day: words.get(name, name)
        for day, name in chinese_calendar.constants.workdays.items()
        if day.year == year
    }
    kinds = {day: ("rest", name) for day, name in notice.items()}
    kinds |= {day: ("makeup", name) for day, name in makeup.items()}
    kinds |= {day: ("statutory", name) for day, name in statutory.items()}
    days = tuple(SeedDay(day, kind, name) for day, (kind, name) in sorted(kinds.items()))
    return SeedYear(year, days, provisional=not notice)


def seed_year(connection: Connection, year: int) -> set[date]:
    """Write the calendar of ``year`` unless it has one that is not provisional; the dates it changed."""
    row = connection.execute(
        select(calendar_years.c.provisional).where(calendar_years.c.year == year)
    ).first()
    if row is not None and not row.provisional:
        return set()
    seed = china(year)
    if row is not None and seed.provisional:
        return set()
    source = COMPUTED if seed.provisional else NOTICE
    before = _kinds(connection, year)
    connection.execute(
        delete(calendar_days).where(
            calendar_days.c.date.between(date(year, 1, 1), date(year, 12, 31)),
            calendar_days.c.source.in_([NOTICE, COMPUTED]),
        )
    )
    kept = _kinds(connection, year)
    rows = [
        {"date": day.date, "kind": day.kind, "name": day.name, "source": source}
        for day in seed.days
        if day.date not in kept
    ]
    if rows:
        connection.execute(insert(calendar_days), rows)
    connection.execute(delete(calendar_years).where(calendar_years.c.year == year))
    connection.execute(insert(calendar_years).values(year=year, provisional=seed.provisional, source=source))
    after = _kinds(connection, year)
    return {day for day in before.keys() | after.keys() if before.get(day) != after.get(day)}


def _kinds(connection: Connection, year: int) -> dict[date, str]:
    """What the calendar says of the dates of ``year``."""
    rows = connection.execute(
        select(calendar_days.c.date, calendar_days.c.kind).where(
            calendar_days.c.date.between(date(year, 1, 1), date(year, 12, 31))
        )
    )
    return dict(rows.all())


def _statutory(year: int) -> dict[date, str]:
    import holidays

    english = holidays.country_holidays("CN", years=year, language="en_US")
    chinese = holidays.country_holidays("CN", years=year, language="zh_CN")
    return {
        day: chinese[day]
        for day, name in english.items()
        if not any(mark in name.lower() for mark in _NOT_STATUTORY)
    }

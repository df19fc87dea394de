"""The columns of a month: its dates and what the calendar says of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from cloud.db.tables import calendar_days, leave_types
from cloud.reports.dates import Month

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class MonthDay:
    """One date. ``kind``: workday, rest, statutory, makeup or half; ``name``: the holiday's, or empty."""

    date: date
    kind: str
    name: str

    @property
    def off(self) -> bool:
        """Whether the calendar gives the day off."""
        return self.kind in {"rest", "statutory"}


@dataclass(frozen=True, slots=True)
class LeaveName:
    """A leave type: its names and its one-character symbol in Chinese."""

    zh: str
    en: str
    symbol: str


def month_days(connection: Connection, month: Month) -> list[MonthDay]:
    """Every date of ``month``; Saturdays and Sundays rest unless the calendar says otherwise."""
    table = calendar_days.c
    rows = connection.execute(
        select(table.date, table.kind, table.name).where(table.date.between(month.first, month.last))
    )
    said = {day: (kind, name) for day, kind, name in rows}
    return [
        MonthDay(day, *said.get(day, ("rest" if day.weekday() >= _SATURDAY else "workday", "")))
        for day in month.dates()
    ]


def said_of(connection: Connection, day: date) -> tuple[str, str] | None:
    """Name and source of what the calendar says of a date; None: it says nothing."""
    table = calendar_days.c
    row = connection.execute(select(table.name, table.source).where(table.date == day)).one_or_none()
    return None if row is None else (row.name, row.source)


def leave_names(connection: Connection) -> dict[str, LeaveName]:
    """Names and symbols by leave type."""
    table = leave_types.c
    rows = connection.execute(select(table.code, table.name_zh, table.name_en, table.symbol))
    return {code: LeaveName(zh, en, symbol) for code, zh, en, symbol in rows}

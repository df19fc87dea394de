"""Calendar and roster from files: who works when."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, select, update

from cloud.attendance import coverage
from cloud.attendance.facts import AsOf
from cloud.db.tables import calendar_days, calendar_years, roster_entries, shifts
from cloud.db.upsert import insert
from cloud.office.records import people_by_number
from cloud.sheets import BadCell, Column, Imported, Line, Outcome, day, read_sheet

CALENDAR_COLUMNS = (
    Column("date", ("日期",), required=True),
    Column("kind", ("类型", "种类", "type"), required=True),
    Column("half", ("半天", "上下午")),
    Column("shift_of", ("补班", "上哪天的班", "works like")),
    Column("name", ("名称", "节日", "holiday")),
)
ROSTER_COLUMNS = (
    Column("employee_no", ("工号", "员工编号", "员工号", "employee number", "emp no"), required=True),
    Column("date", ("日期",), required=True),
    Column("shift", ("班次", "shifts"), required=True),
    Column("zone", ("时区", "time zone")),
)

_SOURCE = "import"
_KINDS = {
    **dict.fromkeys(("statutory", "法定节假日", "法定", "节假日"), "statutory"),
    **dict.fromkeys(("rest", "休息", "休息日", "调休", "放假"), "rest"),
    **dict.fromkeys(("makeup", "make-up", "补班", "上班", "调休上班"), "makeup"),
    **dict.fromkeys(("half", "半天", "半天假"), "half"),
    **dict.fromkeys(("none", "无", "删除", "普通"), "none"),
}
_HALVES = {"": None, "am": "am", "上午": "am", "pm": "pm", "下午": "pm"}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CHINESE_WEEKDAYS = tuple("一二三四五六日")
_OFF = {"off", "休", "休息"}


def import_calendar(connection: Connection, path: Path, view: AsOf) -> Imported:
    """Take days of the calendar; a year that is imported is no longer provisional.

    Raises:
        BadSheet: the file is no such table.
    """
    lines = read_sheet(path, CALENDAR_COLUMNS)
    changed: set[date] = set()
    imported = Imported.of(lines, lambda line: _calendar_day(connection, line, changed))
    coverage.mark_calendar(connection, changed, view.now_ms)
    if not imported.refused:
        years = {on.year for line in lines if (on := line.parsed("date", day)) is not None}
        connection.execute(
            update(calendar_years)
            .where(calendar_years.c.year.in_(years), calendar_years.c.provisional)
            .values(provisional=False, source=_SOURCE)
        )
    return imported


def _calendar_day(connection: Connection, line: Line, changed: set[date]) -> Outcome:
    """Take one day; if it is another than before, it is added to ``changed``."""
    on = _date(line)
    kind = _KINDS.get(line.need("kind").lower())
    if kind is None:
        raise BadCell("kind", f"{line.text('kind')!r} is none of statutory, rest, makeup, half, none")
    half = _HALVES.get(line.text("half").lower(), "?")
    if half == "?" or (half is None) == (kind == "half"):
        raise BadCell("half", "am or pm for a half holiday, and only for one")
    values = {
        "kind": kind,
        "half": half,
        "shift_of": _weekday(line.text("shift_of")),
        "name": line.text("name")[:200],
        "source": _SOURCE,
    }
    row = connection.execute(select(calendar_days).where(calendar_days.c.date == on)).first()
    if kind == "none":
        if row is None:
            return Outcome.SAME
        connection.execute(calendar_days.delete().where(calendar_days.c.date == on))
    elif row is not None and all(getattr(row, name) == value for name, value in values.items()):
        return Outcome.SAME
    else:
        connection.execute(
            insert(connection, calendar_days)
            .values(date=on, **values)
            .on_conflict_do_update(index_elements=["date"], set_=values)
        )
    changed.add(on)
    return Outcome.NEW if row is None else Outcome.CHANGED


def import_roster(connection: Connection, path: Path, view: AsOf) -> Imported:
    """Take who works which shift on a date: a shift's name, several with +, or ``off``.

    The first entry of a date holds since ever; a later one is a change known from now on (rule D1).

    Raises:
        BadSheet: the file is no such table.
    """
    lines = read_sheet(path, ROSTER_COLUMNS)
    numbers = people_by_number(connection)
    names = set(connection.execute(select(shifts.c.name)).scalars())

    def take(line: Line) -> Outcome:
        employee_no = line.need("employee_no")
        if employee_no not in numbers:
            raise BadCell("employee_no", f"nobody has the number {employee_no}")
        person, on = numbers[employee_no], _date(line)
        wanted = _shifts(line.need("shift"), names)
        zone = line.parsed("zone", _zone)
        row = connection.execute(
            select(roster_entries)
            .where(roster_entries.c.person_id == person, roster_entries.c.date == on)
            .order_by(roster_entries.c.known_ms.desc())
            .limit(1)
        ).first()
        if row is not None and (row.shifts, row.zone) == (wanted, zone):
            return Outcome.SAME
        known_ms = view.now_ms if row is None else max(view.now_ms, row.known_ms + 1)
        connection.execute(
            insert(connection, roster_entries).values(
                person_id=person, date=on, known_ms=known_ms, shifts=wanted, zone=zone
            )
        )
        coverage.mark_span(connection, person, (on, on), "roster", known_ms)
        return Outcome.NEW if row is None else Outcome.CHANGED

    return Imported.of(lines, take)


def _date(line: Line) -> date:
    line.need("date")
    on = line.parsed("date", day)
    if on is None:
        raise BadCell("date", "is empty")
    return on


def _shifts(text: str, names: set[str]) -> list[str]:
    if text.lower() in _OFF:
        return []
    wanted = [name.strip() for name in text.split("+")]
    for name in wanted:
        if name not in names:
            raise BadCell("shift", f"there is no shift {name!r}; known are {', '.join(sorted(names))}, off")
    return wanted


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"there is no time zone {text!r}") from error


def _weekday(text: str) -> str | None:
    if not text:
        return None
    word = text.lower()[:3]
    if word in _WEEKDAYS:
        return word
    if text[-1] in _CHINESE_WEEKDAYS:
        return _WEEKDAYS[_CHINESE_WEEKDAYS.index(text[-1])]
    raise BadCell("shift_of", f"{text!r} is no weekday like mon or 周一")

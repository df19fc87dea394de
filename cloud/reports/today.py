"""Today: where everybody stands now, from the day's stored results and the newest punches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, func, select

from cloud.db.tables import attendance_days, people, punches
from cloud.reports.dates import day_bounds_ms, local_date
from cloud.reports.fleet import Door, list_doors, silent_doors
from cloud.reports.people import (
    DepartmentBrief,
    Filter,
    PersonBrief,
    employed_between,
    list_departments,
    list_people,
    matching,
)
from cloud.reports.scope import Scope
from cloud.reports.stored import DayBrief, brief
from models.attendance import Duty, FindingCode, Part
from models.punch import Method

_MINUTE_MS = 60_000
_EARLY_MIN = 180  # nobody comes earlier than this, so nothing is unknown before


class Presence(StrEnum):
    """Where somebody stands. ``OFF`` people have nothing due and did not come."""

    IN = "in"
    NOT_YET = "not_yet"
    LEFT = "left"
    AWAY = "away"
    UNKNOWN = "unknown"
    OFF = "off"


class Chip(StrEnum):
    """The six counts; ``LATE`` people are also in or left."""

    IN = "in"
    NOT_YET = "not_yet"
    LATE = "late"
    LEFT = "left"
    AWAY = "away"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LastPunch:
    """The newest punch of a person today."""

    at_ms: int
    terminal_id: str
    method: Method


@dataclass(frozen=True, slots=True)
class TodayRow:
    """One person today."""

    person: PersonBrief
    presence: Presence
    late: bool
    day: DayBrief | None
    last: LastPunch | None

    def counts_for(self, chip: Chip) -> bool:
        """Whether the person is among those a chip counts."""
        return self.late if chip is Chip.LATE else self.presence.value == chip.value


@dataclass(frozen=True, slots=True)
class Today:
    """The page: ``rows`` newest punch first, then those who have not punched, by department."""

    date: date
    rows: list[TodayRow]
    counts: Mapping[Chip, int]
    silent: list[Door]
    doors: list[Door]
    departments: list[DepartmentBrief]


@dataclass(frozen=True, slots=True)
class _Moment:
    """Now, as the rules of presence need it."""

    now_ms: int
    day: date
    silent: Sequence[Door]


def today(connection: Connection, scope: Scope, wanted: Filter, now_ms: int, zone: ZoneInfo) -> Today:
    """Where the people of the scope stand at ``now_ms``."""
    day = local_date(now_ms, zone)
    doors = list_doors(connection, now_ms)
    moment = _Moment(now_ms, day, silent_doors(doors, now_ms))
    rows = _rows(connection, matching(scope, wanted), moment, zone)
    counts = Counter(chip for row in rows for chip in Chip if row.counts_for(chip))
    departments = list_departments(connection, scope)
    return Today(day, rows, counts, list(moment.silent), doors, departments)


def today_rows(
    connection: Connection, scope: Scope, person_ids: Collection[str], now_ms: int, zone: ZoneInfo
) -> list[TodayRow]:
    """The rows of some people: those of them that are in the scope."""
    doors = list_doors(connection, now_ms)
    moment = _Moment(now_ms, local_date(now_ms, zone), silent_doors(doors, now_ms))
    chosen = and_(matching(scope, Filter()), people.c.person_id.in_(sorted(person_ids)))
    return _rows(connection, chosen, moment, zone)


def _rows(
    connection: Connection, condition: ColumnElement[bool], moment: _Moment, zone: ZoneInfo
) -> list[TodayRow]:
    employed = and_(condition, employed_between(moment.day, moment.day))
    chosen = select(people.c.person_id).where(employed)
    table = attendance_days.c
    results = connection.execute(
        select(table.person_id, table.result).where(table.date == moment.day, table.person_id.in_(chosen))
    )
    days = {person_id: brief(stored) for person_id, stored in results}
    last = _last_punches(connection, condition, moment.day, zone)
    rows = [
        _row(person, days.get(person.person_id), last.get(person.person_id), moment)
        for person in list_people(connection, employed)
    ]
    rows.sort(key=lambda row: -(row.last.at_ms if row.last else 0))
    return rows


def _last_punches(
    connection: Connection, condition: ColumnElement[bool], day: date, zone: ZoneInfo
) -> dict[str, LastPunch]:
    start, end = day_bounds_ms(day, zone)
    table = punches.c
    newest = (
        select(table.person_id, func.max(table.at_ms).label("at_ms"))
        .where(table.at_ms >= start, table.at_ms < end, table.clock > 0)
        .group_by(table.person_id)
        .subquery()
    )
    rows = connection.execute(
        select(table.person_id, table.at_ms, table.terminal_id, table.method)
        .select_from(
            punches.join(
                newest, and_(newest.c.person_id == table.person_id, newest.c.at_ms == table.at_ms)
            ).join(people, people.c.person_id == table.person_id)
        )
        .where(condition)
    )
    return {person: LastPunch(at_ms, terminal, Method(method)) for person, at_ms, terminal, method in rows}


def _row(person: PersonBrief, day: DayBrief | None, last: LastPunch | None, moment: _Moment) -> TodayRow:
    findings = () if day is None else day.findings
    late = FindingCode.LATE in findings or FindingCode.SERIOUS_LATE in findings
    return TodayRow(person, _presence(person, day, last, moment), late, day, last)


def _presence(person: PersonBrief, day: DayBrief | None, last: LastPunch | None, moment: _Moment) -> Presence:
    if day is not None and _away_now(day, moment.now_ms):
        return Presence.AWAY
    if last is not None:
        return Presence.LEFT if day is not None and day.out_at is not None else Presence.IN
    if day is None or day.duty is not Duty.DUE:
        return Presence.OFF
    due_soon = day.timeline and day.timeline[0].start_min - moment.now_ms // _MINUTE_MS <= _EARLY_MIN
    if due_soon and any(door.concerns(person.site) for door in moment.silent):
        return Presence.UNKNOWN
    return Presence.NOT_YET


def _away_now(day: DayBrief, now_ms: int) -> bool:
    """On leave, trip or outing at this minute; outside planned hours: for the whole day."""
    away = (Part.LEAVE, Part.TRIP, Part.OUTING)
    minute = now_ms // _MINUTE_MS
    for span in day.timeline:
        if span.start_min <= minute < span.end_min:
            return span.part in away
    return bool(day.timeline) and all(span.part in away for span in day.timeline)

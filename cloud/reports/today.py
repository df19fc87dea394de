"""Today: where everybody stands now, from the day's stored results and the newest punches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, func, select

from cloud.attendance.codec import DayBrief, brief
from cloud.db.tables import attendance_days, departments, people, punches
from cloud.reports.dates import local_date, midnight_ms
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
from models.attendance import DayState, Duty, FindingCode, Part
from models.clock import to_ms
from models.punch import Method

_SECOND_MS = 1_000
_MINUTE_MS = 60_000
_HALF_DAY_MS = 12 * 3_600_000
_NIGHTS_END_MS = 14 * 3_600_000
_PEOPLE_A_QUERY = 500
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


_OF_PRESENCE = [chip for chip in Chip if chip is not Chip.LATE]


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
    """The page: ``rows`` newest punch first, then those who have not punched, by department.

    ``counts`` and ``rows_n`` are of everybody the filter finds, ``rows`` as many as were asked for.
    """

    date: date
    rows: list[TodayRow]
    rows_n: int
    counts: Mapping[Chip, int]
    silent: list[Door]
    doors: list[Door]
    departments: list[DepartmentBrief]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to show; ``presences`` None: everybody, ``late``: only who came late."""

    wanted: Filter
    presences: frozenset[Presence] | None = None
    late: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class _Moment:
    """Now, as the rules of presence need it."""

    now_ms: int
    day: date
    midnight_ms: int
    silent: Sequence[Door]


class _Stand(NamedTuple):
    """Where one person stands, before their row is made. ``punch``: instant, terminal, method."""

    person_id: str
    presence: Presence
    late: bool
    stored: bytes | None
    punch: tuple[int, str, int] | None


def today(connection: Connection, scope: Scope, asked: Asked, now_ms: int, zone: ZoneInfo) -> Today:
    """Where the people of the scope stand at ``now_ms``."""
    doors = list_doors(connection, now_ms)
    moment = _moment(now_ms, zone, silent_doors(doors, now_ms))
    stands = _stands(connection, matching(scope, asked.wanted), moment)
    presences = Counter(one.presence for one in stands)
    counts = {chip: presences[Presence(chip.value)] for chip in _OF_PRESENCE}
    chosen = [
        one
        for one in stands
        if (asked.presences is None or one.presence in asked.presences) and (one.late or not asked.late)
    ]
    return Today(
        date=moment.day,
        rows=_rows(connection, chosen[: asked.limit]),
        rows_n=len(chosen),
        counts=counts | {Chip.LATE: sum(one.late for one in stands)},
        silent=list(moment.silent),
        doors=doors,
        departments=list_departments(connection, scope),
    )


def today_rows(
    connection: Connection, scope: Scope, person_ids: Collection[str], now_ms: int, zone: ZoneInfo
) -> list[TodayRow]:
    """The rows of some people: those of them that are in the scope."""
    moment = _moment(now_ms, zone, silent_doors(list_doors(connection, now_ms), now_ms))
    chosen = and_(matching(scope, Filter()), people.c.person_id.in_(sorted(person_ids)))
    return _rows(connection, _stands(connection, chosen, moment))


def _moment(now_ms: int, zone: ZoneInfo, silent: Sequence[Door]) -> _Moment:
    day = local_date(now_ms, zone)
    return _Moment(now_ms, day, midnight_ms(day, zone), silent)


def _rows(connection: Connection, stands: Sequence[_Stand]) -> list[TodayRow]:
    """The rows of ``stands``, in their order."""
    found: dict[str, PersonBrief] = {}
    for start in range(0, len(stands), _PEOPLE_A_QUERY):
        ids = [one.person_id for one in stands[start : start + _PEOPLE_A_QUERY]]
        found |= {one.person_id: one for one in list_people(connection, people.c.person_id.in_(ids))}
    return [
        TodayRow(
            found[one.person_id],
            one.presence,
            one.late,
            None if one.stored is None else brief(one.stored),
            None if one.punch is None else LastPunch(one.punch[0], one.punch[1], Method(one.punch[2])),
        )
        for one in stands
    ]


def _stands(connection: Connection, condition: ColumnElement[bool], moment: _Moment) -> list[_Stand]:
    """Everybody employed today, newest punch first, the others by department and number."""
    employed = and_(condition, employed_between(moment.day, moment.day))
    table = attendance_days.c
    chosen = select(people.c.person_id).where(employed)
    stored = _results(connection, moment.day, table.person_id.in_(chosen))
    days = {person_id: brief(result) for person_id, result in stored.items()}
    last = _last_punches(connection, employed, moment)
    # Whose newest punch no shift of today took, may have made it for yesterday's.
    nights = _Nights(connection, moment, [one for one in last if one not in days or days[one].in_at is None])
    everybody = connection.execute(
        select(people.c.person_id, people.c.site)
        .select_from(people.join(departments, departments.c.department_id == people.c.department_id))
        .where(employed)
        .order_by(departments.c.name, people.c.employee_no)
    )
    stands = []
    for person_id, site in everybody.all():
        day, punch = days.get(person_id), last.get(person_id)
        if punch is not None and punch[0] < moment.midnight_ms and person_id not in nights.inside:
            punch = None
        findings = () if day is None else day.findings
        late = FindingCode.LATE in findings or FindingCode.SERIOUS_LATE in findings
        presence = nights.presence(person_id, punch) or _presence(
            site, day, moment, punched=punch is not None
        )
        stands.append(_Stand(person_id, presence, late, stored.get(person_id), punch))
    stands.sort(key=lambda one: -one.punch[0] if one.punch else 0)
    return stands


def _results(connection: Connection, day: date, condition: ColumnElement[bool]) -> dict[str, bytes]:
    table = attendance_days.c
    rows = connection.execute(select(table.person_id, table.result).where(table.date == day, condition))
    return {row.person_id: row.result for row in rows.all()}


class _Nights:
    """Who came for yesterday's shift and is still in, or went today; asked only while nights can last."""

    def __init__(self, connection: Connection, moment: _Moment, who: Sequence[str]) -> None:
        self.inside: set[str] = set()
        self._went: dict[str, int] = {}
        if moment.now_ms - moment.midnight_ms > _NIGHTS_END_MS:
            return
        yesterday = moment.day - timedelta(days=1)
        table = attendance_days.c
        results: dict[str, bytes] = {}
        for start in range(0, len(who), _PEOPLE_A_QUERY):
            chosen = table.person_id.in_(who[start : start + _PEOPLE_A_QUERY])
            results |= _results(connection, yesterday, chosen)
        for person_id, stored in results.items():
            day = brief(stored)
            if day.out_at is not None:
                went = to_ms(datetime.fromisoformat(day.out_at))
                if went >= moment.midnight_ms:
                    self._went[person_id] = went
            elif day.in_at is not None and day.state is DayState.IN_PROGRESS:
                self.inside.add(person_id)

    def presence(self, person_id: str, punch: tuple[int, str, int] | None) -> Presence | None:
        """Where yesterday's shift leaves the person; None: nowhere, today decides."""
        if person_id in self.inside:
            return Presence.IN
        if punch is not None and self._went.get(person_id, 0) >= punch[0] // _SECOND_MS * _SECOND_MS:
            return Presence.LEFT
        return None


def _last_punches(
    connection: Connection, employed: ColumnElement[bool], moment: _Moment
) -> dict[str, tuple[int, str, int]]:
    """The newest punch of each person since noon yesterday."""
    table = punches.c
    newest = (
        select(table.person_id, func.max(table.at_ms).label("at_ms"))
        .where(
            table.at_ms >= moment.midnight_ms - _HALF_DAY_MS, table.at_ms <= moment.now_ms, table.clock > 0
        )
        .group_by(table.person_id)
        .subquery()
    )
    same = and_(newest.c.person_id == table.person_id, newest.c.at_ms == table.at_ms)
    rows = connection.execute(
        select(table.person_id, table.at_ms, table.terminal_id, table.method)
        .select_from(punches.join(newest, same).join(people, people.c.person_id == table.person_id))
        .where(employed)
    )
    return {person_id: (at_ms, terminal, method) for person_id, at_ms, terminal, method in rows.all()}


def _presence(site: str | None, day: DayBrief | None, moment: _Moment, *, punched: bool) -> Presence:
    if day is not None and _away_now(day, moment.now_ms):
        return Presence.AWAY
    if punched:
        return Presence.LEFT if day is not None and day.out_at is not None else Presence.IN
    if day is None or day.duty is not Duty.DUE:
        return Presence.OFF
    due_soon = day.timeline and day.timeline[0].start_min - moment.now_ms // _MINUTE_MS <= _EARLY_MIN
    if due_soon and any(door.concerns(site) for door in moment.silent):
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

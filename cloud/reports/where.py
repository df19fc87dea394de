"""Where a punch is: made, received, judged, or where it stopped.

What is not in the cloud may never have been made, or wait at a terminal that has not told everything yet: a
terminal that has told everything up to a later time cannot hold it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select

from cloud.attendance import codec
from cloud.db.tables import attendance_days, people, punches, quarantine, stale_days, terminals
from cloud.reports.fleet import door_names
from models.attendance import AttendanceDay
from models.clock import from_ms
from models.ids import PersonId
from models.wire.codec import decode
from models.wire.messages import WirePunch

AROUND_MS = 15 * 60_000
"""A punch this far from the time asked about is the one meant."""
_ASIDE_MAX = 2_000
_DAY = timedelta(days=1)
_MINUTE_MS = 60_000


class Stop(StrEnum):
    """Where the way of a punch ends so far."""

    JUDGED = "judged"
    NOT_JUDGED = "not_judged"
    UNKNOWN_PERSON = "unknown_person"
    PUT_ASIDE = "put_aside"
    PERHAPS_WAITING = "perhaps_waiting"
    NOT_MADE = "not_made"


@dataclass(frozen=True, slots=True)
class Trace:
    """A punch that reached the cloud.

    Attributes:
        wall_ms, at_ms: the terminal's own time, and the instant the punch is taken for.
        code: why it was put aside, else "".
        day: the date it was judged into.
    """

    stop: Stop
    terminal: str
    seq: int
    wall_ms: int
    at_ms: int
    received_ms: int
    code: str = ""
    day: date | None = None
    result: AttendanceDay | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """A terminal that may still hold punches of the time: it has told everything only up to ``told_ms``."""

    terminal: str
    told_ms: int
    seen_ms: int | None


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The answer; ``name`` None: nobody has this id or number."""

    person_id: PersonId
    name: str | None
    at_ms: int
    traces: tuple[Trace, ...]
    quiet: tuple[Quiet, ...]

    @property
    def stop(self) -> Stop:
        """Where it stopped, of the punch that got furthest."""
        if self.traces:
            return min((trace.stop for trace in self.traces), key=list(Stop).index)
        return Stop.PERHAPS_WAITING if self.quiet else Stop.NOT_MADE


def where(connection: Connection, person: str, at_ms: int, zone: ZoneInfo) -> Whereabouts:
    """What is known of the punches that ``person`` (id or employee number) may have made around ``at_ms``."""
    known = connection.execute(
        select(people.c.person_id, people.c.name).where(
            (people.c.person_id == person) | (people.c.employee_no == person)
        )
    ).first()
    person_id = PersonId(known.person_id if known is not None else person)
    doors = door_names(connection)
    found = [
        _trace(connection, row, doors, zone, known=known is not None)
        for row in _punches(connection, person_id, at_ms)
    ]
    found += _aside(connection, person_id, at_ms, doors)
    return Whereabouts(
        person_id,
        known.name if known is not None else None,
        at_ms,
        tuple(sorted(found, key=lambda one: one.at_ms)),
        tuple(_quiet(connection, at_ms)),
    )


def plain(found: Whereabouts, zone: ZoneInfo) -> dict[str, object]:
    """The answer as JSON."""
    return {
        "person_id": found.person_id,
        "name": found.name,
        "stop": found.stop.value,
        "traces": [_plain_trace(one, zone) for one in found.traces],
        "quiet": [
            {"terminal": one.terminal, "told_until": _iso(one.told_ms, zone) if one.told_ms else None}
            for one in found.quiet
        ],
    }


def _plain_trace(one: Trace, zone: ZoneInfo) -> dict[str, object]:
    return {
        "stop": one.stop.value,
        "terminal": one.terminal,
        "seq": one.seq,
        "made": _iso(one.wall_ms, zone),
        "taken_for": _iso(one.at_ms, zone),
        "received": _iso(one.received_ms, zone),
        "code": one.code or None,
        "day": one.day.isoformat() if one.day else None,
        "state": one.result.state.value if one.result else None,
        "findings": [each.value for each in one.result.findings] if one.result else [],
    }


def _iso(at_ms: int, zone: ZoneInfo) -> str:
    return from_ms(at_ms).astimezone(zone).isoformat(timespec="milliseconds")


def _punches(connection: Connection, person_id: PersonId, at_ms: int) -> list[Row[Any]]:
    near = (at_ms - AROUND_MS, at_ms + AROUND_MS)
    return list(
        connection.execute(
            select(punches)
            .where(punches.c.person_id == person_id)
            .where(punches.c.at_ms.between(*near) | punches.c.wall_ms.between(*near))
        )
    )


def _trace(
    connection: Connection, row: Row[Any], doors: dict[str, str], zone: ZoneInfo, *, known: bool
) -> Trace:
    place = (doors.get(row.terminal_id, row.terminal_id), row.seq, row.wall_ms, row.at_ms, row.received_ms)
    if not known:
        return Trace(Stop.UNKNOWN_PERSON, *place, code="unknown_person")
    day, result = _judged(connection, PersonId(row.person_id), row.at_ms, zone)
    return Trace(Stop.JUDGED if day else Stop.NOT_JUDGED, *place, day=day, result=result)


def _judged(
    connection: Connection, person_id: PersonId, at_ms: int, zone: ZoneInfo
) -> tuple[date | None, AttendanceDay | None]:
    """The date whose shift the instant falls into, if the date was judged since."""
    local = from_ms(at_ms).astimezone(zone).date()
    rows = connection.execute(
        select(attendance_days.c.date, attendance_days.c.result, stale_days.c.mark)
        .outerjoin(
            stale_days,
            (stale_days.c.person_id == attendance_days.c.person_id)
            & (stale_days.c.date == attendance_days.c.date),
        )
        .where(
            attendance_days.c.person_id == person_id,
            attendance_days.c.date.between(local - _DAY, local + _DAY),
        )
    )
    days = {day: codec.decode(result) for day, result, mark in rows if mark is None}
    ours = min(days, key=lambda day: (_distance(days[day], at_ms), day != local), default=None)
    if ours is None or (ours != local and _distance(days[ours], at_ms)):
        ours = local if local in days else None
    return ours, days.get(ours) if ours is not None else None


def _distance(day: AttendanceDay, at_ms: int) -> int:
    """How far, in minutes, the instant lies outside the planned time of a day."""
    if not day.timeline:
        return 1 << 40
    minute = at_ms // _MINUTE_MS
    return max(day.timeline[0].start_min - minute, minute - day.timeline[-1].end_min, 0)


def _aside(connection: Connection, person_id: PersonId, at_ms: int, doors: dict[str, str]) -> list[Trace]:
    """Punches that wait in quarantine and are not stored."""
    rows = connection.execute(
        select(quarantine)
        .where(
            quarantine.c.seq.is_not(None),
            quarantine.c.person_id.is_(None),
            quarantine.c.resolved_ms.is_(None),
        )
        .order_by(quarantine.c.quarantine_id.desc())
        .limit(_ASIDE_MAX)
    )
    found = []
    for row in rows:
        punch = decode(bytes(row.payload), WirePunch)
        if (
            isinstance(punch, WirePunch)
            and punch.person_id == person_id
            and abs(punch.wall_ms - at_ms) <= AROUND_MS
        ):
            place = (doors.get(row.terminal_id, row.terminal_id or ""), row.seq, punch.wall_ms, punch.wall_ms)
            found.append(Trace(Stop.PUT_ASIDE, *place, row.received_ms, code=row.code))
    return found


def _quiet(connection: Connection, at_ms: int) -> list[Quiet]:
    rows = connection.execute(
        select(terminals.c.name, terminals.c.watermark_ms, terminals.c.last_seen_ms)
        .where(terminals.c.revoked_ms.is_(None), terminals.c.watermark_ms < at_ms + AROUND_MS)
        .order_by(terminals.c.watermark_ms, terminals.c.name)
    )
    return [Quiet(name, told, seen) for name, told, seen in rows]

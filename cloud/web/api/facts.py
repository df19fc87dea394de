"""What happened and how it was judged: punches, days, terminals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, JsonValue
from sqlalchemy import Connection, Row, select

from cloud.attendance.codec import decode
from cloud.attendance.periods import closings
from cloud.attendance.published import published_days
from cloud.db.tables import day_changes, people, punches
from cloud.reports.aside import list_aside
from cloud.reports.where import plain, where
from cloud.rules.plain import Plain, day_plain
from cloud.terminals.fleet import Terminal, all_terminals
from cloud.web.api.context import ApiClient, Ctx
from cloud.web.problems import Problem
from models.clock import from_ms, to_ms
from models.punch import ClockQuality, Direction, Method

ROWS_MAX = 100_000
DAYS_MAX = 366
ASIDE_MAX = 1_000

router = APIRouter(prefix="/api/v1", tags=["facts"])


class PunchOut(BaseModel):
    """A punch. ``at``: the instant it is taken for; ``device_at``: what the terminal's clock said."""

    person_id: str
    terminal_id: str
    stream: str
    seq: int
    at: str | None
    device_at: str | None
    received_at: str | None
    clock: str
    method: str
    direction: str


class TerminalOut(BaseModel):
    """A terminal in use. ``complete_until``: every punch it made before that has been received."""

    terminal_id: str
    name: str
    site: str
    online: bool
    last_seen: str | None
    complete_until: str | None
    missing: int
    waiting: int | None
    clock_offset_ms: int | None
    people: int | None
    app_version: str | None
    parts: dict[str, str]


class Punches(BaseModel):
    """Punches in the order of their instants."""

    punches: list[PunchOut]


class Days(BaseModel):
    """Results by date and person; their fields are those of docs/reference/rules.md section 2."""

    days: list[dict[str, JsonValue]]


class Terminals(BaseModel):
    """Terminals by site and name."""

    terminals: list[TerminalOut]


From = Annotated[AwareDatetime | None, Query(alias="from", description="With an offset; included.")]
Person = Annotated[str | None, Query(description="Person id, or employee number.")]


@router.get("/punches", summary="Punches as terminals made them", response_model=Punches)
def get_punches(
    ctx: Ctx,
    _client: ApiClient,
    person: Person = None,
    terminal: Annotated[str | None, Query(description="Terminal id.")] = None,
    begin: From = None,
    end: Annotated[AwareDatetime | None, Query(alias="to", description="Not included.")] = None,
) -> Response:
    """Punches by the instant they are taken for, of the last day unless ``from`` says otherwise."""
    begin_ms = to_ms(begin) if begin is not None else ctx.clock.wall_ms() - 86_400_000
    query = select(punches).where(punches.c.at_ms >= begin_ms)
    if end is not None:
        query = query.where(punches.c.at_ms < to_ms(end))
    with ctx.database.read() as connection:
        if person is not None:
            query = query.where(punches.c.person_id == _person_id(connection, person))
        if terminal is not None:
            query = query.where(punches.c.terminal_id == terminal)
        query = query.order_by(punches.c.at_ms, punches.c.terminal_id, punches.c.seq).limit(ROWS_MAX + 1)
        rows = connection.execute(query).all()
    if len(rows) > ROWS_MAX:
        detail = f"more than {ROWS_MAX} punches: ask for a shorter time"
        raise Problem(HTTPStatus.BAD_REQUEST, "too_many_rows", detail)
    found: list[Plain] = [_punch(row, ctx.zone) for row in rows]
    return _json({"punches": found})


@router.get(
    "/punches/where", summary="Where a punch is, or where it stopped", response_model=dict[str, JsonValue]
)
def get_where(
    ctx: Ctx,
    _client: ApiClient,
    person: Annotated[str, Query(description="Person id, or employee number.")],
    at: Annotated[AwareDatetime, Query(description="With an offset; a quarter of an hour around it counts.")],
) -> Response:
    """``stop``: judged, not_judged, unknown_person, put_aside, perhaps_waiting or not_made."""
    with ctx.database.read() as connection:
        found = where(connection, person, to_ms(at), ctx.zone)
    return Response(msgspec.json.encode(plain(found, ctx.zone)), media_type="application/json")


@router.get("/quarantine", summary="Input that was put aside, and gaps", response_model=dict[str, JsonValue])
def get_quarantine(ctx: Ctx, _client: ApiClient) -> Response:
    """The newest of what waits for somebody to look at it."""
    with ctx.database.read() as connection:
        found = list_aside(connection, ASIDE_MAX)
    rows = [{**asdict(one), "since": _iso(one.since_ms, ctx.zone)} for one in found]
    return Response(msgspec.json.encode({"quarantine": rows}), media_type="application/json")


def _punch(row: Row[Any], zone: ZoneInfo) -> dict[str, Plain]:
    return {
        "person_id": row.person_id,
        "terminal_id": row.terminal_id,
        "stream": row.stream_id.hex(),
        "seq": row.seq,
        "at": _iso(row.at_ms, zone),
        "device_at": _iso(row.wall_ms, zone),
        "received_at": _iso(row.received_ms, zone),
        "clock": ClockQuality(row.clock).name.lower(),
        "method": Method(row.method).name.lower(),
        "direction": Direction(row.direction).name.lower(),
    }


@router.get("/days", summary="Days as they were judged", response_model=Days)
def get_days(
    ctx: Ctx,
    _client: ApiClient,
    first: Annotated[date, Query(alias="from", description="Included.")],
    last: Annotated[date, Query(alias="to", description="Included.")],
    person: Person = None,
) -> Response:
    """Results by date and person, of closed months as frozen; fields as in docs/reference/rules.md section 2.

    The explanation is left out.
    """
    if last < first or (last - first).days >= DAYS_MAX:
        detail = f"from must not be after to, and at most {DAYS_MAX} days can be asked for"
        raise Problem(HTTPStatus.BAD_REQUEST, "bad_span", detail)
    with ctx.database.read() as connection:
        table = published_days(closings(connection), first, last).c
        query = select(table.person_id, table.result)
        if person is not None:
            query = query.where(table.person_id == _person_id(connection, person))
        query = query.order_by(table.date, table.person_id).limit(ROWS_MAX + 1)
        rows = connection.execute(query).all()
    if len(rows) > ROWS_MAX:
        raise Problem(HTTPStatus.BAD_REQUEST, "too_many_rows", f"more than {ROWS_MAX} days: ask for fewer")
    days: list[Plain] = [_day(person_id, result, explained=False) for person_id, result in rows]
    return _json({"days": days})


@router.get(
    "/days/{person}/{day}",
    summary="One day, and why it is judged so",
    response_model=dict[str, JsonValue],
)
def get_day(ctx: Ctx, _client: ApiClient, person: str, day: date) -> Response:
    """The result with its explanation, and what it was before."""
    with ctx.database.read() as connection:
        person_id = _person_id(connection, person)
        table = published_days(closings(connection), day, day)
        row = connection.execute(select(table).where(table.c.person_id == person_id)).first()
        if row is None:
            raise Problem(HTTPStatus.NOT_FOUND, "no_such_day", f"nothing was judged for {person} on {day}")
        changes = connection.execute(
            select(day_changes)
            .where(day_changes.c.person_id == person_id, day_changes.c.date == day)
            .order_by(day_changes.c.change_id)
        ).all()
    history: list[Plain] = [
        {"at": _iso(one.changed_ms, ctx.zone), "cause": one.cause, "difference": one.difference}
        for one in changes
    ]
    return _json(
        {
            **_day(person_id, row.result, explained=True),
            "judged_at": _iso(row.judged_ms, ctx.zone),
            "input_hash": row.input_hash.hex(),
            "changes": history,
        }
    )


@router.get("/terminals", summary="The doors", response_model=Terminals)
def get_terminals(ctx: Ctx, _client: ApiClient) -> Response:
    """Terminals in use, and how far each has told everything."""
    with ctx.database.read() as connection:
        terminals = all_terminals(connection)
    found: list[Plain] = [_terminal(one, ctx.zone) for one in terminals]
    return _json({"terminals": found})


def _json(content: dict[str, Plain]) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _person_id(connection: Connection, person: str) -> str:
    found: Iterable[str] = connection.execute(
        select(people.c.person_id).where((people.c.person_id == person) | (people.c.employee_no == person))
    ).scalars()
    for person_id in found:
        return person_id
    raise Problem(HTTPStatus.NOT_FOUND, "no_such_person", f"nobody has the id or number {person}")


def _day(person_id: str, result: bytes, *, explained: bool) -> dict[str, Plain]:
    day = decode(result)
    plain: dict[str, Plain] = {"person_id": person_id, "date": day.date.isoformat(), **day_plain(day)}
    if not explained:
        del plain["explanation"]
    return plain


def _terminal(one: Terminal, zone: ZoneInfo) -> dict[str, Plain]:
    state = one.state
    return {
        "terminal_id": one.terminal_id,
        "name": one.name,
        "site": one.site,
        "online": one.online,
        "last_seen": _iso(one.last_seen_ms, zone) if one.last_seen_ms is not None else None,
        "complete_until": _iso(one.watermark_ms, zone) if one.watermark_ms else None,
        "missing": one.missing,
        "waiting": state.waiting if state is not None else None,
        "clock_offset_ms": state.clock_offset_ms if state is not None else None,
        "people": state.people if state is not None else None,
        "app_version": state.app_version if state is not None else None,
        "parts": {part.name: part.health for part in state.parts} if state is not None else {},
    }


def _iso(at_ms: int, zone: ZoneInfo) -> str | None:
    try:
        return from_ms(at_ms).astimezone(zone).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError):
        # A terminal's clock may say a year that no calendar has.
        return None

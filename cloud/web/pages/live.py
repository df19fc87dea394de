"""What happens, as it happens: a stream of rows for the pages open now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse

from cloud.feed import DayJudged, Happening, PunchStored, TerminalChanged
from cloud.reports.dates import local_date
from cloud.reports.fleet import door_names
from cloud.reports.today import Chip, TodayRow, today_rows
from cloud.web.pages.site import Site
from cloud.web.pages.today import row_values
from cloud.web.sessions import Viewer

GATHER_S = 0.25
_BEAT_S = 15.0
_ROWS_MAX = 100


def add_routes(router: APIRouter, site: Site) -> None:
    """``/live``."""

    @router.get("/live")
    async def live(request: Request) -> Response:
        viewer = await run_in_threadpool(site.viewer_of_many, request)
        return StreamingResponse(
            _stream(site, viewer, request),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


async def _stream(site: Site, viewer: Viewer, request: Request) -> AsyncIterator[str]:
    """Rows of the people something happened to, gathered for a quarter of a second; a beat when nothing does.

    First it says that it listens: what happened before, the page has to read. Ends when the session does.
    """
    async with site.feed.listen() as happenings:
        yield "retry: 2000\nevent: listening\ndata: now\n\n"
        while not await request.is_disconnected():
            punched, others = await _gather(happenings, site)
            if not (punched or others):
                if await run_in_threadpool(site.find, request) is None:
                    return
                yield ": \n\n"
                continue
            message = await run_in_threadpool(_rows_message, site, viewer, punched, others)
            if message:
                yield f"event: rows\ndata: {message}\n\n"


async def _gather(happenings: asyncio.Queue[Happening], site: Site) -> tuple[set[str], set[str]]:
    """People who punched, and people whose day of today was judged; both empty after a quiet while."""
    punched: set[str] = set()
    judged: set[str] = set()
    with suppress(TimeoutError):
        async with asyncio.timeout(_BEAT_S):
            happening = await happenings.get()
            _sort(happening, punched, judged, site)
    with suppress(TimeoutError):
        async with asyncio.timeout(GATHER_S):
            while len(punched) + len(judged) < _ROWS_MAX and (punched or judged):
                _sort(await happenings.get(), punched, judged, site)
    return punched, judged - punched


def _sort(happening: Happening, punched: set[str], judged: set[str], site: Site) -> None:
    match happening:
        case PunchStored(person_id=person_id, at_ms=at_ms):
            if local_date(at_ms, site.zone) == local_date(site.now_ms(), site.zone):
                punched.add(person_id)
        case DayJudged(person_id=person_id, date=day):
            if day == local_date(site.now_ms(), site.zone):
                judged.add(person_id)
        case TerminalChanged():
            pass


def _rows_message(site: Site, viewer: Viewer, punched: set[str], judged: set[str]) -> str:
    """Rows as JSON, oldest punch first, so that the newest ends on top; people out of scope are not in it."""
    with site.database.read() as connection:
        rows = today_rows(connection, viewer.scope, punched | judged, site.now_ms(), site.zone)
        doors = door_names(connection)
    if not rows:
        return ""
    values = row_values(site, viewer, rows) | {"doors": doors}
    changes = [
        _change(site, viewer, row, values, punched=row.person.person_id in punched) for row in reversed(rows)
    ]
    return msgspec.json.encode(changes).decode()


def _change(
    site: Site, viewer: Viewer, row: TodayRow, values: dict[str, object], *, punched: bool
) -> dict[str, object]:
    frame = site.frame(viewer, "today")
    date = local_date(site.now_ms(), site.zone)
    return {
        "person": row.person.person_id,
        "department": row.person.department_id,
        "states": [chip.value for chip in Chip if row.counts_for(chip)],
        "punched": punched,
        "html": site.renderer.text(
            "parts/today_row.html", frame, values | {"row": row, "found": {"date": date}}
        ),
    }

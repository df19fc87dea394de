"""Today: who is in, who is not, and what nobody knows; rows move as people punch."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from cloud.reports import today as read
from cloud.reports.calendar import leave_names
from cloud.reports.people import Filter
from cloud.reports.today import Chip, Presence, Today, TodayRow
from cloud.web.chips import Chips
from cloud.web.pages.site import Site
from cloud.web.sessions import Viewer

ROWS_MAX = 200
_INSIDE = (Presence.IN, Presence.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    department: str = ""
    state: str = ""

    def query(self, *, department: str | None = None, state: str | None = None) -> str:
        """``/today`` with these filters."""
        pairs = {
            "department": self.department if department is None else department,
            "state": self.state if state is None else state,
        }
        kept = {name: value for name, value in pairs.items() if value}
        return "/today" + (f"?{urlencode(kept)}" if kept else "")

    def people(self, limit: int) -> read.Asked:
        """The question to the read side."""
        wanted = Filter(self.department or None)
        if self.state in {"", Chip.LATE}:
            return read.Asked(wanted, late=self.state == Chip.LATE, limit=limit)
        return read.Asked(wanted, frozenset({Presence(self.state)}), limit=limit)


def add_routes(router: APIRouter, site: Site) -> None:
    """``/today`` and ``/today/muster``."""

    @router.get("/today")
    def show(request: Request, department: str = "", state: str = "") -> Response:
        viewer = site.viewer_of_many(request)
        asked = Asked(department, state if state in set(Chip) else "")
        found = _read(site, viewer, asked.people(ROWS_MAX))
        part = request.headers.get("HX-Target") == "counts"
        template = "parts/today_counts.html" if part else "today.html"
        return site.renderer.page(template, site.frame(viewer, "today"), _values(site, viewer, found, asked))

    @router.get("/today/muster")
    def muster(request: Request, department: str = "") -> Response:
        viewer = site.viewer_of_many(request)
        wanted = Filter(department or None)
        found = _read(site, viewer, read.Asked(wanted, frozenset({*_INSIDE, Presence.LEFT})))
        inside = sorted(
            (row for row in found.rows if row.presence in _INSIDE),
            key=lambda row: (row.presence is Presence.UNKNOWN, row.person.department, row.person.employee_no),
        )
        values = {
            "inside": inside,
            "left": [row for row in found.rows if row.presence is Presence.LEFT],
            "found": found,
            "doors": {door.terminal_id: door.name for door in found.doors},
            "now_ms": site.now_ms(),
        }
        return site.renderer.page("muster.html", site.frame(viewer, "today"), values)


def _read(site: Site, viewer: Viewer, asked: read.Asked) -> Today:
    with site.database.read() as connection:
        return read.today(connection, viewer.scope, asked, site.now_ms(), site.zone)


def _values(site: Site, viewer: Viewer, found: Today, asked: Asked) -> dict[str, object]:
    return {
        "found": found,
        "asked": asked,
        "chips": list(Chip),
        "rows": found.rows,
        "rows_n": found.rows_n,
        "now_ms": site.now_ms(),
        "weekday": found.date.weekday(),
        **row_values(site, viewer, found.rows),
        "doors": {door.terminal_id: door.name for door in found.doors},
    }


def row_values(site: Site, viewer: Viewer, rows: list[TodayRow]) -> dict[str, object]:
    """What a row needs to be drawn."""
    with site.database.read() as connection:
        chips = Chips(viewer.language, leave_names(connection))
    return {"drawn": {row.person.person_id: chips.of_day(row.day) for row in rows}}

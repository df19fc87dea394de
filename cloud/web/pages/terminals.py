"""The doors: which report, which do not, and what they still hold; worst first. And where a punch is."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from cloud.reports.aside import count_aside, list_aside
from cloud.reports.fleet import Standing, list_doors
from cloud.reports.where import Whereabouts, where
from cloud.web.pages.site import Site
from models.clock import to_ms

_LISTED = 20


def _where(connection: Connection, site: Site, request: Request) -> Whereabouts | None:
    """The answer to the form, if it was filled in."""
    person = request.query_params.get("person", "").strip()
    try:
        at = datetime.fromisoformat(request.query_params.get("at", ""))
    except ValueError:
        return None
    if not person:
        return None
    instant = at if at.tzinfo is not None else at.replace(tzinfo=site.zone)
    return where(connection, person, to_ms(instant), site.zone)


def add_routes(router: APIRouter, site: Site) -> None:
    """``/terminals``."""

    @router.get("/terminals")
    def show(request: Request) -> Response:
        viewer = site.viewer_of_everyone(request)
        with site.database.read() as connection:
            doors = list_doors(connection, site.now_ms())
            values: dict[str, object] = {
                "doors": doors,
                "well": sum(door.standing is Standing.WELL for door in doors),
                "aside": count_aside(connection),
                "listed": list_aside(connection, _LISTED),
                "asked": request.query_params,
                "found": _where(connection, site, request),
            }
        return site.renderer.page("terminals.html", site.frame(viewer, "terminals"), values)

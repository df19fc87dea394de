"""The doors: which report, which do not, and what they still hold; worst first."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from cloud.reports.fleet import Standing, list_doors
from cloud.web.pages.site import Site


def add_routes(router: APIRouter, site: Site) -> None:
    """``/terminals``."""

    @router.get("/terminals")
    def show(request: Request) -> Response:
        viewer = site.viewer_of_everyone(request)
        with site.database.read() as connection:
            doors = list_doors(connection, site.now_ms())
        values = {"doors": doors, "well": sum(door.standing is Standing.WELL for door in doors)}
        return site.renderer.page("terminals.html", site.frame(viewer, "terminals"), values)

"""All pages and files as one router, and how an application gets them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse

from cloud.db.engine import Database
from cloud.feed import Feed
from cloud.web.assets import mount_static
from cloud.web.pages import (
    calendar,
    day,
    exports,
    groups,
    live,
    login,
    month,
    period,
    person,
    review,
    roster,
    rules,
    shifts,
    sign,
    terminals,
    today,
    whatif,
)
from cloud.web.pages.site import Site, install_errors, page_route
from cloud.web.rendering import Renderer
from models.clock import Clock


def add_pages(app: FastAPI, database: Database, feed: Feed, clock: Clock, zone: ZoneInfo) -> None:
    """Give ``app`` the pages, the month's files, static files, and error pages for unknown addresses.

    Call it after ``problems.install``: what is below ``/api`` keeps its problems.
    """
    site = Site(database, feed, clock, zone, Renderer(zone))
    app.include_router(exports.build_reports_router(site))
    app.include_router(build_router(site))
    mount_static(app)
    install_errors(app, site)


def build_router(site: Site) -> APIRouter:
    """Every page; each answers with our headers and asks who is looking."""
    router = APIRouter(
        route_class=page_route(site), default_response_class=HTMLResponse, include_in_schema=False
    )
    for page in (login, today, live, month, day, person, sign, period, terminals):
        page.add_routes(router, site)
    for page in (rules, groups, shifts, roster, calendar, whatif, review):
        page.add_routes(router, site)
    return router

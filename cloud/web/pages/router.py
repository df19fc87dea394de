"""All pages as one router."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from cloud.db.engine import Database
from cloud.feed import Feed
from cloud.web.pages import day, live, login, month, person, terminals, today
from cloud.web.pages.site import Site, page_route
from cloud.web.rendering import Renderer
from models.clock import Clock


def build_site(database: Database, feed: Feed, clock: Clock, zone: ZoneInfo) -> Site:
    """What the pages work on."""
    return Site(database, feed, clock, zone, Renderer(zone))


def build_router(site: Site) -> APIRouter:
    """Every page; each answers with our headers and asks who is looking."""
    router = APIRouter(
        route_class=page_route(site), default_response_class=HTMLResponse, include_in_schema=False
    )
    for page in (login, today, live, month, day, person, terminals):
        page.add_routes(router, site)
    return router

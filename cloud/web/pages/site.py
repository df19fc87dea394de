"""What every page works on, who is looking, and what happens when a page cannot be shown."""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import structlog
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from cloud.db.engine import Database
from cloud.feed import Feed
from cloud.reports.dates import Month, local_date, month_of
from cloud.web.guard import add_headers, get_cookie, is_own_form
from cloud.web.problems import PREFIXES
from cloud.web.rendering import Frame, Renderer
from cloud.web.sessions import Viewer, find_viewer, touch_session
from models.clock import Clock
from models.person import Language

SESSION_COOKIE = "kaoqin"

_FRAMES = 8

log = structlog.get_logger()


class PageRefused(Exception):
    """A page that is not shown. 403: not for this role; 404: there is none, or none to know of."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class SignInNeeded(Exception):
    """Nobody is signed in, or no longer."""


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of the service that the pages work on."""

    database: Database
    feed: Feed
    clock: Clock
    zone: ZoneInfo
    renderer: Renderer

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00Z."""
        return self.clock.wall_ms()

    def this_month(self) -> Month:
        """The month it is at the firm."""
        return month_of(local_date(self.now_ms(), self.zone))

    def find(self, request: Request) -> Viewer | None:
        """Who is signed in."""
        token = get_cookie(request, SESSION_COOKIE)
        if not token:
            return None
        with self.database.read() as connection:
            viewer = find_viewer(connection, token, self.now_ms())
        if viewer is not None and viewer.stale:
            with self.database.write() as connection:
                touch_session(connection, token, self.now_ms())
        return viewer

    def viewer(self, request: Request) -> Viewer:
        """Who is signed in.

        Raises:
            SignInNeeded: nobody is.
        """
        viewer = self.find(request)
        if viewer is None:
            raise SignInNeeded
        return viewer

    def viewer_of_many(self, request: Request) -> Viewer:
        """Who is signed in, if they may see more people than themselves.

        Raises:
            SignInNeeded: nobody is.
            PageRefused: they are staff.
        """
        viewer = self.viewer(request)
        if not viewer.sees_many:
            raise PageRefused(HTTPStatus.FORBIDDEN)
        return viewer

    def viewer_of_everyone(self, request: Request) -> Viewer:
        """Who is signed in, if they are HR or admin.

        Raises:
            SignInNeeded: nobody is.
            PageRefused: they are not.
        """
        viewer = self.viewer(request)
        if not viewer.sees_everyone:
            raise PageRefused(HTTPStatus.FORBIDDEN)
        return viewer

    def frame(self, viewer: Viewer, here: str) -> Frame:
        """The frame around a page of ``viewer``."""
        return Frame(viewer.language, self.this_month(), viewer, here)

    def error(self, request: Request, status: HTTPStatus, number: str = "") -> Response:
        """The page that says why there is no page."""
        viewer = None if status is HTTPStatus.INTERNAL_SERVER_ERROR else self.find(request)
        language = asked_language(request) if viewer is None else viewer.language
        known = status if status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND} else None
        shown = known or (
            HTTPStatus.INTERNAL_SERVER_ERROR
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR
            else HTTPStatus.NOT_FOUND
        )
        frame = Frame(language, self.this_month(), viewer)
        values = {"key": str(shown.value), "number": number}
        return self.renderer.page("error.html", frame, values, status.value)


def require_own_form(request: Request, csrf: str, viewer: Viewer) -> None:
    """Let only forms of our own pages change something.

    Raises:
        PageRefused: the token is not that of the viewer's session, or the form comes from elsewhere.
    """
    given = csrf or request.headers.get("X-CSRF-Token", "")
    if not is_own_form(request, given, viewer.csrf):
        raise PageRefused(HTTPStatus.FORBIDDEN)


def asked_language(request: Request) -> Language:
    """The language asked for by ``?language=`` or the browser; Chinese otherwise."""
    asked = request.query_params.get("language", "")
    if asked in set(Language):
        return Language(asked)
    first = request.headers.get("Accept-Language", "").split(",")[0].strip().lower()
    return Language.EN if first.startswith("en") else Language.ZH


def page_route(site: Site) -> type[APIRoute]:
    """Routes whose every answer is a page with our headers, whatever happens behind it."""

    class PageRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            inner = super().get_route_handler()

            async def handle(request: Request) -> Response:
                try:
                    response = await inner(request)
                except SignInNeeded:
                    response = sign_in_first(request)
                except PageRefused as refused:
                    response = await run_in_threadpool(site.error, request, refused.status)
                except (HTTPException, RequestValidationError):
                    response = await run_in_threadpool(site.error, request, HTTPStatus.NOT_FOUND)
                except Exception as error:  # noqa: BLE001  the reader is told in words, the log in full
                    response = failed(site, request, error)
                add_headers(request, response)
                return response

            return handle

    return PageRoute


def sign_in_first(request: Request) -> Response:
    """To the sign-in page, and back afterwards."""
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    address = f"/login?next={quote(target)}" if request.method == "GET" else "/login"
    if "HX-Request" in request.headers:
        return Response(status_code=HTTPStatus.OK, headers={"HX-Redirect": "/login"})
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def failed(site: Site, request: Request, error: Exception) -> Response:
    """The page for what should not happen; its number leads to the log, which holds no person's data."""
    number = secrets.token_hex(4)
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames[-_FRAMES:]]
    log.error("page_failed", number=number, error=type(error).__name__, places=places)
    return site.error(request, HTTPStatus.INTERNAL_SERVER_ERROR, number)


def install_errors(app: FastAPI, site: Site) -> None:
    """Errors outside any page (an unknown address) are pages too; those of the API stay as they are."""
    before = app.exception_handlers.get(HTTPException)

    async def handle(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        if request.url.path.startswith(PREFIXES) and before is not None:
            answer = before(request, error)
            return answer if isinstance(answer, Response) else await answer
        response = await run_in_threadpool(site.error, request, HTTPStatus(error.status_code))
        add_headers(request, response)
        return response

    app.add_exception_handler(HTTPException, handle)

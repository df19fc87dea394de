"""Signing in and out, and the language switch."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import insert

from cloud.db.tables import audit
from cloud.terminals.tries import Tries
from cloud.web.guard import clear_cookie, get_cookie, is_own_form, set_cookie
from cloud.web.pages.site import SESSION_COOKIE, PageRefused, Site, asked_language, require_own_form
from cloud.web.rendering import Frame
from cloud.web.sessions import (
    Viewer,
    close_session,
    open_session,
    password_fits,
    set_language,
)
from models.person import Language

FORM_COOKIE = "kaoqin-form"
WINDOW_MS = 10 * 60_000
_EACH_LOGIN = 10
_EACH_ADDRESS = 50
_ALL = 5_000
_TOKEN_BYTES = 32
_LOGIN_MAX = 64
_PASSWORD_MAX = 256


class Doorman:
    """Counts failed tries: ten for a user name from one address, fifty from one address, in ten minutes.

    Counting by name *and* address keeps a stranger from locking somebody out.
    """

    def __init__(self, site: Site) -> None:
        self._by_login = Tries(site.clock, _EACH_LOGIN, _ALL, WINDOW_MS)
        self._by_address = Tries(site.clock, _EACH_ADDRESS, _ALL, WINDOW_MS)

    def refuses(self, login: str, address: str) -> bool:
        """Whether they have to wait."""
        return self._by_login.exhausted(f"{login}@{address}") or self._by_address.exhausted(address)

    def failed(self, login: str, address: str) -> None:
        """A try failed."""
        self._by_login.failed(f"{login}@{address}")
        self._by_address.failed(address)


def add_routes(router: APIRouter, site: Site) -> None:
    """``/``, ``/login``, ``/logout``, ``/language``."""
    _add_signing_in(router, site)
    _add_session(router, site)


def _add_signing_in(router: APIRouter, site: Site) -> None:
    doorman = Doorman(site)

    @router.get("/login")
    def show(request: Request, next: str = "/") -> Response:  # noqa: A002  the name in the address
        viewer = site.find(request)
        if viewer is not None:
            return RedirectResponse(home(site, viewer), HTTPStatus.SEE_OTHER)
        return _form(site, request, _own_path(next))

    @router.post("/login")
    def sign_in(
        request: Request,
        login: Annotated[str, Form(max_length=_LOGIN_MAX)] = "",
        password: Annotated[str, Form(max_length=_PASSWORD_MAX)] = "",
        csrf: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",  # noqa: A002  the name of the field
    ) -> Response:
        if not is_own_form(request, csrf, get_cookie(request, FORM_COOKIE)):
            return _form(site, request, _own_path(next), "login.expired", HTTPStatus.FORBIDDEN)
        address = request.client.host if request.client else ""
        if doorman.refuses(login, address):
            return _form(site, request, _own_path(next), "login.wait", HTTPStatus.TOO_MANY_REQUESTS)
        with site.database.read() as connection:
            fits = password_fits(connection, login, password)
        if not fits:
            doorman.failed(login, address)
            _note_failure(site, address)
            return _form(site, request, _own_path(next), "login.wrong", HTTPStatus.UNAUTHORIZED)
        with site.database.write() as connection:
            token = open_session(connection, login, site.now_ms())
        response = RedirectResponse(_own_path(next), HTTPStatus.SEE_OTHER)
        set_cookie(request, response, SESSION_COOKIE, token)
        clear_cookie(request, response, FORM_COOKIE)
        return response


def _add_session(router: APIRouter, site: Site) -> None:
    @router.get("/")
    def start(request: Request) -> Response:
        return RedirectResponse(home(site, site.viewer(request)), HTTPStatus.SEE_OTHER)

    @router.post("/logout")
    def sign_out(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
        require_own_form(request, csrf, site.viewer(request))
        with site.database.write() as connection:
            close_session(connection, get_cookie(request, SESSION_COOKIE))
        response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        clear_cookie(request, response, SESSION_COOKIE)
        return response

    @router.post("/language")
    def switch(
        request: Request,
        language: Annotated[Language, Form()],
        csrf: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",  # noqa: A002  the name of the field
    ) -> Response:
        viewer = site.viewer(request)
        require_own_form(request, csrf, viewer)
        with site.database.write() as connection:
            set_language(connection, viewer.login, language)
        return RedirectResponse(_own_path(next), HTTPStatus.SEE_OTHER)


def home(site: Site, viewer: Viewer) -> str:
    """Where a viewer starts: today, or one's own month.

    Raises:
        PageRefused: a member of staff whom no person belongs to.
    """
    if viewer.sees_many:
        return "/today"
    if viewer.person_id is None:
        raise PageRefused(HTTPStatus.FORBIDDEN)
    return f"/person/{viewer.person_id}/{site.this_month()}"


def _form(
    site: Site, request: Request, target: str, trouble: str = "", status: HTTPStatus = HTTPStatus.OK
) -> Response:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    values = {"csrf": token, "next": target, "trouble": trouble, "wait_minutes": WINDOW_MS // 60_000}
    frame = Frame(asked_language(request), site.this_month())
    response = site.renderer.page("login.html", frame, values, status.value)
    set_cookie(request, response, FORM_COOKIE, token)
    return response


def _own_path(target: str) -> str:
    """``target`` if it is a path of this site, else the start: nobody is sent elsewhere after signing in."""
    parts = urlsplit(target)
    ours = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc
    return target if ours and "\n" not in target and "\r" not in target else "/"


def _note_failure(site: Site, address: str) -> None:
    with site.database.write() as connection:
        connection.execute(
            insert(audit).values(at_ms=site.now_ms(), actor="", action="sign_in_failed", target=address)
        )

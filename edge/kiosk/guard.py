"""Who may speak to the kiosk's server: the page it served itself, from this machine."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OWN_NAMES = {"127.0.0.1", "localhost", "::1"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def refusal(method: str, headers: Headers) -> str | None:
    """Why a request is refused, or None.

    A page from elsewhere, open in the same browser, can send requests to this port. It gives itself away:
    by its own name as Host (a name made to point here), by its Origin, or by what the browser says of the
    site.
    """
    host = headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in _OWN_NAMES:
        return "this server is asked by its own name only"
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return "another site's page asked"
    if method in {"GET", "HEAD"}:
        return None
    if headers.get("origin") != f"http://{host}":
        return "only the kiosk's own page may do this"
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return "JSON is expected"
    return None


class Guard:
    """Refuses strangers, and tells the browser what the page may load: its own files, nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is allowed, answer the rest with 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        reason = refusal(scope["method"], Headers(scope=scope))
        app = self._app if reason is None else PlainTextResponse(reason, HTTPStatus.FORBIDDEN)
        await app(scope, receive, send_guarded)

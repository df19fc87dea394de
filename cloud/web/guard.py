"""What every page sends and asks for: security headers, cookies, proof that a form is our own."""

from __future__ import annotations

import hmac
from typing import Final

from fastapi import Request
from fastapi.responses import Response

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_HSTS = "max-age=31536000; includeSubDomains"
_OWN_SITES = {"same-origin", "none"}


def is_https(request: Request) -> bool:
    """Whether the browser speaks TLS to us or to the proxy before us."""
    return request.url.scheme == "https"


def add_headers(request: Request, response: Response) -> None:
    """Headers of every page; pages are personal, so nothing may keep them."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Vary", "Cookie, HX-Request")
    if is_https(request):
        response.headers.setdefault("Strict-Transport-Security", _HSTS)


def cookie_name(request: Request, name: str) -> str:
    """``__Host-`` binds a cookie to this very host; browsers take it only over TLS."""
    return f"__Host-{name}" if is_https(request) else name


def set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    """A cookie that scripts cannot read and other sites cannot send."""
    response.set_cookie(
        cookie_name(request, name), value, secure=is_https(request), httponly=True, samesite="lax", path="/"
    )


def clear_cookie(request: Request, response: Response, name: str) -> None:
    """Forget a cookie."""
    response.delete_cookie(
        cookie_name(request, name), secure=is_https(request), httponly=True, samesite="lax", path="/"
    )


def get_cookie(request: Request, name: str) -> str:
    """The value of a cookie, or an empty text."""
    return request.cookies.get(cookie_name(request, name), "")


def is_own_form(request: Request, given: str, expected: str) -> bool:
    """Whether a request that changes something comes from a form of ours.

    The token must match, and what the browser says of the origin must not speak against it.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in _OWN_SITES:
        return False
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.url.netloc}":
        return False
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())

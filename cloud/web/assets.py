"""Static files. Their addresses carry a mark of what is in them, so browsers may keep them for ever."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Scope

from cloud.web.guard import HEADERS

_DIRECTORY = Path(__file__).parent / "static"
_FOR_EVER = "public, max-age=31536000, immutable"
_HTMX_VERSION = version("django-js-lib-htmx")
_MARK = 10


@cache
def address(name: str) -> str:
    """Where the static file ``name`` is served."""
    if name == "htmx.js":
        return f"/static/htmx-{_HTMX_VERSION}.js"
    mark = sha256((_DIRECTORY / name).read_bytes()).hexdigest()[:_MARK]
    return f"/static/{name}?v={mark}"


def mount_static(app: FastAPI) -> None:
    """Serve our files, and htmx from the package that brings it, below ``/static``."""
    htmx = Path(str(files("js_lib_htmx") / "static" / "htmx" / "htmx.min.js"))

    def serve_htmx(_request: Request) -> Response:
        return _kept(FileResponse(htmx, media_type="text/javascript"))

    app.add_route(f"/static/htmx-{_HTMX_VERSION}.js", serve_htmx, include_in_schema=False)
    app.mount("/static", _Files(directory=_DIRECTORY), name="static")


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        return _kept(await super().get_response(path, scope))


def _kept(response: Response) -> Response:
    response.headers.update(HEADERS)
    response.headers["Cache-Control"] = _FOR_EVER
    return response

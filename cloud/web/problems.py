"""Errors of the API as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

PREFIXES = ("/api/", "/terminal/")
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """Ends a request with an answer that a program can act on.

    ``code`` is stable and names the kind of problem; ``detail`` says what is wrong with this request.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        errors: Sequence[dict[str, object]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        self.errors = list(errors)


def respond(problem: Problem) -> JSONResponse:
    """The answer that a problem is."""
    content: dict[str, object] = {
        "type": f"urn:kaoqin:problem:{problem.code}",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "code": problem.code,
        "detail": problem.detail,
    }
    if problem.errors:
        content["errors"] = problem.errors
    return JSONResponse(content, problem.status.value, problem.headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error below ``PREFIXES`` in this form; pages keep their own."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _problem(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return respond(error)


async def _invalid(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [
        {"where": ".".join(str(part) for part in one["loc"]), "detail": one["msg"]} for one in error.errors()
    ]
    detail = f"{errors[0]['where']}: {errors[0]['detail']}"
    return respond(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail, errors=errors))


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if not request.url.path.startswith(PREFIXES):
        return await http_exception_handler(request, error)
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "_")
    return respond(Problem(status, code, str(error.detail), headers=dict(error.headers or {}) or None))

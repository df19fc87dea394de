"""What the endpoints work on, and who is asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from cloud.db.engine import Database
from cloud.feed import Feed
from cloud.ingest.worker import IngestWorker
from cloud.people.users import token_name
from cloud.terminals.certificates import Signer
from cloud.terminals.fleet import Terminal, by_token
from cloud.terminals.tries import Tries
from cloud.web.problems import Problem
from models.clock import Clock


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of the service that the API speaks to.

    ``broker_url``: what a claimed terminal is told. ``ailments``: why the service is not ready, by part.
    ``revocations``: writes down for the broker who is shut out.
    """

    database: Database
    feed: Feed
    clock: Clock
    zone: ZoneInfo
    ingest: IngestWorker
    claims: Tries
    signer: Signer
    revocations: Callable[[], None]
    broker_url: Callable[[], str]
    ailments: Callable[[], dict[str, str]]


def context(request: Request) -> Context:
    """The context that the composition root put on the application."""
    found = request.app.state.context
    if not isinstance(found, Context):
        raise TypeError("the application has no context")
    return found


Ctx = Annotated[Context, Depends(context)]
_bearer = HTTPBearer(auto_error=False, description="A token of `kaoqin-cloud user token NAME`.")
_terminal_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="TerminalToken",
    description="The secret a terminal got when it was claimed.",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
TerminalCredentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_terminal_bearer)]


def api_client(ctx: Ctx, credentials: Credentials) -> str:
    """The name of the token that asks.

    Raises:
        Problem: there is no valid one.
    """
    name = None
    if credentials is not None:
        with ctx.database.read() as connection:
            name = token_name(connection, credentials.credentials)
    if name is None:
        raise _unauthorized("a bearer token is needed: kaoqin-cloud user token NAME")
    return name


def terminal_client(ctx: Ctx, credentials: TerminalCredentials) -> Terminal:
    """The terminal that asks.

    Raises:
        Problem: it has no valid secret, or was revoked.
    """
    terminal = None
    if credentials is not None:
        with ctx.database.read() as connection:
            terminal = by_token(connection, credentials.credentials)
    if terminal is None:
        raise _unauthorized("the terminal is not claimed, or was revoked")
    return terminal


ApiClient = Annotated[str, Depends(api_client)]
TerminalClient = Annotated[Terminal, Depends(terminal_client)]


def _unauthorized(detail: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})

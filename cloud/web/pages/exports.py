"""``/api/v1/reports/month/{yyyy-mm}.{json,xlsx,csv}``: for programs by token, for buttons by session."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from sqlalchemy import Connection
from starlette.background import BackgroundTask

from cloud.attendance.periods import closings
from cloud.people.users import token_name
from cloud.reports.calendar import leave_names, month_days
from cloud.reports.completeness import Completeness, completeness
from cloud.reports.dates import Month, midnight_ms, parse_month
from cloud.reports.exports.delimited import write_csv
from cloud.reports.exports.plain import write_json
from cloud.reports.exports.sheet import MonthSheet
from cloud.reports.exports.workbook import write_xlsx
from cloud.reports.fleet import list_doors, silent_doors
from cloud.reports.month import everyone_month
from cloud.reports.people import Filter
from cloud.reports.phrases import Phrases
from cloud.reports.scope import Everyone, Scope
from cloud.web.guard import add_headers
from cloud.web.pages.site import Site, asked_language
from cloud.web.problems import Problem
from cloud.web.words import words
from models.person import Language

_BEARER = "Bearer "
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TYPES = {"json": "application/json", "xlsx": _XLSX, "csv": "text/csv; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be written, for whom."""

    month: Month
    scope: Scope
    language: Language
    wanted: Filter


def build_reports_router(site: Site) -> APIRouter:
    """The month as files; errors are problems, as everywhere below ``/api``."""
    router = APIRouter(prefix="/api/v1/reports", tags=["reports"])

    @router.get("/month/{month}.{kind}", response_class=FileResponse)
    def month(request: Request, month: str, kind: str, department: str = "", q: str = "") -> Response:
        """The month of everybody the token or session may see, one row a person."""
        scope, language = _reader(site, request)
        chosen = parse_month(month)
        if chosen is None or kind not in _TYPES:
            detail = "ask for YYYY-MM.json, YYYY-MM.xlsx or YYYY-MM.csv"
            raise Problem(HTTPStatus.NOT_FOUND, "no_such_report", detail)
        path = _written(site, kind, _Order(chosen, scope, language, Filter(department or None, q)))
        response = FileResponse(
            path,
            media_type=_TYPES[kind],
            filename=f"{words(language)('export.file', month=str(chosen))}.{kind}",
            background=BackgroundTask(path.unlink),
        )
        add_headers(request, response)
        return response

    return router


def _reader(site: Site, request: Request) -> tuple[Scope, Language]:
    """Whose people the file shows and in which language.

    Raises:
        Problem: neither a valid token nor a session.
    """
    credentials = request.headers.get("Authorization", "")
    if credentials.startswith(_BEARER):
        with site.database.read() as connection:
            known = token_name(connection, credentials.removeprefix(_BEARER)) is not None
        if known:
            return Everyone(), asked_language(request)
    elif (viewer := site.find(request)) is not None:
        return viewer.scope, viewer.language
    raise Problem(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        "a bearer token is needed: kaoqin-cloud user token NAME",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _written(site: Site, kind: str, order: _Order) -> Path:
    """A temporary file with the report; whoever sends it deletes it."""
    with tempfile.NamedTemporaryFile(prefix="kaoqin-", suffix=f".{kind}", delete=False) as file:
        path = Path(file.name)
    try:
        with site.database.read() as connection:
            sheet = _sheet(connection, site, order)
            if kind == "xlsx":
                write_xlsx(path, sheet)
            elif kind == "csv":
                with path.open("w", encoding="utf-8", newline="") as text:
                    write_csv(text, sheet)
            else:
                with path.open("wb") as binary:
                    write_json(binary, sheet)
    except BaseException:
        path.unlink()
        raise
    return path


def _sheet(connection: Connection, site: Site, order: _Order) -> MonthSheet:
    now_ms = site.now_ms()
    phrases = Phrases(words(order.language), leave_names(connection))
    until = min(now_ms, midnight_ms(order.month.next.first, site.zone))
    silent = silent_doors(list_doors(connection, now_ms), until)
    closing = closings(connection).get(order.month)
    return MonthSheet(
        month=order.month,
        days=month_days(connection, order.month),
        phrases=phrases,
        rows=everyone_month(connection, order.scope, order.month, order.wanted),
        made=site.renderer.when(now_ms),
        awaited=_awaited(completeness(connection, order.scope, order.month, silent), phrases)
        if closing is None
        else "",
        closing=closing,
        closed="" if closing is None else site.renderer.when(closing.at_ms),
    )


def _awaited(found: Completeness, phrases: Phrases) -> str:
    counts = {
        "silent": len(found.silent),
        "pending": found.pending_n,
        "undecided": found.undecided_n,
        "stale": found.stale_n,
    }
    texts = phrases.texts
    return texts("say.joined").join(texts(f"complete.{name}", n=n) for name, n in counts.items() if n)

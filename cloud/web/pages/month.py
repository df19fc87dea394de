"""The month HR closes: the grid, its filters, and how complete it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.reports.calendar import MonthDay, leave_names, month_days
from cloud.reports.columns import SETS, Column, Measure, columns_of
from cloud.reports.completeness import completeness
from cloud.reports.dates import Month, local_date, midnight_ms, parse_month
from cloud.reports.fleet import list_doors, silent_doors
from cloud.reports.marks import Mark, Verdict
from cloud.reports.month import PersonMonth, month_page
from cloud.reports.people import Filter, PersonBrief, list_departments
from cloud.reports.totals import MonthTotals
from cloud.rules.rounding import number
from cloud.web.chips import Chip, Chips
from cloud.web.pages.site import PageRefused, Site
from cloud.web.sessions import Viewer
from cloud.web.words import words

_TEXT_MAX = 60
FILTERED = tuple(verdict for verdict in Verdict if verdict not in {Verdict.NONE, Verdict.OPEN})


@dataclass(frozen=True, slots=True)
class View:
    """What the address asks for; ``query`` writes it back, changed where asked."""

    department: str = ""
    verdict: str = ""
    q: str = ""
    cols: str = SETS[0]
    page: int = 1

    def query(self, **changes: str | int) -> str:
        """``?…`` with only what is not the default."""
        changed = replace(self, **changes)  # type: ignore[arg-type]
        default = View()
        pairs = {
            name: getattr(changed, name)
            for name in ("department", "verdict", "q", "cols", "page")
            if getattr(changed, name) != getattr(default, name)
        }
        return f"?{urlencode(pairs)}" if pairs else ""

    def people_query(self) -> str:
        """``?…`` with only what chooses people, for the files."""
        return View(department=self.department, q=self.q).query()

    @property
    def filtered(self) -> bool:
        """Whether people are left out."""
        return bool(self.department or self.verdict or self.q)


@dataclass(frozen=True, slots=True)
class Head:
    """A column of totals: short and full name."""

    short: str
    full: str


@dataclass(frozen=True, slots=True)
class GridRow:
    """One person as the grid draws them."""

    person: PersonBrief
    chips: list[Chip]
    totals: list[str]


def add_routes(router: APIRouter, site: Site) -> None:
    """``/month`` and ``/month/{yyyy-mm}``."""

    @router.get("/month")
    def this_month(request: Request) -> Response:
        site.viewer_of_many(request)
        return RedirectResponse(f"/month/{site.this_month()}", HTTPStatus.SEE_OTHER)

    @router.get("/month/{month}")
    def show(request: Request, month: str) -> Response:
        viewer = site.viewer_of_many(request)
        chosen = parse_month(month)
        if chosen is None:
            raise PageRefused(HTTPStatus.NOT_FOUND)
        with site.database.read() as connection:
            values = _values(connection, site, viewer, chosen, _asked(request))
        part = request.headers.get("HX-Target") == "month"
        template = "parts/month_grid.html" if part else "month.html"
        return site.renderer.page(template, site.frame(viewer, "month"), {**values, "part": part})


def _asked(request: Request) -> View:
    """The view of an address; what makes no sense is left out."""
    asked = request.query_params
    verdict, cols, page = asked.get("verdict", ""), asked.get("cols", ""), asked.get("page", "")
    return View(
        department=asked.get("department", ""),
        verdict=verdict if verdict in set(FILTERED) else "",
        q=asked.get("q", "")[:_TEXT_MAX],
        cols=cols if cols in SETS else SETS[0],
        page=int(page) if page.isascii() and page.isdigit() and len(page) < _TEXT_MAX else 1,
    )


def head_of(column: Column, chips: Chips) -> Head:
    """The names of a column."""
    texts = chips.phrases.texts
    if column.leave_type is None:
        return Head(texts(f"columns.{column.key}"), texts(f"columns.{column.key}_long"))
    name = chips.phrases.leave(column.leave_type)
    return Head(name, texts("columns.leave_of_long", name=name))


def total_text(column: Column, totals: MonthTotals) -> str:
    """A total as pages show it; nothing for zero, so that what matters stands out."""
    value = column.value(totals)
    if not value:
        return ""
    if column.measure is Measure.HOURS:
        return f"{float(value):.1f}"
    return str(number(Fraction(value)))


def _values(
    connection: Connection, site: Site, viewer: Viewer, month: Month, view: View
) -> dict[str, object]:
    today = local_date(site.now_ms(), site.zone)
    wanted = Filter(view.department or None, view.q)
    verdict = Verdict(view.verdict) if view.verdict else None
    found = month_page(connection, viewer.scope, month, wanted, verdict, view.page)
    leaves = leave_names(connection)
    chips = Chips(viewer.language, leaves)
    taken = sorted({leave for row in found.rows for leave in row.totals.leave_days})
    columns = columns_of(view.cols, taken)
    until = min(site.now_ms(), midnight_ms(month.next.first, site.zone))
    silent = silent_doors(list_doors(connection, site.now_ms()), until)
    return {
        "month": month,
        "view": view,
        "found": found,
        "days": [_DayHead.of(day, today) for day in month_days(connection, month)],
        "rows": [_row(row, chips, columns) for row in found.rows],
        "heads": [head_of(column, chips) for column in columns],
        "sets": SETS,
        "verdicts": FILTERED,
        "departments": list_departments(connection, viewer.scope),
        "complete": completeness(connection, viewer.scope, month, silent),
        "legend": chips.legend(),
        "leaves": [
            (chips.phrases.symbol(Mark(Verdict.LEAVE, code)), chips.phrases.leave(code)) for code in taken
        ],
        "now_ms": site.now_ms(),
        "title": words(viewer.language)("month.title", month=str(month)),
    }


def _row(row: PersonMonth, chips: Chips, columns: Sequence[Column]) -> GridRow:
    totals = [total_text(column, row.totals) for column in columns]
    return GridRow(row.person, [chips.of_day(day) for day in row.days], totals)


@dataclass(frozen=True, slots=True)
class _DayHead:
    """A column of the grid: its date and the class that shades it."""

    day: MonthDay
    css: str

    @classmethod
    def of(cls, day: MonthDay, today: date) -> _DayHead:
        """The head of ``day``."""
        css = {"rest": "off", "statutory": "off statutory", "makeup": "makeup", "half": "half"}.get(
            day.kind, ""
        )
        return cls(day, f"{css} today".strip() if day.date == today else css)

"""Closing a month: the checklist that empties itself, one button, and what happened before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, insert, update

from cloud.attendance.blockers import BlockerKind, is_provisional
from cloud.attendance.closing import NotReopened, Refused, close, reopen
from cloud.db.tables import audit, calendar_years
from cloud.reports.calendar import leave_names
from cloud.reports.completeness import first_result
from cloud.reports.dates import Month, local_date, midnight_ms, parse_month
from cloud.reports.fleet import list_doors, silent_doors
from cloud.reports.people import PersonBrief
from cloud.reports.period import (
    ITEMS,
    Item,
    Line,
    PeriodReport,
    Signing,
    adjusted_days,
    lines,
    list_periods,
    period_report,
    signing,
)
from cloud.web.chips import Chip, Chips
from cloud.web.pages.site import PageRefused, Site, require_own_form
from cloud.web.sessions import Viewer

_SHOWN = 20
_A_PAGE = 200
_REASON_MAX = 500
_PAGE_DIGITS = 6
UNSIGNED = "unsigned"
_NAMES = {kind.value for kind in (*ITEMS, BlockerKind.IN_PROGRESS)} | {UNSIGNED}


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A day that keeps the month open, with its chip."""

    line: Line
    chip: Chip


@dataclass(frozen=True, slots=True)
class DrawnItem:
    """A line of the checklist with the first of its days."""

    item: Item
    lines: Sequence[DrawnLine]


@dataclass(frozen=True, slots=True)
class DrawnAdjustment:
    """A late change in words."""

    person: PersonBrief
    date: str
    changes: str


def add_routes(router: APIRouter, site: Site) -> None:
    """``/period``, ``/period/{yyyy-mm}``, a list for each line of it, and what can be done there."""

    @router.get("/period")
    def months(request: Request) -> Response:
        viewer = site.viewer_of_everyone(request)
        with site.database.read() as connection:
            rows = list_periods(connection, _today(site), site.zone)
        return site.renderer.page("periods.html", site.frame(viewer, "period"), {"rows": rows})

    @router.get("/period/{month}")
    def show(request: Request, month: str) -> Response:
        viewer = site.viewer_of_everyone(request)
        part = request.headers.get("HX-Target") == "checklist"
        return _page(site, viewer, _month(month), part=part)

    @router.get("/period/{month}/{name}")
    def listing(request: Request, month: str, name: str, page: str = "1") -> Response:
        viewer = site.viewer_of_everyone(request)
        chosen = _month(month)
        if name not in _NAMES:
            raise PageRefused(HTTPStatus.NOT_FOUND)
        number = int(page) if page.isascii() and page.isdigit() and len(page) <= _PAGE_DIGITS else 1
        with site.database.read() as connection:
            values = _listing(connection, site, viewer, chosen, (name, max(number, 1)))
        return site.renderer.page("period_list.html", site.frame(viewer, "period"), values)

    _add_acts(router, site)


def _add_acts(router: APIRouter, site: Site) -> None:
    @router.post("/period/{month}/close")
    def close_it(request: Request, month: str, csrf: Annotated[str, Form()] = "") -> Response:
        viewer = site.viewer_of_everyone(request)
        require_own_form(request, csrf, viewer)
        chosen = _month(month)
        outcome = close(site.database, chosen, viewer.login, site.clock, site.zone)
        if isinstance(outcome, Refused):
            return _page(site, viewer, chosen, trouble="period.refused")
        return _back(chosen)

    @router.post("/period/{month}/reopen")
    def reopen_it(
        request: Request,
        month: str,
        csrf: Annotated[str, Form()] = "",
        reason: Annotated[str, Form(max_length=_REASON_MAX)] = "",
    ) -> Response:
        viewer = site.viewer_of_everyone(request)
        require_own_form(request, csrf, viewer)
        chosen = _month(month)
        if not reason.strip():
            return _page(site, viewer, chosen, trouble="period.reason_missing")
        outcome = reopen(site.database, chosen, viewer.login, reason.strip(), site.clock)
        if isinstance(outcome, NotReopened):
            return _page(site, viewer, chosen, trouble="period.not_reopened")
        return _back(chosen)

    @router.post("/period/{month}/calendar")
    def confirm_calendar(request: Request, month: str, csrf: Annotated[str, Form()] = "") -> Response:
        viewer = site.viewer_of_everyone(request)
        require_own_form(request, csrf, viewer)
        chosen = _month(month)
        with site.database.write() as connection:
            _confirm_calendar(connection, chosen, viewer.login, site.now_ms())
        return _back(chosen)


def _confirm_calendar(connection: Connection, month: Month, actor: str, now_ms: int) -> None:
    """Take the computed calendar of the year for good."""
    if not is_provisional(connection, month):
        return
    connection.execute(
        update(calendar_years).where(calendar_years.c.year == month.year).values(provisional=False)
    )
    connection.execute(
        insert(audit).values(at_ms=now_ms, actor=actor, action="calendar_confirmed", target=str(month.year))
    )


def _month(text: str) -> Month:
    month = parse_month(text)
    if month is None:
        raise PageRefused(HTTPStatus.NOT_FOUND)
    return month


def _today(site: Site) -> date:
    return local_date(site.now_ms(), site.zone)


def _back(month: Month) -> Response:
    return RedirectResponse(f"/period/{month}", HTTPStatus.SEE_OTHER)


def _page(site: Site, viewer: Viewer, month: Month, *, part: bool = False, trouble: str = "") -> Response:
    with site.database.read() as connection:
        values = _values(connection, site, viewer, month) | {"trouble": trouble}
    template = "parts/period_checklist.html" if part else "period.html"
    status = HTTPStatus.CONFLICT if trouble else HTTPStatus.OK
    return site.renderer.page(template, site.frame(viewer, "period"), values, status.value)


def _values(connection: Connection, site: Site, viewer: Viewer, month: Month) -> dict[str, object]:
    report = period_report(connection, month, _today(site), site.zone)
    chips = Chips(viewer.language, leave_names(connection))
    listed, listed_n = adjusted_days(connection, month, _A_PAGE)
    until = min(site.now_ms(), midnight_ms(month.next.first, site.zone))
    return {
        "month": month,
        "report": report,
        "first": first_result(connection, month),
        "items": [_drawn(connection, item, chips) for item in report.items],
        "silent": silent_doors(list_doors(connection, site.now_ms()), until),
        "signing": _signing(connection, report),
        "adjusted": [
            DrawnAdjustment(one.person, one.date.isoformat(), chips.phrases.delta(one.delta))
            for one in listed
        ],
        "adjusted_n": listed_n,
        "reason_max": _REASON_MAX,
        "title": chips.phrases.texts("period.title", month=str(month)),
    }


def _signing(connection: Connection, report: PeriodReport) -> Signing | None:
    """Nobody can sign a month that goes on."""
    return signing(connection, report.month) if report.over and not report.empty else None


def _drawn(connection: Connection, item: Item, chips: Chips) -> DrawnItem:
    return DrawnItem(item, _drawn_lines(lines(connection, item.blockers[:_SHOWN]), chips))


def _drawn_lines(found: Sequence[Line], chips: Chips) -> list[DrawnLine]:
    return [DrawnLine(line, chips.of_day(line.day)) for line in found]


def _listing(
    connection: Connection, site: Site, viewer: Viewer, month: Month, asked: tuple[str, int]
) -> dict[str, object]:
    name, page = asked
    chips = Chips(viewer.language, leave_names(connection))
    start = (page - 1) * _A_PAGE
    values: dict[str, object] = {"month": month, "name": name, "lines": [], "signed": []}
    if name == UNSIGNED:
        who = signing(connection, month)
        waiting = [*who.objected, *who.unsigned]
        found_n = len(waiting)
        values["signed"] = waiting[start : start + _A_PAGE]
    else:
        report = period_report(connection, month, _today(site), site.zone)
        item = next((one for one in report.items if one.kind == name), None)
        found = [] if item is None else item.blockers
        found_n = len(found)
        values["lines"] = _drawn_lines(lines(connection, found[start : start + _A_PAGE]), chips)
    texts = chips.phrases.texts
    return values | {
        "found_n": found_n,
        "page": page,
        "pages": max(1, -(-found_n // _A_PAGE)),
        "title": texts("period.list_title", month=str(month), item=texts(f"period.item_{name}")),
    }

"""The calendar of a year: kinds of days, their sources; days set, a year confirmed, a file taken."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from cloud.attendance.facts import AsOf
from cloud.attendance.rulesets import CalendarRow, RuleTables, read_tables
from cloud.office.calendar import COMPUTED, NOTICE, china
from cloud.office.plans import import_calendar
from cloud.reports.dates import local_date
from cloud.rulebook.draft import Change, SetDay, SetYear
from cloud.sheets import BadSheet
from cloud.sheets import day as parse_day
from cloud.web.pages.described import WEEKDAYS, source_text
from cloud.web.pages.forms import Form, ruler, text, upload
from cloud.web.pages.review import START, show_review
from cloud.web.pages.rules import saved_of
from cloud.web.pages.site import PageRefused, Site
from cloud.web.sessions import Viewer
from cloud.web.words import Words, words

KINDS: Final = ("statutory", "rest", "makeup", "half")
_NAME_MAX: Final = 200
_SPAN_MAX: Final = 31
_YEARS: Final = (2000, 2199)
_WEEK: Final = 7
_SATURDAY: Final = 5
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Field:
    """One date in a month; ``row`` None: the calendar says nothing of it."""

    date: date
    row: CalendarRow | None
    css: str
    today: bool


@dataclass(frozen=True, slots=True)
class DayForm:
    """What stands in the form of a day."""

    first: str
    last: str
    kind: str = "rest"
    half: str = "pm"
    shift_of: str = ""
    name: str = ""


def add_routes(router: APIRouter, site: Site) -> None:
    """``/rules/calendar``, ``/rules/calendar/{yyyy}`` and what is sent from there."""
    _add_pages(router, site)
    _add_changes(router, site)


def _add_pages(router: APIRouter, site: Site) -> None:
    @router.get("/rules/calendar")
    def this_year(request: Request) -> Response:
        site.viewer_of_everyone(request)
        year = local_date(site.now_ms(), site.zone).year
        return RedirectResponse(f"{START}/calendar/{year}", HTTPStatus.SEE_OTHER)

    @router.get("/rules/calendar/{year}")
    def show(request: Request, year: int) -> Response:
        viewer = site.viewer_of_everyone(request)
        chosen = request.query_params.get("day", "")
        return _page(site, viewer, _known_year(year), saved=saved_of(request), chosen=chosen)


def _add_changes(router: APIRouter, site: Site) -> None:
    @router.post("/rules/calendar/day")
    def set_day(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        typed = DayForm(*(text(form, name) for name in ("first", "last", "kind", "half", "shift_of", "name")))
        changes = _days(typed)
        if not isinstance(changes, str):
            return show_review(site, viewer, changes, f"{START}/calendar/{changes[0].date.year}")
        year = _year_in(form)
        trouble = words(viewer.language)(changes)
        return _page(site, viewer, year, typed=typed, troubles=[trouble])

    @router.post("/rules/calendar/year")
    def confirm(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        year, source = _year_in(form), text(form, "source")[:_NAME_MAX]
        if not source:
            trouble = words(viewer.language)("calendar.no_source")
            return _page(site, viewer, year, troubles=[trouble])
        return show_review(
            site, viewer, [SetYear(year, provisional=False, source=source)], f"{START}/calendar/{year}"
        )

    @router.post("/rules/calendar/seed")
    def seed(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        year = _year_in(form)
        with site.database.read() as connection:
            tables = read_tables(connection)
        return show_review(site, viewer, seed_changes(tables, year), f"{START}/calendar/{year}")

    @router.post("/rules/calendar/file")
    def take(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        year, say = _year_in(form), words(viewer.language)
        found = upload(form, "file")
        if found is None:
            return _page(site, viewer, year, troubles=[say("rules.file_none")])
        changes, troubles = _from_file(site, found[0], found[1], say)
        if troubles:
            return _page(site, viewer, year, troubles=troubles)
        return show_review(site, viewer, changes, f"{START}/calendar/{year}")


def _known_year(year: int) -> int:
    if not _YEARS[0] <= year <= _YEARS[1]:
        raise PageRefused(HTTPStatus.NOT_FOUND)
    return year


def _year_in(form: Form) -> int:
    found = text(form, "year")
    if not (found.isascii() and found.isdigit() and len(found) == len("2026")):
        raise PageRefused(HTTPStatus.NOT_FOUND)
    return _known_year(int(found))


def _days(typed: DayForm) -> list[SetDay] | str:
    """The days a form sets, or the key of what is wrong with it."""
    try:
        first = parse_day(typed.first)
        last = parse_day(typed.last) if typed.last else first
    except ValueError:
        return "calendar.no_date"
    if not 0 <= (last - first).days < _SPAN_MAX:
        return "calendar.bad_span"
    days = [first + _DAY * n for n in range((last - first).days + 1)]
    if typed.kind == "none":
        return [SetDay(day, None) for day in days]
    half = typed.half if typed.kind == "half" else None
    shift_of = typed.shift_of or None if typed.kind == "makeup" else None
    name = typed.name[:_NAME_MAX]
    return [SetDay(day, typed.kind, half, shift_of, name, "hr") for day in days]


def seed_changes(tables: RuleTables, year: int) -> list[Change]:
    """What the packages know of a year now; days that HR or a file has set are left alone."""
    made = {NOTICE, COMPUTED}
    found = china(year)
    source = COMPUTED if found.provisional else NOTICE
    wanted = {one.date: one for one in found.days}
    kept = {day for day, row in tables.calendar.items() if row.source not in made}
    changes: list[Change] = [
        SetDay(day, None)
        for day, row in sorted(tables.calendar.items())
        if day.year == year and row.source in made and day not in wanted
    ]
    for day, one in wanted.items():
        row = tables.calendar.get(day)
        if day not in kept and (row is None or (row.kind, row.name) != (one.kind, one.name)):
            changes.append(SetDay(day, one.kind, name=one.name, source=source))
    there = tables.years.get(year)
    if there is None or (there.provisional and not found.provisional):
        changes.append(SetYear(year, found.provisional, source))
    return changes


def _from_file(site: Site, name: str, content: bytes, say: Words) -> tuple[list[Change], list[str]]:
    """The changes that a calendar file makes: taken in as the command would, looked at, and undone.

    Beside them what is wrong with it, by line: then nothing of it is taken.
    """
    view = AsOf(site.now_ms(), site.zone)
    with tempfile.TemporaryDirectory() as directory, site.database.write() as connection:
        path = Path(directory) / f"calendar{Path(name).suffix.lower()}"
        path.write_bytes(content)
        before = read_tables(connection)
        trial = connection.begin_nested()
        try:
            imported = import_calendar(connection, path, view)
            after = read_tables(connection)
        except BadSheet as error:
            return [], [say("calendar.no_sheet", said=str(error).replace(str(path), name))]
        finally:
            trial.rollback()
    told = [
        say("rules.file_line", line=one.line, said=say(f"calendar.cell_{one.column}"))
        for one in imported.refused
    ]
    return difference(before, after), told


def difference(before: RuleTables, after: RuleTables) -> list[Change]:
    """The changes that lead from one calendar to another."""
    changes: list[Change] = []
    for day in sorted({*before.calendar, *after.calendar}):
        row = after.calendar.get(day)
        if row == before.calendar.get(day):
            continue
        if row is None:
            changes.append(SetDay(day, None))
        else:
            changes.append(SetDay(day, row.kind, row.half, row.shift_of, row.name, row.source))
    for year, found in after.years.items():
        if found != before.years.get(year):
            changes.append(SetYear(year, found.provisional, found.source))
    return changes


def _page(
    site: Site,
    viewer: Viewer,
    year: int,
    *,
    saved: int | None = None,
    chosen: str = "",
    typed: DayForm | None = None,
    troubles: Sequence[str] = (),
) -> Response:
    today = local_date(site.now_ms(), site.zone)
    with site.database.read() as connection:
        tables = read_tables(connection)
    say = words(viewer.language)
    said = {day: row for day, row in tables.calendar.items() if day.year == year}
    sources = {row.source for row in said.values()}
    if year in tables.years:
        sources.add(tables.years[year].source)
    values = {
        "year": year,
        "row": tables.years.get(year),
        "months": [_month(year, month, said, today) for month in range(1, 13)],
        "said": sorted(said.items()),
        "sources": {source: source_text(source, say) for source in sources},
        "counts": {kind: sum(row.kind == kind for row in said.values()) for kind in KINDS},
        "kinds": KINDS,
        "weekdays": WEEKDAYS,
        "typed": typed or _chosen(chosen, said),
        "chosen": chosen,
        "saved": saved,
        "troubles": troubles,
        "tab": "calendar",
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if troubles else HTTPStatus.OK
    return site.renderer.page("rules_calendar.html", site.frame(viewer, "rules"), values, status.value)


def _chosen(chosen: str, said: dict[date, CalendarRow]) -> DayForm:
    try:
        day = date.fromisoformat(chosen)
    except ValueError:
        return DayForm("", "")
    row = said.get(day)
    if row is None:
        return DayForm(day.isoformat(), "")
    return DayForm(day.isoformat(), "", row.kind, row.half or "pm", row.shift_of or "", row.name)


def _month(year: int, month: int, said: dict[date, CalendarRow], today: date) -> list[list[Field | None]]:
    """Weeks from Monday, None outside the month."""
    first = date(year, month, 1)
    last = date(year + month // 12, month % 12 + 1, 1) - _DAY
    fields: list[Field | None] = [None] * first.weekday()
    day = first
    while day <= last:
        row = said.get(day)
        css = row.kind if row is not None else "weekend" if day.weekday() >= _SATURDAY else ""
        fields.append(Field(day, row, css, day == today))
        day += _DAY
    fields += [None] * (-len(fields) % _WEEK)
    return [fields[start : start + _WEEK] for start in range(0, len(fields), _WEEK)]

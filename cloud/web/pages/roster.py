"""Who works what: people by dates, a rectangle of cells set at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from cloud.attendance.rulesets import Rulebook, RuleTables, read_tables, rulebook
from cloud.db.tables import departments, people
from cloud.reports.calendar import month_days
from cloud.reports.dates import Month, local_date, parse_month
from cloud.reports.people import DepartmentBrief, Filter, employed_in, list_departments, matching
from cloud.rulebook.draft import SetRoster
from cloud.rulebook.rosters import Names, read_rosters
from cloud.sheets import day as parse_day
from cloud.web.pages.forms import Form, Typed, ruler, text
from cloud.web.pages.review import START, show_review
from cloud.web.pages.rules import saved_of
from cloud.web.pages.site import PageRefused, Site
from cloud.web.sessions import Viewer
from cloud.web.words import words
from models.ids import PersonId
from models.person import Language

PEOPLE_A_PAGE: Final = 40
_SPAN_MAX: Final = 366
_TEXT_MAX: Final = 60
_SHORT: Final = 3
_COLOURS: Final = 6


@dataclass(frozen=True, slots=True)
class View:
    """What the address asks for."""

    department: str = ""
    group: str = ""
    q: str = ""
    page: int = 1

    def query(self, **changes: str | int) -> str:
        """``?…`` with only what is not the default."""
        changed = replace(self, **changes)  # type: ignore[arg-type]
        default = View()
        pairs = {
            name: getattr(changed, name)
            for name in ("department", "group", "q", "page")
            if getattr(changed, name) != getattr(default, name)
        }
        return f"?{urlencode(pairs)}" if pairs else ""


@dataclass(frozen=True, slots=True)
class RosterForm:
    """What stands in the fields; ``people``: who is ticked."""

    first: str = ""
    last: str = ""
    shift: str = ""
    second: str = ""
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One date of one person; ``rostered``: somebody put it in, else the week says so."""

    text: str
    short: str
    css: str
    rostered: bool


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One person's month."""

    person_id: str
    name: str
    employee_no: str
    department: str
    cells: list[Cell]


def add_routes(router: APIRouter, site: Site) -> None:
    """``/rules/roster``, ``/rules/roster/{yyyy-mm}`` and the cells that are set from there."""

    @router.get("/rules/roster")
    def this_month(request: Request) -> Response:
        site.viewer_of_everyone(request)
        return RedirectResponse(f"{START}/roster/{site.this_month()}", HTTPStatus.SEE_OTHER)

    @router.get("/rules/roster/{month}")
    def show(request: Request, month: str) -> Response:
        viewer = site.viewer_of_everyone(request)
        chosen = parse_month(month)
        if chosen is None:
            raise PageRefused(HTTPStatus.NOT_FOUND)
        return _page(site, viewer, chosen, _asked(request), saved=saved_of(request))

    @router.post("/rules/set-roster/{month}")
    def save(request: Request, month: str, form: Form) -> Response:
        viewer = ruler(site, request, form)
        chosen, view = parse_month(month), _asked(request)
        if chosen is None:
            raise PageRefused(HTTPStatus.NOT_FOUND)
        typed = _typed(form)
        if text(form, "act") == "edit":
            return _page(site, viewer, chosen, view, typed=typed)
        change = _change(typed)
        if isinstance(change, str):
            return _page(site, viewer, chosen, view, typed=typed, trouble=words(viewer.language)(change))
        again = Typed(
            f"{START}/set-roster/{chosen}{view.query()}", {**asdict(typed), "people": ",".join(typed.people)}
        )
        return show_review(site, viewer, [change], f"{START}/roster/{chosen}{view.query()}", typed=again)


def _asked(request: Request) -> View:
    asked = request.query_params
    page = asked.get("page", "")
    return View(
        department=asked.get("department", ""),
        group=asked.get("group", ""),
        q=asked.get("q", "")[:_TEXT_MAX],
        page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < _SHORT + 3 else 1,
    )


def _typed(form: Form) -> RosterForm:
    """The form as it was sent, or as a review sends it back: there the people are one field."""
    ticked = [str(person) for person in form.getlist("person")] or text(form, "people").split(",")
    fields = {name: text(form, name) for name in ("first", "last", "shift", "second")}
    return RosterForm(**fields, people=tuple(filter(None, ticked)))


def _change(typed: RosterForm) -> SetRoster | str:
    """What the form sets, or the key of what is missing."""
    if not typed.people:
        return "roster.nobody"
    try:
        first = parse_day(typed.first)
        last = parse_day(typed.last) if typed.last else first
    except ValueError:
        return "roster.no_date"
    if not 0 <= (last - first).days < _SPAN_MAX:
        return "roster.bad_span"
    planned = [name for name in (typed.shift, typed.second) if name]
    if not planned:
        return "roster.no_shift"
    return SetRoster(list(typed.people), first, last, [] if planned[0] == "off" else planned)


def _page(
    site: Site,
    viewer: Viewer,
    month: Month,
    view: View,
    *,
    saved: int | None = None,
    typed: RosterForm | None = None,
    trouble: str = "",
) -> Response:
    today = local_date(site.now_ms(), site.zone)
    with site.database.read() as connection:
        tables = read_tables(connection)
        condition = _condition(viewer, view, month, tables)
        people_n = connection.execute(select(func.count()).select_from(people).where(condition)).scalar_one()
        pages = max(1, -(-people_n // PEOPLE_A_PAGE))
        view = replace(view, page=min(view.page, pages))
        days = month_days(connection, month)
        shorts = _shorts(tables)
        book = rulebook(tables, site.zone, {})
        rows = _rows(connection, condition, view, month, _Planned(book, shorts, viewer.language))
        listed: list[DepartmentBrief] = list_departments(connection, viewer.scope)
    values = {
        "month": month,
        "view": view,
        "days": days,
        "today": today,
        "rows": rows,
        "people_n": people_n,
        "pages": pages,
        "departments": listed,
        "groups": tables.groups,
        "shifts": sorted(tables.shifts),
        "shorts": shorts,
        "saved": saved,
        "typed": typed or RosterForm(),
        "trouble": trouble,
        "tab": "roster",
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if trouble else HTTPStatus.OK
    return site.renderer.page("rules_roster.html", site.frame(viewer, "rules"), values, status.value)


def _condition(viewer: Viewer, view: View, month: Month, tables: RuleTables) -> ColumnElement[bool]:
    condition = and_(matching(viewer.scope, Filter(view.department or None, view.q)), employed_in(month))
    if view.group:
        own = people.c.group_id == view.group
        if view.group == tables.default:
            own = or_(own, people.c.group_id.is_(None))
        condition = and_(condition, own)
    return condition


def _shorts(tables: RuleTables) -> dict[str, str]:
    """A sign of up to three characters for each shift, different for each."""
    found: dict[str, str] = {}
    for name in sorted(tables.shifts):
        tries = [name[:length] for length in range(1, _SHORT + 1)]
        tries += [f"{name[:1]}{number}" for number in range(2, len(tables.shifts) + 2)]
        found[name] = next(short for short in tries if short not in found.values())
    return found


class _Planned:
    """Draws who works what; equal cells are drawn once."""

    def __init__(self, book: Rulebook, shorts: Mapping[str, str], language: Language) -> None:
        self._book = book
        self._shorts = shorts
        self._say = words(language)
        self._drawn: dict[tuple[Names, bool], Cell] = {}
        self._order = {name: place for place, name in enumerate(shorts)}

    def cells(
        self, group_id: str | None, roster: Mapping[date, Names], contract: tuple[date, date], month: Month
    ) -> list[Cell]:
        """A month of somebody employed in ``contract``; the week speaks where no roster does (D1)."""
        rules = self._book.of(group_id)
        found = []
        for day in month.dates():
            if not contract[0] <= day <= contract[1]:
                found.append(Cell("", "", "out", rostered=False))
            elif day in roster:
                found.append(self._cell(roster[day], rostered=True))
            else:
                found.append(
                    self._cell(() if rules is None else rules.plans.entry(day).shifts, rostered=False)
                )
        return found

    def _cell(self, names: Names, *, rostered: bool) -> Cell:
        cell = self._drawn.get((names, rostered))
        if cell is None:
            text_shown = "+".join(names) or self._say("rules.off_day")
            said = self._say("roster.from_roster" if rostered else "roster.from_week", shift=text_shown)
            colour = f"s{self._order.get(names[0], 0) % _COLOURS}" if names else "off"
            short = "+".join(self._shorts.get(name, name[:_SHORT]) for name in names)
            css = f"{colour} rostered" if rostered else colour
            css += " several" if len(names) > 1 else ""
            cell = self._drawn[names, rostered] = Cell(said, short, css, rostered)
        return cell


def _rows(
    connection: Connection, condition: ColumnElement[bool], view: View, month: Month, planned: _Planned
) -> list[RosterRow]:
    listed = connection.execute(
        select(people, departments.c.name.label("department"))
        .select_from(people.join(departments, departments.c.department_id == people.c.department_id))
        .where(condition)
        .order_by(departments.c.name, people.c.employee_no)
        .offset((view.page - 1) * PEOPLE_A_PAGE)
        .limit(PEOPLE_A_PAGE)
    ).all()
    who = [PersonId(row.person_id) for row in listed]
    rosters = read_rosters(connection, who, month.first, month.last)
    return [
        RosterRow(
            row.person_id,
            row.name,
            row.employee_no,
            row.department,
            planned.cells(
                row.group_id,
                rosters.get(PersonId(row.person_id), {}),
                (row.hire_date or date.min, row.last_day or date.max),
                month,
            ),
        )
        for row in listed
    ]

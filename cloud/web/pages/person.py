"""One person's month: calendar, totals, and the days worth a look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.attendance.codec import DayBrief
from cloud.attendance.periods import closings
from cloud.reports.calendar import MonthDay, leave_names, month_days
from cloud.reports.columns import ABSENT, DUE, PRESENT, all_columns
from cloud.reports.dates import Month, local_date, parse_month
from cloud.reports.marks import NOT_JUDGED, Verdict, verdicts_of
from cloud.reports.month import PersonMonth
from cloud.reports.people import find_person
from cloud.reports.person import person_month
from cloud.web.chips import Chip, Chips
from cloud.web.pages.month import Head, head_of, total_text
from cloud.web.pages.sign import REMARK_MAX, SIGN_TROUBLES, sign_block
from cloud.web.pages.site import PageRefused, Site
from cloud.web.sessions import Viewer

_WORTH_A_LOOK = {
    Verdict.LATE,
    Verdict.SERIOUS_LATE,
    Verdict.EARLY,
    Verdict.SHORT,
    Verdict.MISSING,
    Verdict.ABSENT,
    Verdict.PENDING,
}
_ALWAYS = (DUE, PRESENT, ABSENT)
_WEEK = 7


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One field of the calendar; ``day`` None: not yet judged."""

    column: MonthDay
    chip: Chip
    day: DayBrief | None
    today: bool


@dataclass(frozen=True, slots=True)
class Amount:
    """A total with its name; ``text`` empty for zero."""

    head: Head
    text: str


def add_routes(router: APIRouter, site: Site) -> None:
    """``/person/{person_id}`` and ``/person/{person_id}/{yyyy-mm}``."""

    @router.get("/person/{person_id}")
    def this_month(request: Request, person_id: str) -> Response:
        viewer = site.viewer(request)
        with site.database.read() as connection:
            if find_person(connection, viewer.scope, person_id) is None:
                raise PageRefused(HTTPStatus.NOT_FOUND)
        return RedirectResponse(f"/person/{person_id}/{site.this_month()}", HTTPStatus.SEE_OTHER)

    @router.get("/person/{person_id}/{month}")
    def show(request: Request, person_id: str, month: str) -> Response:
        viewer = site.viewer(request)
        chosen = parse_month(month)
        with site.database.read() as connection:
            row = person_month(connection, viewer.scope, person_id, chosen) if chosen else None
            if row is None or chosen is None:
                raise PageRefused(HTTPStatus.NOT_FOUND)
            values = _values(connection, site, viewer, row, chosen)
            values["signing"] = sign_block(connection, site, viewer, row.person.person_id, chosen)
        asked = request.query_params.get("sign", "")
        values["sign_trouble"] = asked if asked in SIGN_TROUBLES else ""
        values["remark_max"] = REMARK_MAX
        here = "mine" if row.person.person_id == viewer.person_id else "month"
        return site.renderer.page("person.html", site.frame(viewer, here), values)


def _values(
    connection: Connection, site: Site, viewer: Viewer, row: PersonMonth, month: Month
) -> dict[str, object]:
    leaves = leave_names(connection)
    chips = Chips(viewer.language, leaves)
    today = local_date(site.now_ms(), site.zone)
    days = [
        CalendarDay(column, chips.of_day(day), day, column.date == today)
        for column, day in zip(month_days(connection, month), row.days, strict=True)
    ]
    columns = all_columns(sorted(row.totals.leave_days))
    texts = chips.phrases.texts
    return {
        "person": row.person,
        "month": month,
        "weeks": _weeks(days, month.first),
        "exceptions": [
            one for one in days if one.day is not None and not verdicts_of(one.day).isdisjoint(_WORTH_A_LOOK)
        ],
        "amounts": [
            Amount(head_of(column, chips), text)
            for column in columns
            if (text := total_text(column, row.totals)) or column in _ALWAYS
        ],
        "legend": chips.legend(),
        "closing": closings(connection).get(month),
        "adjustments": [(one.date, chips.phrases.delta(one.delta)) for one in row.adjustments],
        "nothing": chips.of_cell(NOT_JUDGED, texts("say.none")),
        "title": texts("person.title", name=row.person.name, month=str(month)),
    }


def _weeks(days: Sequence[CalendarDay], first: date) -> list[list[CalendarDay | None]]:
    """Weeks from Monday, None outside the month."""
    fields: list[CalendarDay | None] = [None] * first.weekday() + list(days)
    fields += [None] * (-len(fields) % _WEEK)
    return [fields[start : start + _WEEK] for start in range(0, len(fields), _WEEK)]

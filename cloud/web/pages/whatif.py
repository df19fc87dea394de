"""Rules tried on a month before anybody is judged by them: written as a file in the browser, or uploaded."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from cloud.attendance.rulesets import read_tables
from cloud.reports.dates import parse_month
from cloud.rulebook import files
from cloud.web.pages.forms import Form, Typed, ruler, text, upload
from cloud.web.pages.review import START, show_review
from cloud.web.pages.site import PageRefused, Site
from cloud.web.sessions import Viewer
from cloud.web.words import words

_MONTHS_BACK = 12


def add_routes(router: APIRouter, site: Site) -> None:
    """``/rules/what-if``."""

    @router.get("/rules/what-if")
    def show(request: Request) -> Response:
        viewer = site.viewer_of_everyone(request)
        return _page(site, viewer, request.query_params.get("group", ""))

    @router.post("/rules/draft")
    def run(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        say = words(viewer.language)
        found = upload(form, "file")
        with site.database.read() as connection:
            tables = read_tables(connection)
        group_id, written = text(form, "group"), text(form, "rules")
        try:
            if found is not None:
                written = files.decoded(found[1], found[0])
        except files.BadFile as error:
            return _page(site, viewer, group_id, written, [str(error)])
        if text(form, "act") == "edit":
            return _page(site, viewer, group_id, written)
        read = files.read(written, tables)
        if isinstance(read, list):
            told = [
                say("rules.file_line", line=bad.line, said=bad.sentence(viewer.language.value))
                for bad in read
            ]
            return _page(site, viewer, group_id, written, told)
        if not read.changes:
            return _page(site, viewer, group_id, written, [say("rules.what_if_same")])
        typed = Typed("/rules/draft", {"group": group_id, "rules": written})
        month = parse_month(text(form, "month"))
        return show_review(site, viewer, read.changes, START, month=month, typed=typed)


def _page(
    site: Site, viewer: Viewer, group_id: str, written: str = "", troubles: list[str] | None = None
) -> Response:
    with site.database.read() as connection:
        tables = read_tables(connection)
    chosen = group_id or tables.default or next(iter(tables.groups), "")
    if chosen and chosen not in tables.groups:
        raise PageRefused(HTTPStatus.NOT_FOUND)
    months = [site.this_month()]
    while len(months) <= _MONTHS_BACK:
        months.append(months[-1].previous)
    values = {
        "group_id": chosen,
        "groups": tables.groups,
        "rules": written or (files.write(tables, chosen) if chosen else ""),
        "months": months,
        "month": months[1],
        "troubles": troubles or [],
        "tab": "what_if",
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if troubles else HTTPStatus.OK
    return site.renderer.page("rules_whatif.html", site.frame(viewer, "rules"), values, status.value)

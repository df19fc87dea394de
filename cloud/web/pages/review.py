"""The last look before rules change: what differs, what is wrong, whom it touches, what it would change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.attendance import coverage
from cloud.attendance.facts import AsOf
from cloud.attendance.periods import closings
from cloud.attendance.rulesets import Cache, RuleTables, read_tables
from cloud.reports.dates import Month, month_of, parse_month
from cloud.rulebook.check import Told, check_draft
from cloud.rulebook.draft import BadDraft, Change, changes_of, changes_text, draft
from cloud.rulebook.effect import Trial
from cloud.rulebook.rehearsal import is_to_come, rehearsed
from cloud.rulebook.save import Overtaken, Refused, fingerprint, put_in_force
from cloud.rules.faults import Severity
from cloud.web.pages.described import describe
from cloud.web.pages.forms import Form, Typed, ruler, text, typed_of
from cloud.web.pages.site import PageRefused, Site
from cloud.web.pages.trial import Shown, shown_part
from cloud.web.sessions import Viewer
from cloud.web.told import told
from cloud.web.words import words

START = "/rules"
_MONTHS_BACK = 12


@dataclass(frozen=True, slots=True)
class FaultLine:
    """What is wrong, as the page says it."""

    error: bool
    new: bool
    group: str
    text: str


@dataclass(frozen=True, slots=True)
class Touch:
    """Which person-days would be judged again; ``closed``: closed months among them."""

    days_n: int
    people_n: int
    first: date
    last: date
    months: list[Month]
    closed: list[Month]


def add_routes(router: APIRouter, site: Site) -> None:
    """``/rules/review`` (another month), ``/rules/try`` (the next part), ``/rules/save``."""

    @router.post("/rules/review")
    def look(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        return show_review(
            site,
            viewer,
            _changes(form),
            back_of(form),
            month=parse_month(text(form, "month")),
            typed=typed_of(form),
        )

    @router.post("/rules/try")
    def go_on(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        month = parse_month(text(form, "month"))
        if month is None:
            raise PageRefused(HTTPStatus.NOT_FOUND)
        changes = _changes(form)
        with site.database.read() as connection:
            view = AsOf(site.now_ms(), site.zone)
            tables = read_tables(connection)
            tried = draft(tables, rehearsed(tables, changes, month, view.today))
            trial = Trial.of(connection, tried, view, {})
            shown = shown_part(connection, trial, month, view, viewer.language, form)
        values = {"shown": shown, "changes": changes_text(changes), "month": month, "part": True}
        return site.renderer.page("parts/trial_part.html", site.frame(viewer, "rules"), values)

    @router.post("/rules/save")
    def save(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        changes, back = _changes(form), back_of(form)
        with site.database.write() as connection:
            view = AsOf(site.now_ms(), site.zone)
            done = put_in_force(connection, changes, text(form, "seen") or None, viewer.login, view)
        if isinstance(done, Refused):
            return show_review(
                site, viewer, changes, back, typed=typed_of(form), status=HTTPStatus.UNPROCESSABLE_ENTITY
            )
        if isinstance(done, Overtaken):
            return show_review(
                site,
                viewer,
                changes,
                back,
                typed=typed_of(form),
                status=HTTPStatus.CONFLICT,
            )
        joint = "&" if "?" in back else "?"
        return RedirectResponse(f"{back}{joint}saved={done.days_n}", HTTPStatus.SEE_OTHER)


def back_of(form: Form) -> str:
    """Where to go afterwards: a page of the rules, nothing else."""
    found = text(form, "back")
    inside = found == START or found.startswith((f"{START}/", f"{START}?"))
    return quote(found, safe="/?=&%") if inside and "//" not in found else START


def _changes(form: Form) -> list[Change]:
    try:
        return changes_of(text(form, "changes"))
    except BadDraft as error:
        raise PageRefused(HTTPStatus.NOT_FOUND) from error


def show_review(
    site: Site,
    viewer: Viewer,
    changes: Sequence[Change],
    back: str,
    *,
    month: Month | None = None,
    typed: Typed | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """The page, which leads to ``back`` once it is confirmed, or to the form that was ``typed``.

    The draft is tried on ``month``; None: the newest past month it touches. Status 409 says that the rules
    have changed meanwhile.
    """
    view = AsOf(site.now_ms(), site.zone)
    cache: Cache = {}
    with site.database.read() as connection:
        tables = read_tables(connection)
        one = draft(tables, changes)
        faults = check_draft(connection, one, view, cache)
        refused = any(each.refuses for each in faults)
        trial = None if refused else Trial.of(connection, one, view, cache)
        touch = None if trial is None else _touch(connection, trial)
        to_come = [change for change in changes if is_to_come(change, view.today)]
        months = _months(connection, touch, site.this_month(), to_come=bool(to_come))
        shown: Shown | None = None
        if trial is not None and months:
            month = month if month in months else _usual_month(months, site.this_month())
            if to_come:
                tried = draft(tables, rehearsed(tables, changes, month, view.today))
                trial = Trial.of(connection, tried, view, cache)
            shown = shown_part(connection, trial, month, view, viewer.language)
        described = describe(connection, one, words(viewer.language))
    values = {
        "changes": changes_text(changes),
        "seen": fingerprint(tables),
        "back": back,
        "notice": "rules.overtaken" if status is HTTPStatus.CONFLICT else "",
        "typed": typed,
        "described": described,
        "nothing": not any(row.before != row.after for each in described for row in each.rows),
        "faults": fault_lines(faults, tables, one.after, viewer),
        "refused": refused,
        "touch": touch,
        "months": months,
        "to_come": bool(to_come),
        "month": month,
        "shown": shown,
        "part": False,
    }
    return site.renderer.page("rules_review.html", site.frame(viewer, "rules"), values, status.value)


def fault_lines(
    faults: Sequence[Told], before: RuleTables, after: RuleTables, viewer: Viewer
) -> list[FaultLine]:
    """Faults in words, errors first; what is wrong with several groups in the same way is said once."""
    names = {key: group.name for tables in (before, after) for key, group in tables.groups.items()}
    joint = words(viewer.language)("rules.listed")
    groups: dict[tuple[bool, bool, str], list[str]] = {}
    for each in _unused_at_once(faults, joint):
        is_error = each.fault.severity is Severity.ERROR
        listed = groups.setdefault((is_error, each.new, told(each.fault, viewer.language, groups=names)), [])
        name = "" if each.group is None else names.get(each.group, each.group)
        if name and name not in listed:
            listed.append(name)
    return [FaultLine(error, new, joint.join(listed), text) for (error, new, text), listed in groups.items()]


def _unused_at_once(faults: Sequence[Told], joint: str) -> Iterator[Told]:
    """``faults``, with the shifts that nobody uses in one of them: some firms have dozens."""
    unused: dict[bool, list[str]] = {}
    for each in faults:
        if each.fault.code == "unused_shift":
            unused.setdefault(each.new, []).append(str(each.fault.args["shift"]))
    for each in faults:
        if each.fault.code != "unused_shift":
            yield each
        elif each.new in unused:
            args = {"shift": joint.join(unused.pop(each.new))}
            yield replace(each, fault=replace(each.fault, args=args))


def _months(connection: Connection, touch: Touch | None, this_month: Month, *, to_come: bool) -> list[Month]:
    """The months a draft can be tried on: those it touches; of a version to come, any that has days."""
    if not to_come:
        return [] if touch is None else touch.months
    covered = coverage.span(connection)
    months: list[Month] = []
    month = this_month
    while covered is not None and month.last >= covered[0] and len(months) <= _MONTHS_BACK:
        months.append(month)
        month = month.previous
    return months[::-1]


def _usual_month(months: Sequence[Month], this_month: Month) -> Month:
    past = [month for month in months if month < this_month]
    return past[-1] if past else months[-1]


def _touch(connection: Connection, trial: Trial) -> Touch | None:
    if not trial.days:
        return None
    spans = {(days[0], days[-1]) for days in trial.days.values()}
    months = {month_of(day) for days in set(trial.days.values()) for day in days}
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    closed = set(closings(connection))
    return Touch(trial.days_n, len(trial.days), first, last, sorted(months), sorted(months & closed))

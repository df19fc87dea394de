"""One group: its week, its people, its dated policy versions, and the form of a version."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection, or_, select

from cloud.attendance.facts import AsOf
from cloud.attendance.rulesets import GroupRow, RuleTables, VersionRow, read_tables
from cloud.db.tables import departments, people
from cloud.rulebook.draft import Change, DropGroup, DropVersion, MovePeople, SetGroup, SetVersion
from cloud.rules.faults import Fault
from cloud.rules.plain import Plain
from cloud.sheets import day as parse_day
from cloud.web.pages.described import WEEKDAYS, Row, parameter_text, plain_text
from cloud.web.pages.forms import Form, Typed, ruler, text, texts
from cloud.web.pages.review import START, show_review
from cloud.web.pages.rules import saved_of
from cloud.web.pages.site import PageRefused, Site
from cloud.web.parameters import NAMES, fields, parameters_of, texts_of
from cloud.web.sessions import Viewer
from cloud.web.told import told
from cloud.web.words import Words, words

EVER: Final = "ever"
NEW: Final = "new"
_ID_BYTES: Final = 6
_SHIFTS_A_DAY: Final = 2
_PEOPLE_SHOWN: Final = 300
_SEPARATORS = re.compile(r"[\s,，;；、]+")


@dataclass(frozen=True, slots=True)
class WeekDay:
    """A weekday in the form: its shifts, the first two in fields; ``more``: what no field can show."""

    key: str
    number: int
    chosen: tuple[str, str]
    more: str


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version as the group's page lists it, with only what differs from the defaults."""

    version: VersionRow
    key: str
    in_force: bool
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class MemberLine:
    """Somebody in the group; ``by_default``: only because they are in none."""

    person_id: str
    employee_no: str
    name: str
    department: str
    by_default: bool


def add_routes(router: APIRouter, site: Site) -> None:
    """``/rules/group`` (a new one), ``/rules/group/{id}``, its people, and its versions."""
    _add_group(router, site)
    _add_members(router, site)
    _add_version(router, site)


def _add_group(router: APIRouter, site: Site) -> None:
    @router.get("/rules/group")
    def new(request: Request) -> Response:
        viewer = site.viewer_of_everyone(request)
        week: dict[str, Plain] = {}
        return _group_page(site, viewer, "", GroupRow("", week, is_default=False, versions=()))

    @router.get("/rules/group/{group_id}")
    def show(request: Request, group_id: str) -> Response:
        viewer = site.viewer_of_everyone(request)
        with site.database.read() as connection:
            group = read_tables(connection).groups.get(group_id)
        if group is None:
            raise PageRefused(HTTPStatus.NOT_FOUND)
        return _group_page(site, viewer, group_id, group, saved=saved_of(request))

    @router.post("/rules/set-group")
    def save(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        group_id = text(form, "group")
        with site.database.read() as connection:
            tables = read_tables(connection)
        if group_id and group_id not in tables.groups:
            raise PageRefused(HTTPStatus.NOT_FOUND)
        if group_id and text(form, "act") == "drop":
            return show_review(site, viewer, [DropGroup(group_id)], START)
        week = _week_of(texts(form), tables)
        new_id = group_id or f"g-{secrets.token_hex(_ID_BYTES)}"
        kept = tables.groups.get(group_id)
        is_default = "default" in form or (kept is not None and kept.is_default)
        shown = GroupRow(text(form, "name"), week, is_default, kept.versions if kept is not None else ())
        if text(form, "act") == "edit":
            return _group_page(site, viewer, group_id, shown)
        name = text(form, "name")
        if any(one.name == name for key, one in tables.groups.items() if key != group_id):
            trouble = words(viewer.language)("rules.group_taken", name=name)
            return _group_page(site, viewer, group_id, shown, trouble=trouble)
        change = SetGroup(new_id, name, dict(week), "default" in form)
        typed = Typed.of("/rules/set-group", form)
        return show_review(site, viewer, [change], f"{START}/group/{new_id}", typed=typed)


def _add_members(router: APIRouter, site: Site) -> None:
    @router.post("/rules/set-members")
    def move(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        group_id = text(form, "group")
        with site.database.read() as connection:
            group = read_tables(connection).groups.get(group_id)
            who, unknown = _chosen_people(connection, form)
        if group is None:
            raise PageRefused(HTTPStatus.NOT_FOUND)
        if unknown or not who:
            say = words(viewer.language)
            trouble = (
                say("rules.unknown_numbers", numbers=", ".join(unknown))
                if unknown
                else say("rules.no_people")
            )
            return _group_page(
                site,
                viewer,
                group_id,
                group,
                trouble=trouble,
                chosen=(text(form, "department"), text(form, "numbers")),
            )
        change = MovePeople(who, None if text(form, "act") == "out" else group_id)
        return show_review(site, viewer, [change], f"{START}/group/{group_id}")


def _add_version(router: APIRouter, site: Site) -> None:
    @router.get("/rules/group/{group_id}/policy/{since}")
    def show(request: Request, group_id: str, since: str) -> Response:
        viewer = site.viewer_of_everyone(request)
        group, known = _version(site, group_id, since)
        if known is not None:
            shown = _VersionForm(since, since, known.version, texts_of(known.parameters), {})
        else:
            today = AsOf(site.now_ms(), site.zone).today
            like = group.on(today)
            first = date(today.year + today.month // 12, today.month % 12 + 1, 1).isoformat()
            name = f"v{len(group.versions) + 1}"
            shown = _VersionForm("", first, name, texts_of(like.parameters) if like else {}, {})
        return _version_page(site, viewer, group_id, group, shown)

    @router.post("/rules/set-policy")
    def save(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        group_id, known = text(form, "group"), text(form, "known")
        group, _ = _version(site, group_id, known or NEW)
        back = f"{START}/group/{group_id}"
        if known and text(form, "act") == "drop":
            return show_review(site, viewer, [DropVersion(group_id, _since(known))], back)
        typed, say = texts(form), words(viewer.language)
        parameters, faults = parameters_of(typed)
        written = text(form, "since")
        try:
            since = None if written in {"", EVER} else parse_day(written)
        except ValueError:
            faults["since"] = Fault.of("bad_value", ("since",), what=say("rules.bad_date"))
            since = None
        taken = next((one for one in group.versions if one.since == since and key_of(one) != known), None)
        if taken is not None and "since" not in faults:
            args = {"first": taken.version, "second": text(form, "version"), "since": key_of(taken)}
            faults["since"] = Fault.of("overlapping_versions", ("since",), **args)
        shown = _VersionForm(known, written, text(form, "version"), typed, faults)
        if text(form, "act") == "edit":
            return _version_page(site, viewer, group_id, group, shown)
        if faults:
            return _version_page(site, viewer, group_id, group, shown, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        changes: list[Change] = [SetVersion(group_id, since, shown.version, dict(parameters))]
        if known and _since(known) != since:
            changes.insert(0, DropVersion(group_id, _since(known)))
        return show_review(site, viewer, changes, back, typed=Typed.of("/rules/set-policy", form))


@dataclass(frozen=True, slots=True)
class _VersionForm:
    """What stands in the form; ``known``: the version that is edited, empty for a new one."""

    known: str
    since: str
    version: str
    texts: Mapping[str, str]
    faults: Mapping[str, Fault]


def key_of(version: VersionRow) -> str:
    """How an address names a version: its first date, or ``ever``."""
    return EVER if version.since is None else version.since.isoformat()


def _since(key: str) -> date | None:
    return None if key == EVER else date.fromisoformat(key)


def _version(site: Site, group_id: str, key: str) -> tuple[GroupRow, VersionRow | None]:
    with site.database.read() as connection:
        group = read_tables(connection).groups.get(group_id)
    if group is None:
        raise PageRefused(HTTPStatus.NOT_FOUND)
    found = next((version for version in group.versions if key_of(version) == key), None)
    if found is None and key != NEW:
        raise PageRefused(HTTPStatus.NOT_FOUND)
    return group, found


def _version_page(
    site: Site,
    viewer: Viewer,
    group_id: str,
    group: GroupRow,
    shown: _VersionForm,
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    values = {
        "group_id": group_id,
        "group": group,
        "shown": shown,
        "sections": fields(shown.texts, shown.faults),
        "told": {
            name: told(fault, viewer.language, shown.texts.get(name, "").strip())
            for name, fault in shown.faults.items()
        },
        "only": len(group.versions) == 1,
        "tab": "overview",
    }
    return site.renderer.page("rules_policy.html", site.frame(viewer, "rules"), values, status.value)


def _group_page(
    site: Site,
    viewer: Viewer,
    group_id: str,
    group: GroupRow,
    *,
    saved: int | None = None,
    trouble: str = "",
    chosen: tuple[str, str] = ("", ""),
) -> Response:
    say = words(viewer.language)
    today = AsOf(site.now_ms(), site.zone).today
    with site.database.read() as connection:
        tables = read_tables(connection)
        members = _members(connection, group_id, group) if group_id else []
        listed = connection.execute(
            select(departments.c.department_id, departments.c.name).order_by(departments.c.name)
        ).all()
    in_force = group.on(today)
    values = {
        "group_id": group_id,
        "group": group,
        "days": _week_days(group),
        "shifts": sorted(tables.shifts),
        "versions": [
            VersionLine(version, key_of(version), version is in_force, _differing(version, say))
            for version in reversed(group.versions)
        ],
        "members": members[:_PEOPLE_SHOWN],
        "members_n": len(members),
        "departments": listed,
        "others": len(tables.groups) > 1,
        "saved": saved,
        "trouble": trouble,
        "chosen": chosen,
        "tab": "overview",
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if trouble else HTTPStatus.OK
    return site.renderer.page("rules_group.html", site.frame(viewer, "rules"), values, status.value)


def _differing(version: VersionRow, say: Words) -> list[Row]:
    parameters = version.parameters
    return [
        Row(say(f"param.{name}"), "", _with_unit(name, parameters[name], say))
        for name in NAMES
        if name in parameters
    ]


def _with_unit(name: str, value: Plain, say: Words) -> str:
    shown = parameter_text(name, value, say)
    return say("unit.minutes", n=shown) if name.endswith("_min") and shown.isdigit() else shown


def _week_days(group: GroupRow) -> list[WeekDay]:
    found = []
    for number, key in enumerate(WEEKDAYS):
        entry = group.week.get(key, "off")
        names = (
            [] if entry == "off" else [str(name) for name in (entry if isinstance(entry, list) else [entry])]
        )
        odd = isinstance(entry, dict) or len(names) > _SHIFTS_A_DAY
        first, second = ([*names, "", ""])[:_SHIFTS_A_DAY]
        found.append(
            WeekDay(key, number, ("", "") if odd else (first, second), plain_text(entry) if odd else "")
        )
    return found


def _week_of(typed: Mapping[str, str], tables: RuleTables) -> dict[str, Plain]:
    """The week in the fields; an entry no field can show is kept unless its fields were filled."""
    kept = tables.groups.get(typed.get("group", ""))
    week: dict[str, Plain] = {}
    for key in WEEKDAYS:
        names: list[Plain] = [
            typed[f"{key}_{place}"] for place in range(_SHIFTS_A_DAY) if typed.get(f"{key}_{place}")
        ]
        if names:
            week[key] = names if len(names) > 1 else names[0]
        elif kept is not None and f"{key}_keep" in typed and key in kept.week:
            week[key] = kept.week[key]
    return week


def _members(connection: Connection, group_id: str, group: GroupRow) -> list[MemberLine]:
    condition = people.c.group_id == group_id
    if group.is_default:
        condition = or_(condition, people.c.group_id.is_(None))
    rows = connection.execute(
        select(people.c.person_id, people.c.employee_no, people.c.name, departments.c.name, people.c.group_id)
        .select_from(people.join(departments, departments.c.department_id == people.c.department_id))
        .where(condition)
        .order_by(departments.c.name, people.c.employee_no)
    )
    return [
        MemberLine(person, number, name, department, own is None)
        for person, number, name, department, own in rows
    ]


def _chosen_people(connection: Connection, form: Form) -> tuple[list[str], list[str]]:
    """Ids of the people a form names by department or number, and the numbers nobody has."""
    department = text(form, "department")
    numbers = [number for number in _SEPARATORS.split(text(form, "numbers")) if number]
    rows: Sequence[tuple[str, str, str]] = [
        (person, number, of)
        for person, number, of in connection.execute(
            select(people.c.person_id, people.c.employee_no, people.c.department_id).order_by(
                people.c.person_id
            )
        )
    ]
    known = {number for _, number, _ in rows}
    who = [person for person, number, of in rows if number in numbers or (department and of == department)]
    return who, [number for number in numbers if number not in known]

"""The rules at a glance: groups, shifts, what is wrong, what changed last; and a rules file taken in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection, func, select

from cloud.attendance.facts import AsOf
from cloud.attendance.rulesets import GroupRow, RuleTables, VersionRow, read_tables, shared_case
from cloud.db.tables import audit, people
from cloud.rulebook import files
from cloud.rulebook.check import check_rules
from cloud.rules.errors import RefusedInput
from cloud.rules.facts import WorkShift
from cloud.rules.plain import Plain
from cloud.rules.policy import Policy, policy_from
from cloud.rules.rulesfile import rule_set
from cloud.web.pages.described import WEEKDAYS, off_text, plain_text
from cloud.web.pages.forms import Form, ruler, upload
from cloud.web.pages.review import START, fault_lines, show_review
from cloud.web.pages.site import PageRefused, Site
from cloud.web.sessions import Viewer
from cloud.web.shiftbar import ShiftBar, scale_of, shift_bar
from cloud.web.words import Words, words

_ACTIONS = (
    "set_shift",
    "drop_shift",
    "set_group",
    "drop_group",
    "set_version",
    "drop_version",
    "set_days",
    "set_year",
    "set_roster",
    "move_people",
)
_OF_GROUPS = ("set_group", "drop_group", "set_version", "drop_version", "move_people")
_CHANGES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group as the list shows it; ``now`` the version in force, ``next`` the one after it."""

    group_id: str
    group: GroupRow
    people_n: int
    week: list[str]
    now: VersionRow | None
    next: VersionRow | None


@dataclass(frozen=True, slots=True)
class ShiftLine:
    """A shift as the list shows it; ``bar`` None: it cannot be read."""

    name: str
    free: bool
    bar: ShiftBar | None
    used_by: list[str]


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A change of rules that was put in force."""

    at_ms: int
    actor: str
    action: str
    target: str


def add_routes(router: APIRouter, site: Site) -> None:
    """``/rules`` and ``/rules/file``."""

    @router.get("/rules")
    def show(request: Request) -> Response:
        return _page(site, site.viewer_of_everyone(request), saved=saved_of(request))

    @router.get("/rules/file/{group_id}")
    def download(request: Request, group_id: str) -> Response:
        site.viewer_of_everyone(request)
        with site.database.read() as connection:
            tables = read_tables(connection)
        if group_id not in tables.groups:
            raise PageRefused(HTTPStatus.NOT_FOUND)
        headers = {"Content-Disposition": f'attachment; filename="rules-{group_id}.yaml"'}
        return Response(files.write(tables, group_id), media_type="application/yaml", headers=headers)

    @router.post("/rules/file")
    def take(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        found = upload(form, "file")
        if found is None:
            return _page(site, viewer, trouble=["rules.file_none"], status=HTTPStatus.UNPROCESSABLE_ENTITY)
        with site.database.read() as connection:
            tables = read_tables(connection)
        try:
            read = files.read(files.decoded(found[1], found[0]), tables)
        except files.BadFile as error:
            return _page(site, viewer, lines=[str(error)], status=HTTPStatus.UNPROCESSABLE_ENTITY)
        if isinstance(read, list):
            say = words(viewer.language)
            told = [
                say("rules.file_line", line=bad.line, said=bad.sentence(viewer.language.value))
                for bad in read
            ]
            return _page(site, viewer, lines=told, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        return show_review(site, viewer, read.changes, START)


def saved_of(request: Request) -> int | None:
    """How many days the change that was just made has marked; None: nothing was just changed."""
    found = request.query_params.get("saved", "")
    return int(found) if found.isascii() and found.isdigit() and len(found) < 12 else None  # noqa: PLR2004  no count


def _page(
    site: Site,
    viewer: Viewer,
    *,
    saved: int | None = None,
    trouble: list[str] | None = None,
    lines: list[str] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    say = words(viewer.language)
    view = AsOf(site.now_ms(), site.zone)
    with site.database.read() as connection:
        tables = read_tables(connection)
        told = check_rules(connection, tables, view, {})
        values: dict[str, object] = {
            "groups": group_lines(connection, tables, view.today, say),
            "faults": fault_lines(told, tables, tables, viewer),
            "changed": _changed(connection, tables, say),
            "shifts": shift_lines(tables, site.zone),
            "tables": tables,
            "years": sorted(tables.years.items()),
            "saved": saved,
            "lines": [*(say(key) for key in trouble or []), *(lines or [])],
            "tab": "overview",
        }
    return site.renderer.page("rules.html", site.frame(viewer, "rules"), values, status.value)


def group_lines(connection: Connection, tables: RuleTables, today: date, say: Words) -> list[GroupLine]:
    """Every group with its week, its people and its version in force; the default first."""
    counts: Counter[str] = Counter()
    rows = connection.execute(select(people.c.group_id, func.count()).group_by(people.c.group_id))
    for group_id, n in rows:
        counts[group_id or tables.default or ""] += n
    order = sorted(tables.groups.items(), key=lambda item: (not item[1].is_default, item[1].name))
    return [
        GroupLine(
            group_id,
            group,
            counts[group_id],
            [off_text(plain_text(group.week.get(day, "off")), say) for day in WEEKDAYS],
            group.on(today),
            next((one for one in group.versions if one.since is not None and one.since > today), None),
        )
        for group_id, group in order
    ]


def shift_lines(tables: RuleTables, zone: ZoneInfo) -> list[ShiftLine]:
    """Every shift with its bar under the default group's newest policy."""
    policy = default_policy(tables)
    read = {name: read_shift(name, definition, zone) for name, definition in sorted(tables.shifts.items())}
    scale = scale_of([shift for shift in read.values() if shift is not None], policy)
    return [
        ShiftLine(
            name,
            shift is not None and shift.free,
            None if shift is None else bar_of(shift, policy, scale),
            [group.name for group in tables.groups.values() if _uses(group, name)],
        )
        for name, shift in read.items()
    ]


def default_policy(tables: RuleTables) -> Policy:
    """The newest policy of the default group; all defaults where there is none that can be read."""
    group = tables.groups.get(tables.default or "")
    try:
        return policy_from(dict(group.versions[-1].parameters)) if group and group.versions else Policy()
    except RefusedInput:
        return Policy()


def bar_of(shift: WorkShift, policy: Policy, scale: tuple[int, int] | None = None) -> ShiftBar | None:
    """The bar of a shift; None: it has a segment that ends before it starts."""
    if any(end <= start for start, end in shift.segments):
        return None
    return shift_bar(shift, policy, scale)


def read_shift(name: str, definition: Plain, zone: ZoneInfo) -> WorkShift | None:
    """A shift as it is written; None: it cannot be read."""
    found = rule_set(shared_case(RuleTables({name: definition}, {}, {}, {}, {}), zone))
    return None if isinstance(found, list) else found.shifts[name]


def _uses(group: GroupRow, name: str) -> bool:
    return any(name in plain_text(entry).split(", ") for entry in group.week.values())


def _changed(connection: Connection, tables: RuleTables, say: Words) -> list[AuditLine]:
    table = audit.c
    rows = connection.execute(
        select(table.at_ms, table.actor, table.action, table.target, table.detail)
        .where(table.action.in_(_ACTIONS))
        .order_by(table.audit_id.desc())
        .limit(_CHANGES_SHOWN)
    ).all()
    names = {"": say("rules.no_group")}
    for _, _, action, target, detail in rows:
        if action in {"set_group", "drop_group"}:
            names[target] = str((detail["before"] or detail["change"])["name"])
    names |= {group_id: group.name for group_id, group in tables.groups.items()}
    return [
        AuditLine(at_ms, actor, action, _named(target, names) if action in _OF_GROUPS else target)
        for at_ms, actor, action, target, _ in rows
    ]


def _named(target: str, names: Mapping[str, str]) -> str:
    """A group, or one of its versions, by the name of the group."""
    group_id, _, since = target.partition(" ")
    return f"{names.get(group_id, group_id)} {since}".strip()

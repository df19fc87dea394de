"""Putting a draft in force: rows, audit and stale days in one transaction."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b

import msgspec
from sqlalchemy import Connection, delete, select, update
from sqlalchemy import insert as plain_insert

from cloud.attendance import stale
from cloud.attendance.facts import AsOf
from cloud.attendance.rulesets import SINCE_EVER, Cache, GroupRow, RuleTables, VersionRow, read_tables
from cloud.db.tables import (
    audit,
    calendar_days,
    calendar_years,
    groups,
    people,
    policies,
    roster_entries,
    shifts,
)
from cloud.db.upsert import insert
from cloud.rulebook.check import Told, check_draft
from cloud.rulebook.draft import (
    Change,
    Draft,
    DropGroup,
    DropShift,
    DropVersion,
    MovePeople,
    SetDay,
    SetGroup,
    SetRoster,
    SetShift,
    SetVersion,
    SetYear,
    draft,
)
from cloud.rulebook.touched import books, touched

_CAUSES = {"shift": "shift", "group": "group", "version": "policy", "day": "calendar", "year": "calendar"}
_DIGEST_BYTES = 16
Groups = Mapping[str, str | None]
"""Ids of groups by people; None: in none."""


@dataclass(frozen=True, slots=True)
class Saved:
    """The draft is in force; ``days_n`` person-days are judged again."""

    days_n: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was written: the draft breaks rules."""

    told: list[Told]


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Nothing was written: the rules are no longer those that were looked at."""


def fingerprint(tables: RuleTables) -> str:
    """Differs whenever any rule does."""
    days = {day.isoformat(): row for day, row in tables.calendar.items()}
    plain = (tables.shifts, tables.groups, days, {str(year): row for year, row in tables.years.items()})
    return blake2b(msgspec.json.encode(plain, order="sorted"), digest_size=_DIGEST_BYTES).hexdigest()


def put_in_force(
    connection: Connection, changes: list[Change], seen: str | None, actor: str, view: AsOf
) -> Saved | Refused | Overtaken:
    """Store what ``changes`` make of the rules, and mark exactly the person-days they touch.

    ``seen`` is the fingerprint of the rules that were looked at; None: whatever they are now.
    """
    before = read_tables(connection)
    if seen is not None and seen != fingerprint(before):
        return Overtaken()
    one = draft(before, changes)
    cache: Cache = {}
    told = check_draft(connection, one, view, cache)
    if any(each.refuses for each in told):
        return Refused(told)
    days = touched(connection, one, books(one, view.zone, cache), view)
    were = _groups_of(connection, one.groups) if one.groups else {}
    known_ms = _write(connection, one, view)
    _write_audit(connection, one, were, actor, view)
    marked = [(person, day) for person, dates in days.items() for day in dates]
    stale.mark(connection, marked, cause_of(one), known_ms)
    return Saved(len(marked))


def cause_of(one: Draft) -> str:
    """What the history of a day says made it be judged again."""
    causes = {_cause(change) for change in one.changes}
    return causes.pop() if len(causes) == 1 else "policy"


def _cause(change: Change) -> str:
    if isinstance(change, SetRoster):
        return "roster"
    if isinstance(change, MovePeople):
        return "group"
    tag = change.__struct_config__.tag
    return _CAUSES[str(tag).rpartition("_")[2]]


def _write(connection: Connection, one: Draft, view: AsOf) -> int:
    """Write the rows of a draft; when all of it is known, in ms."""
    before, after = one.before, one.after
    _write_shifts(connection, before, after)
    _write_groups(connection, before, after)
    _write_calendar(connection, before, after)
    for person, group_id in one.groups.items():
        connection.execute(
            update(people)
            .where(people.c.person_id == person)
            .values(group_id=group_id, updated_ms=view.now_ms)
        )
    # People who were in a group have left it by now.
    for group_id in before.groups.keys() - after.groups.keys():
        connection.execute(delete(policies).where(policies.c.group_id == group_id))
        connection.execute(delete(groups).where(groups.c.group_id == group_id))
    return _write_roster(connection, one, view)


def _write_shifts(connection: Connection, before: RuleTables, after: RuleTables) -> None:
    for name in before.shifts.keys() - after.shifts.keys():
        connection.execute(delete(shifts).where(shifts.c.name == name))
    for name, definition in after.shifts.items():
        if before.shifts.get(name) != definition:
            values = {"definition": definition}
            connection.execute(
                insert(connection, shifts)
                .values(name=name, **values)
                .on_conflict_do_update(index_elements=["name"], set_=values)
            )


def _write_groups(connection: Connection, before: RuleTables, after: RuleTables) -> None:
    for group_id, group in after.groups.items():
        known = before.groups.get(group_id)
        if known == group:
            continue
        values = {"name": group.name, "week": dict(group.week), "is_default": group.is_default}
        connection.execute(
            insert(connection, groups)
            .values(group_id=group_id, **values)
            .on_conflict_do_update(index_elements=["group_id"], set_=values)
        )
        if known is None or known.versions != group.versions:
            _write_versions(connection, group_id, group)


def _write_versions(connection: Connection, group_id: str, group: GroupRow) -> None:
    connection.execute(delete(policies).where(policies.c.group_id == group_id))
    if group.versions:
        connection.execute(
            plain_insert(policies), [_version_row(group_id, version) for version in group.versions]
        )


def _version_row(group_id: str, version: VersionRow) -> dict[str, object]:
    return {
        "group_id": group_id,
        "from_date": version.since or SINCE_EVER,
        "version": version.version,
        "parameters": dict(version.parameters),
    }


def _write_calendar(connection: Connection, before: RuleTables, after: RuleTables) -> None:
    gone = [day for day in before.calendar if after.calendar.get(day) != before.calendar[day]]
    for day in gone:
        connection.execute(delete(calendar_days).where(calendar_days.c.date == day))
    rows = [
        {
            "date": day,
            "kind": row.kind,
            "half": row.half,
            "shift_of": row.shift_of,
            "name": row.name,
            "source": row.source,
        }
        for day, row in after.calendar.items()
        if before.calendar.get(day) != row
    ]
    if rows:
        connection.execute(plain_insert(calendar_days), rows)
    for year, found in after.years.items():
        if before.years.get(year) != found:
            values = {"provisional": found.provisional, "source": found.source}
            connection.execute(
                insert(connection, calendar_years)
                .values(year=year, **values)
                .on_conflict_do_update(index_elements=["year"], set_=values)
            )


def _write_roster(connection: Connection, one: Draft, view: AsOf) -> int:
    """A new entry each, known from now on; one that is in force already is not written again (D1).

    Returns when the last of them is known, in ms: an entry of now has to come after those that are there.
    """
    last_ms = view.now_ms
    for person, days in one.roster.items():
        newest = _newest(connection, person, days)
        known = {day: max(view.now_ms, newest[day][0] + 1) if day in newest else view.now_ms for day in days}
        rows = [
            {
                "person_id": person,
                "date": day,
                "known_ms": known[day],
                "shifts": list(entry.shifts),
                "zone": newest[day][2] if day in newest else entry.zone,
            }
            for day, entry in days.items()
            if day not in newest or tuple(newest[day][1]) != entry.shifts
        ]
        if rows:
            connection.execute(plain_insert(roster_entries), rows)
        last_ms = max([last_ms, *known.values()])
    return last_ms


def _newest(
    connection: Connection, person: str, days: Mapping[date, object]
) -> dict[date, tuple[int, list[str], str | None]]:
    table = roster_entries.c
    rows = connection.execute(
        select(table.date, table.known_ms, table.shifts, table.zone)
        .where(table.person_id == person, table.date.between(min(days), max(days)))
        .order_by(table.known_ms)
    )
    return {day: (known_ms, names, zone) for day, known_ms, names, zone in rows}


def _groups_of(connection: Connection, who: Container[str]) -> Groups:
    """In which group people are."""
    everybody = connection.execute(select(people.c.person_id, people.c.group_id))
    return {person: group_id for person, group_id in everybody if person in who}


def _write_audit(connection: Connection, one: Draft, were: Groups, actor: str, view: AsOf) -> None:
    """A line for each change with what was there before; days of the calendar share one."""
    days = [change for change in one.changes if isinstance(change, SetDay)]
    others = [change for change in one.changes if not isinstance(change, SetDay)]
    lines: list[tuple[str, str, object]] = [
        (str(change.__struct_config__.tag), _target(change), _detail(one, change, were)) for change in others
    ]
    if days:
        target = f"{min(day.date for day in days)}..{max(day.date for day in days)}"
        lines.append(("set_days", target, [_detail(one, day, were) for day in days]))
    connection.execute(
        plain_insert(audit),
        [
            {"at_ms": view.now_ms, "actor": actor, "action": action, "target": target[:200], "detail": detail}
            for action, target, detail in lines
        ],
    )


def _target(change: Change) -> str:
    """What a change is about, for people who search the audit."""
    match change:
        case SetShift(name=name) | DropShift(name=name):
            return name
        case SetVersion(group_id=group_id, since=since) | DropVersion(group_id=group_id, since=since):
            return f"{group_id} {since or ''}".strip()
        case SetRoster(first=first, last=last):
            return f"{first}..{last}"
        case SetDay(date=day):
            return day.isoformat()
        case SetYear(year=year):
            return str(year)
        case _:
            return change.group_id or ""


def _detail(one: Draft, change: Change, were: Groups) -> dict[str, object]:
    """The change, and what it took the place of."""
    before: object = None
    match change:
        case SetShift(name=name) | DropShift(name=name):
            before = one.before.shifts.get(name)
        case SetVersion(group_id=group_id, since=since) | DropVersion(group_id=group_id, since=since):
            group = one.before.groups.get(group_id)
            versions = () if group is None else group.versions
            before = next((version for version in versions if version.since == since), None)
        case SetGroup(group_id=group_id) | DropGroup(group_id=group_id):
            before = one.before.groups.get(group_id)
        case SetDay(date=day):
            before = one.before.calendar.get(day)
        case SetYear(year=year):
            before = one.before.years.get(year)
        case MovePeople(people=who):
            before = {person: were.get(person) for person in who}
        case SetRoster():
            before = None
    return {"change": msgspec.to_builtins(change), "before": msgspec.to_builtins(before)}

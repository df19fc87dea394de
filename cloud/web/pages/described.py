"""Changes of rules in words: what was, and what would be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from cloud.attendance.rulesets import CalendarRow
from cloud.db.tables import people
from cloud.office.calendar import COMPUTED, NOTICE
from cloud.reports.phrases import Texts
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
)
from cloud.web.parameters import NAMES, ON, default_text, text_of
from cloud.web.words import Words

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS_LISTED = 60
_NAMED = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that changes: its name, and what it was and would be."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Described:
    """One change in words."""

    title: str
    rows: list[Row]


def describe(connection: Connection, one: Draft, say: Words) -> list[Described]:
    """Every change of a draft in words; days of the calendar are one change."""
    return list(_described(connection, one, say))


def _described(connection: Connection, one: Draft, say: Words) -> Iterator[Described]:
    days = [change for change in one.changes if isinstance(change, SetDay)]
    for change in one.changes:
        if not isinstance(change, SetDay):
            yield _one(connection, one, change, say)
    if days:
        rows = [_day_row(one, day, say) for day in days[:_DAYS_LISTED]]
        if len(days) > _DAYS_LISTED:
            rows.append(Row("…", "", say("rules.more_days", n=len(days) - _DAYS_LISTED)))
        yield Described(say("rules.change_days", n=len(days)), rows)


def _one(connection: Connection, one: Draft, change: Change, say: Words) -> Described:
    rows: list[Row]
    match change:
        case SetShift(name=name) | DropShift(name=name):
            title, rows = say("rules.change_shift", name=name), _shift_rows(one, name, say)
        case SetVersion(group_id=group_id, since=since) | DropVersion(group_id=group_id, since=since):
            title = say("rules.change_policy", group=_group_name(one, group_id), since=since_text(since, say))
            rows = _version_rows(one, group_id, since, say)
        case SetGroup(group_id=group_id) | DropGroup(group_id=group_id):
            title, rows = (
                say("rules.change_group", name=_group_name(one, group_id)),
                _group_rows(one, group_id, say),
            )
        case SetYear(year=year):
            title, rows = say("rules.change_year", year=year), [_year_row(one, year, say)]
        case SetDay():
            title, rows = say("rules.change_days", n=1), [_day_row(one, change, say)]
        case SetRoster():
            title, rows = say("rules.change_roster"), _roster_rows(connection, change, say)
        case MovePeople():
            target = _group_name(one, change.group_id) if change.group_id else say("rules.no_group")
            title = say("rules.change_members", group=target)
            rows = _move_rows(connection, one, change, target, say)
    return Described(title, rows)


def since_text(since: date | None, say: Words) -> str:
    """From when a version holds."""
    return say("rules.ever") if since is None else since.isoformat()


def _group_name(one: Draft, group_id: str) -> str:
    for tables in (one.after, one.before):
        if group_id in tables.groups:
            return tables.groups[group_id].name
    return group_id


def _shift_rows(one: Draft, name: str, say: Words) -> list[Row]:
    before, after = (tables.shifts.get(name) for tables in (one.before, one.after))
    old, new = (value if isinstance(value, dict) else {} for value in (before, after))
    return [
        Row(
            say(f"shift_key.{key}") if f"shift_key.{key}" in say else key,
            plain_text(old.get(key)),
            plain_text(new.get(key)),
        )
        for key in dict.fromkeys((*old, *new))
        if old.get(key) != new.get(key)
    ]


def plain_text(value: object) -> str:
    """A value of a rules file as one reads it."""
    if isinstance(value, list):
        return ", ".join(plain_text(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain_text(one)}" for name, one in value.items())
    return "" if value is None else str(value)


def _version_rows(one: Draft, group_id: str, since: date | None, say: Words) -> list[Row]:
    """What holds on the first date of a version, before and after."""
    groups = (tables.groups.get(group_id) for tables in (one.before, one.after))
    before, after = (None if group is None else group.on(since or date.min) for group in groups)
    names = [version.version if version else "" for version in (before, after)]
    rows = [Row(say("rules.version"), *names)] if names[0] != names[1] else []
    old, new = (dict(version.parameters) if version else {} for version in (before, after))
    for name in NAMES:
        if old.get(name) != new.get(name):
            texts = (parameter_text(name, values.get(name), say) for values in (old, new))
            rows.append(Row(say(f"param.{name}"), *texts))
    return rows


def parameter_text(name: str, value: object, say: Words) -> str:
    """A parameter's value in words, its default where it is not set."""
    text_found = default_text(name) if value is None else text_of(name, value)
    if text_found in {"", ON} and (isinstance(value, bool) or default_text(name) == text_found == ""):
        return say("rules.yes") if text_found == ON else say("rules.off")
    key = f"choice.{name}.{text_found}"
    return say(key) if key in say else text_found


def _group_rows(one: Draft, group_id: str, say: Words) -> list[Row]:
    before, after = (tables.groups.get(group_id) for tables in (one.before, one.after))
    rows = [Row(say("rules.name"), before.name if before else "", after.name if after else "")]
    for number, weekday in enumerate(WEEKDAYS):
        old, new = (plain_text(group.week.get(weekday, "off")) if group else "" for group in (before, after))
        rows.append(Row(say(f"weekday_long.{number}"), off_text(old, say), off_text(new, say)))
    default = [say("rules.yes") if group and group.is_default else "" for group in (before, after)]
    rows.append(Row(say("rules.default_group"), *default))
    return [row for row in rows if row.before != row.after]


def off_text(names: str, say: Words) -> str:
    """Shifts of a day, or that it is off."""
    return say("rules.off_day") if names == "off" else names


def _year_row(one: Draft, year: int, say: Words) -> Row:
    texts = []
    for tables in (one.before, one.after):
        row = tables.years.get(year)
        kind = "" if row is None else say("rules.provisional" if row.provisional else "rules.official")
        texts.append(
            "" if row is None else say("rules.year_from", kind=kind, source=source_text(row.source, say))
        )
    return Row(str(year), *texts)


def _day_row(one: Draft, day: SetDay, say: Words) -> Row:
    texts = []
    for tables in (one.before, one.after):
        row = tables.calendar.get(day.date)
        texts.append("" if row is None else " ".join(filter(None, _said(row, say))))
    return Row(day.date.isoformat(), *texts)


def _said(row: CalendarRow, say: Words) -> Iterator[str]:
    yield kind_text(row.kind, row.half, say)
    if row.shift_of in WEEKDAYS:
        yield say("calendar.like", day=say(f"weekday_long.{WEEKDAYS.index(row.shift_of)}"))
    yield row.name


def source_text(source: str, say: Texts) -> str:
    """Who says so: in words where we say it ourselves, else as it was written."""
    key = {NOTICE: "notice", COMPUTED: "computed"}.get(source, source)
    return say(f"calendar_source.{key}") if f"calendar_source.{key}" in say else source


def kind_text(kind: str, half: str | None, say: Words) -> str:
    """What the calendar says of a date, in words."""
    if kind == "half" and half:
        return say(f"calendar.half_{half}")
    return say(f"calendar.{kind}") if f"calendar.{kind}" in say else kind


def _roster_rows(connection: Connection, change: SetRoster, say: Words) -> list[Row]:
    span = change.first.isoformat() if change.first == change.last else f"{change.first} – {change.last}"
    planned = "+".join(change.shifts) or say("rules.off_day")
    return [Row(say("rules.people"), "", _people(connection, change.people, say)), Row(span, "", planned)]


def _move_rows(connection: Connection, one: Draft, change: MovePeople, target: str, say: Words) -> list[Row]:
    """Who comes from which group; those who are there already do not move."""
    of: dict[str | None, list[str]] = {}
    who = set(change.people)
    for person, group_id in connection.execute(select(people.c.person_id, people.c.group_id)):
        if person in who:
            of.setdefault(group_id, []).append(person)
    return [
        Row(
            _people(connection, movers, say),
            _group_name(one, group_id) if group_id else say("rules.no_group"),
            target,
        )
        for group_id, movers in of.items()
        if group_id != change.group_id
    ]


def _people(connection: Connection, who: Sequence[str], say: Words) -> str:
    """A few names, and how many others."""
    few = connection.execute(
        select(people.c.name).where(people.c.person_id.in_(list(who[:_NAMED]))).order_by(people.c.employee_no)
    ).scalars()
    names = say("rules.listed").join(few)
    return names if len(who) <= _NAMED else say("rules.and_others", names=names, n=len(who) - _NAMED)

"""A draft of the rules: what somebody wants to change, and the rules as they would be then. Pure.

Changes are values that survive a trip through a form, so that what is confirmed is what was looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar, cast

import msgspec

from cloud.attendance.rulesets import CalendarRow, GroupRow, RuleTables, VersionRow, YearRow
from cloud.rules.facts import RosterEntry
from cloud.rules.plain import Plain
from models.ids import PersonId


class SetShift(msgspec.Struct, frozen=True, tag="set_shift"):
    """A shift as it is written in a case file, new or changed."""

    name: str
    definition: dict[str, object]


class DropShift(msgspec.Struct, frozen=True, tag="drop_shift"):
    """A shift that is no longer there."""

    name: str


class SetGroup(msgspec.Struct, frozen=True, tag="set_group"):
    """Name and week of a group, new or changed; ``is_default``: people in no group belong to it."""

    group_id: str
    name: str
    week: dict[str, object]
    is_default: bool = False


class DropGroup(msgspec.Struct, frozen=True, tag="drop_group"):
    """A group that is no longer there."""

    group_id: str


class SetVersion(msgspec.Struct, frozen=True, tag="set_version"):
    """A policy version from ``since`` on (None: since ever), new or in place of the one of that date."""

    group_id: str
    since: date | None
    version: str
    parameters: dict[str, object]


class DropVersion(msgspec.Struct, frozen=True, tag="drop_version"):
    """The policy version of that date is no longer there."""

    group_id: str
    since: date | None


class SetDay(msgspec.Struct, frozen=True, tag="set_day"):
    """What the calendar says of a date; ``kind`` None: nothing."""

    date: date
    kind: str | None
    half: str | None = None
    shift_of: str | None = None
    name: str = ""
    source: str = ""


class SetYear(msgspec.Struct, frozen=True, tag="set_year"):
    """Whether a year waits for its official notice, and where its days are from."""

    year: int
    provisional: bool
    source: str


class SetRoster(msgspec.Struct, frozen=True, tag="set_roster"):
    """Shifts of some people on some dates; none: a day off."""

    people: list[str]
    first: date
    last: date
    shifts: list[str]


class MovePeople(msgspec.Struct, frozen=True, tag="move_people"):
    """People who are in another group from now on; None: in none."""

    people: list[str]
    group_id: str | None


RuleChange = SetShift | DropShift | SetGroup | DropGroup | SetVersion | DropVersion | SetDay | SetYear
Change = RuleChange | SetRoster | MovePeople

K = TypeVar("K")
V = TypeVar("V")

_decoder = msgspec.json.Decoder(list[Change])


class BadDraft(Exception):
    """The text is no list of changes."""


def changes_text(changes: Sequence[Change]) -> str:
    """Changes as a text that a form can carry."""
    return msgspec.json.encode(list(changes)).decode()


def changes_of(text: str) -> list[Change]:
    """The changes in a text.

    Raises:
        BadDraft: it has none.
    """
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise BadDraft(str(error)) from error


@dataclass(frozen=True, slots=True)
class Draft:
    """The rules as they are and as they would be.

    Attributes:
        roster: entries to put in, by person and date.
        groups: people to move, with the group they would be in.
    """

    before: RuleTables
    after: RuleTables
    changes: tuple[Change, ...]
    roster: Mapping[PersonId, Mapping[date, RosterEntry]] = field(default_factory=dict)
    groups: Mapping[PersonId, str | None] = field(default_factory=dict)


def draft(before: RuleTables, changes: Iterable[Change]) -> Draft:
    """What ``changes``, one after the other, make of the rules; each speaks of things by their keys."""
    listed = tuple(changes)
    after = before
    roster: dict[PersonId, dict[date, RosterEntry]] = {}
    groups: dict[PersonId, str | None] = {}
    for change in listed:
        if isinstance(change, SetRoster):
            entry = RosterEntry(tuple(change.shifts))
            for person in change.people:
                days = roster.setdefault(PersonId(person), {})
                days.update(dict.fromkeys(_dates(change.first, change.last), entry))
        elif isinstance(change, MovePeople):
            groups.update({PersonId(person): change.group_id for person in change.people})
        else:
            after = _apply(after, change)
    return Draft(before, after, listed, roster, groups)


def _apply(tables: RuleTables, change: RuleChange) -> RuleTables:
    match change:
        case SetShift(name, definition):
            found = replace(tables, shifts={**tables.shifts, name: plain_map(definition)})
        case DropShift(name):
            found = replace(tables, shifts=_without(tables.shifts, name))
        case SetGroup():
            found = _set_group(tables, change)
        case DropGroup(group_id):
            found = replace(tables, groups=_without(tables.groups, group_id))
        case SetVersion(group_id, since, version, parameters):
            found = _versions(tables, group_id, since, (VersionRow(since, version, plain_map(parameters)),))
        case DropVersion(group_id, since):
            found = _versions(tables, group_id, since, ())
        case SetDay():
            found = _set_day(tables, change)
        case SetYear(year, provisional, source):
            found = replace(tables, years={**tables.years, year: YearRow(provisional, source)})
    return found


def _without(values: Mapping[K, V], key: K) -> dict[K, V]:
    return {one: value for one, value in values.items() if one != key}


def _dates(first: date, last: date) -> list[date]:
    return [date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1)]


def plain_map(values: Mapping[str, object]) -> dict[str, Plain]:
    """Values that came from JSON or YAML, which can say nothing else."""
    return cast("dict[str, Plain]", dict(values))


def _set_group(tables: RuleTables, change: SetGroup) -> RuleTables:
    before = tables.groups.get(change.group_id)
    group = GroupRow(
        change.name,
        plain_map(change.week),
        change.is_default or (before is not None and before.is_default),
        before.versions if before is not None else (VersionRow(None, "v1", {}),),
    )
    others = dict(tables.groups)
    if change.is_default:
        others = {key: replace(other, is_default=False) for key, other in others.items()}
    return replace(tables, groups={**others, change.group_id: group})


def _versions(
    tables: RuleTables, group_id: str, since: date | None, put: tuple[VersionRow, ...]
) -> RuleTables:
    group = tables.groups.get(group_id)
    if group is None:
        return tables
    kept = (version for version in group.versions if version.since != since)
    versions = tuple(sorted((*kept, *put), key=lambda version: version.since or date.min))
    return replace(tables, groups={**tables.groups, group_id: replace(group, versions=versions)})


def _set_day(tables: RuleTables, change: SetDay) -> RuleTables:
    if change.kind is None:
        return replace(tables, calendar=_without(tables.calendar, change.date))
    row = CalendarRow(change.kind, change.half, change.shift_of, change.name, change.source)
    return replace(tables, calendar={**tables.calendar, change.date: row})

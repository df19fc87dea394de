"""Rules as data, as the engine wants them: one rule set a group, its plans shared by all its people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import blake2b
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, Table, select

from cloud.attendance.shapes import Shapes
from cloud.db import direct
from cloud.db.tables import calendar_days, calendar_years, groups, leave_types, policies, shifts
from cloud.rules.casefile import facts
from cloud.rules.casenode import BadCase, Node
from cloud.rules.errors import RefusedInput
from cloud.rules.facts import RuleSet
from cloud.rules.plain import Plain
from cloud.rules.plan import PlanBook

SINCE_EVER = date(1, 1, 1)
"""How the table writes that a policy version holds since ever."""

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of a group's policy; ``since`` None: since ever. Parameters not named have their defaults."""

    since: date | None
    version: str
    parameters: Mapping[str, Plain]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """People judged by one rule set; ``week`` by weekday as in a case file; versions by date."""

    name: str
    week: Mapping[str, Plain]
    is_default: bool
    versions: tuple[VersionRow, ...]

    def on(self, day: date) -> VersionRow | None:
        """The version in force; before all of them the oldest (D9)."""
        found = self.versions[0] if self.versions else None
        for version in self.versions:
            if version.since is None or version.since <= day:
                found = version
        return found


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """What the calendar says of a date, and who says so; the words are those of a case file."""

    kind: str
    half: str | None
    shift_of: str | None
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class YearRow:
    """Whether a year of the calendar waits for its official notice, and where it is from."""

    provisional: bool
    source: str


@dataclass(frozen=True, slots=True)
class RuleTables:
    """All rules as they are stored: shifts by name, groups by id, the calendar by date."""

    shifts: Mapping[str, Plain]
    groups: Mapping[str, GroupRow]
    calendar: Mapping[date, CalendarRow]
    years: Mapping[int, YearRow]
    leave_types: Mapping[str, str]

    @property
    def default(self) -> str | None:
        """The group of people who are in none."""
        return next((group_id for group_id, group in self.groups.items() if group.is_default), None)


@dataclass(frozen=True, slots=True)
class GroupRules:
    """What one group is judged by; ``digest`` differs whenever any of it does."""

    rules: RuleSet
    plans: PlanBook
    shapes: Shapes
    digest: bytes
    counts_month: bool


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of every group that can be judged by; ``broken``: why the others cannot, by group."""

    groups: dict[str, GroupRules]
    default: str | None
    broken: dict[str, str]

    @property
    def counts_month(self) -> bool:
        """Whether any group's days can depend on others of their month."""
        return any(group.counts_month for group in self.groups.values())

    def of(self, group_id: str | None) -> GroupRules | None:
        """The rules of a person in ``group_id``; who is in none belongs to the default group."""
        return self.groups.get(group_id or self.default or "")


Cache = dict[bytes, GroupRules]
"""Rules by digest, kept by whoever judges again and again: plans are made once."""


class Standing:
    """The rules as they stand, made anew only when a row of theirs is another than before.

    The rows themselves are looked at, so whoever has written them, and however: one statement, a few
    hundred rows. They are looked at first: what changes before they are read is found the next time. Rows in
    another order are taken for others.
    """

    def __init__(self) -> None:
        self._cache: Cache = {}
        self._seen: tuple[str, list[tuple[object, ...]]] | None = None
        self._book = Rulebook({}, None, {})

    def book(self, connection: Connection, zone: ZoneInfo) -> Rulebook:
        """The rules of all groups as they stand."""
        seen = zone.key, direct.rows(connection, _TEXTS)
        if seen != self._seen:
            self._book = load_rules(connection, zone, self._cache)
            self._seen = seen
        return self._book


_TOLD = {
    policies: ("group_id", "from_date", "version", "parameters"),
    shifts: ("name", "definition"),
    groups: ("group_id", "week", "is_default"),
    calendar_days: ("date", "kind", "half", "shift_of"),
    calendar_years: ("year", "provisional"),
    leave_types: ("code", "count"),
}
"""What rules are made of: what :func:`rulebook` asks for. Names and sources are for people."""


def _text_of(table: Table, columns: Sequence[str]) -> str:
    """A query for all rows of a table as one text: a row at a time they take twice as long."""
    told = [f"coalesce(CAST(\"{table.columns[name].name}\" AS TEXT), '{_LACKS}')" for name in columns]
    row = f" || '{_NEXT}' || ".join(told)
    return f"SELECT string_agg({row}, '{_END}') FROM \"{table.name}\""  # noqa: S608  names of ours


# No name, number or JSON has one of these.
_LACKS, _NEXT, _END = "\x1e", "\x1f", "\x1d"
_TEXTS = " UNION ALL ".join(_text_of(table, columns) for table, columns in _TOLD.items())


def load_rules(connection: Connection, zone: ZoneInfo, cache: Cache) -> Rulebook:
    """The rules of all groups as they stand; ``cache`` grows by those that are new."""
    return rulebook(read_tables(connection), zone, cache)


def read_tables(connection: Connection) -> RuleTables:
    """All rules as they are stored."""
    versions: dict[str, list[VersionRow]] = {}
    for row in connection.execute(select(policies).order_by(policies.c.from_date)):
        since = row.from_date if row.from_date > SINCE_EVER else None
        versions.setdefault(row.group_id, []).append(VersionRow(since, row.version, row.parameters))
    return RuleTables(
        shifts={row.name: row.definition for row in connection.execute(select(shifts))},
        groups={
            row.group_id: GroupRow(row.name, row.week, row.is_default, tuple(versions.get(row.group_id, ())))
            for row in connection.execute(select(groups))
        },
        calendar={
            row.date: CalendarRow(row.kind, row.half, row.shift_of, row.name, row.source)
            for row in connection.execute(select(calendar_days))
        },
        years={
            row.year: YearRow(row.provisional, row.source)
            for row in connection.execute(select(calendar_years).order_by(calendar_years.c.year))
        },
        leave_types=dict(connection.execute(select(leave_types.c.code, leave_types.c.count)).all()),
    )


def rulebook(tables: RuleTables, zone: ZoneInfo, cache: Cache) -> Rulebook:
    """What ``tables`` mean for every group; ``cache`` grows by the rules that are new."""
    shared = shared_case(tables, zone)
    found: dict[str, GroupRules] = {}
    broken: dict[str, str] = {}
    for group_id, group in tables.groups.items():
        try:
            found[group_id] = _group(group_id, shared | group_case(group), cache)
        except (BadCase, RefusedInput) as error:
            broken[group_id] = str(error)
    return Rulebook(found, tables.default, broken)


def group_case(group: GroupRow) -> dict[str, Plain]:
    """The week and the policy of a group in the words of a case file."""
    return {"week": dict(group.week), "policy": [version_case(version) for version in group.versions]}


def version_case(version: VersionRow) -> dict[str, Plain]:
    """One policy version in the words of a case file."""
    since: dict[str, Plain] = {} if version.since is None else {"from": version.since.isoformat()}
    return {"version": version.version, **since, **version.parameters}


def calendar_case(row: CalendarRow) -> dict[str, Plain]:
    """One day of the calendar in the words of a case file."""
    day: dict[str, Plain] = {"kind": row.kind}
    if row.half:
        day["half"] = row.half
    if row.shift_of:
        day["shift_of"] = row.shift_of
    return day


def _group(group_id: str, case: dict[str, Plain], cache: Cache) -> GroupRules:
    digest = blake2b(
        msgspec.json.encode((group_id, case), order="sorted"), digest_size=_DIGEST_BYTES
    ).digest()
    known = cache.get(digest)
    if known is None:
        rules = _of_group(facts(Node(case)).rules, group_id)
        plans = PlanBook(rules)
        known = cache[digest] = GroupRules(
            rules, plans, Shapes(plans), digest, counts_month=_counts_month(rules)
        )
    return known


def _of_group(rules: RuleSet, group_id: str) -> RuleSet:
    """The rules, their policies naming the group in every explanation."""
    policies = tuple(replace(one, policy=replace(one.policy, group=group_id)) for one in rules.policies)
    return replace(rules, policies=policies)


def _counts_month(rules: RuleSet) -> bool:
    """Whether a fact of one date can change later dates of its month (L9, C4)."""
    return any(
        version.policy.free_lates or version.policy.correction_limit is not None for version in rules.policies
    )


def shared_case(tables: RuleTables, zone: ZoneInfo) -> dict[str, Plain]:
    """What all groups are judged by alike, in the words of a case file."""
    provisional: list[Plain] = [year for year, row in tables.years.items() if row.provisional]
    return {
        "zone": zone.key,
        "as_of": "2000-01-01",
        "shifts": dict(tables.shifts),
        "calendar": {day.isoformat(): calendar_case(row) for day, row in tables.calendar.items()},
        "provisional_years": provisional,
        "leave_types": {code: {"count": count} for code, count in tables.leave_types.items()},
    }

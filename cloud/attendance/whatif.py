"""What would be judged otherwise under other rules; nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import Connection, select

from cloud.attendance.difference import Difference, changes
from cloud.attendance.facts import AsOf, Judgeable, load
from cloud.attendance.recompute import month_end, rest_of_months
from cloud.attendance.rulesets import GroupRules, Rulebook
from cloud.db.tables import people
from cloud.rules.engine import Judge
from cloud.rules.errors import RefusedInput
from cloud.rules.facts import RosterChange, RosterEntry
from models.attendance import AttendanceDay
from models.ids import PersonId


@dataclass(frozen=True, slots=True)
class Otherwise:
    """The rules as they might be.

    Attributes:
        book: the rules of every group.
        roster: roster entries that would be put in, by person and date.
        groups: people who would be in another group; None: in none.
    """

    book: Rulebook
    roster: Mapping[PersonId, Mapping[date, RosterEntry]] = field(default_factory=dict)
    groups: Mapping[PersonId, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Differing:
    """A person-day that would be judged otherwise, and the fields that would differ."""

    person_id: PersonId
    before: AttendanceDay
    after: AttendanceDay
    fields: Difference


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What would differ.

    Attributes:
        judged_n: person-days that were judged by both rules.
        unjudgeable: why somebody could not be judged by the rules as they might be.
    """

    judged_n: int
    differing: list[Differing]
    unjudgeable: dict[PersonId, str]


def what_if(
    connection: Connection,
    asked: Mapping[PersonId, Iterable[date]],
    view: AsOf,
    now: Rulebook,
    otherwise: Otherwise,
) -> WhatIf:
    """Judge the dates ``asked`` of each person by the rules as they are and as they might be.

    Both are judged on the facts known now, so that nothing but the rules makes a difference. Where rules
    count by month, the rest of the month is judged too.
    """
    wanted = {person: sorted(set(days)) for person, days in asked.items()}
    wanted = {person: days for person, days in wanted.items() if days}
    found = WhatIf(0, [], {})
    if not wanted:
        return found
    span = min(days[0] for days in wanted.values()), max(days[-1] for days in wanted.values())
    who = sorted(wanted)
    groups = _groups(connection, who) | dict(otherwise.groups)
    loaded = load(connection, who, (span[0].replace(day=1), month_end(span[1])), view, now)
    judged_n = 0
    for person in who:
        one, rules = loaded.people.get(person), otherwise.book.of(groups[person])
        if one is None:
            continue
        if rules is None:
            group = groups[person] or otherwise.book.default or ""
            found.unjudgeable[person] = otherwise.book.broken.get(group, "there is no such group")
            continue
        days = wanted[person]
        if one.rules.counts_month or rules.counts_month:
            days = rest_of_months(days, view.today)
        try:
            pairs = _both(one, _under(one, rules, otherwise.roster.get(person, {}), view), days)
        except RefusedInput as error:
            found.unjudgeable[person] = str(error)
            continue
        judged_n += len(days)
        found.differing.extend(_differing(person, pairs))
    return replace(found, judged_n=judged_n)


def _groups(connection: Connection, who: Sequence[PersonId]) -> dict[PersonId, str | None]:
    asked = set(who)
    rows = connection.execute(select(people.c.person_id, people.c.group_id))
    return {PersonId(person): group for person, group in rows if person in asked}


def _under(one: Judgeable, rules: GroupRules, roster: Mapping[date, RosterEntry], view: AsOf) -> Judgeable:
    """The same facts under other rules and roster entries; those are known last of all."""
    facts = replace(one.facts_but_punches, rules=rules.rules)
    if roster:
        added = tuple(RosterChange(day, entry, view.now_ms) for day, entry in roster.items())
        facts = replace(facts, roster_changes=(*facts.roster_changes, *added))
    return replace(one, facts_but_punches=facts, rules=rules)


def _both(
    one: Judgeable, other: Judgeable, days: Sequence[date]
) -> list[tuple[AttendanceDay, AttendanceDay]]:
    after = Judge(other.facts, other.rules.plans)
    after.check(days[0], days[-1])
    before = Judge(one.facts, one.rules.plans)
    return [(before.published(day), after.published(day)) for day in days]


def _differing(person: PersonId, pairs: Iterable[tuple[AttendanceDay, AttendanceDay]]) -> Iterable[Differing]:
    for before, after in pairs:
        fields = changes(before, after)
        if fields:
            yield Differing(person, before, after, fields)

"""What is wrong with all rules at once: every group linted, with its people and their rosters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from cloud.attendance import coverage
from cloud.attendance.facts import AsOf
from cloud.attendance.rulesets import (
    Cache,
    GroupRow,
    GroupRules,
    RuleTables,
    group_case,
    rulebook,
    shared_case,
)
from cloud.rulebook.draft import Draft, draft
from cloud.rulebook.members import Member, read_members
from cloud.rulebook.rosters import Names, Rosters, read_rosters
from cloud.rules.faults import Fault, Severity
from cloud.rules.lint import Pair, Use, lint
from cloud.rules.rulesfile import rule_set
from models.ids import PersonId

NAME_MAX = 64
_BACK = timedelta(days=62)
_AHEAD = timedelta(days=400)
_DAY = timedelta(days=1)
_RESERVED = {"", "off", "none"}


@dataclass(frozen=True, slots=True)
class Told:
    """A fault and the group it is of; ``group`` None: shifts, calendar and people are everybody's.

    Attributes:
        new: whether the draft brings it in.
    """

    group: str | None
    fault: Fault
    new: bool

    @property
    def refuses(self) -> bool:
        """Whether the draft may not be put in force: only what it breaks itself counts."""
        return self.new and self.fault.severity is Severity.ERROR


def check_draft(connection: Connection, one: Draft, view: AsOf, cache: Cache) -> list[Told]:
    """What is wrong with the rules as they would be; what is wrong already is told, but refuses nothing."""
    before = _all_faults(connection, draft(one.before, ()), view, cache)
    after = _all_faults(connection, one, view, cache)
    known = {_key(group, fault) for group, fault in before}
    told = [Told(group, fault, new=_key(group, fault) not in known) for group, fault in after]
    return sorted(told, key=lambda each: (each.fault.severity is not Severity.ERROR, not each.new))


def check_rules(connection: Connection, tables: RuleTables, view: AsOf, cache: Cache) -> list[Told]:
    """What is wrong with the rules as they stand."""
    found = _all_faults(connection, draft(tables, ()), view, cache)
    return [Told(group, fault, new=False) for group, fault in found]


def _key(group: str | None, fault: Fault) -> tuple[str | None, str, str, str]:
    return group, fault.code, fault.place, str(sorted(fault.args.items()))


def _all_faults(
    connection: Connection, one: Draft, view: AsOf, cache: Cache
) -> list[tuple[str | None, Fault]]:
    tables = one.after
    members = read_members(connection, one)
    counts = Counter(member.new_group_id for member in members)
    found: list[tuple[str | None, Fault]] = [(None, fault) for fault in _names(tables)]
    found += [(None, fault) for fault in _memberships(tables, counts)]
    used = _use(connection, one, members, view, rulebook(tables, view.zone, cache).groups)
    for group_id, group in tables.groups.items():
        rules = rule_set(shared_case(tables, view.zone) | group_case(group))
        faults = rules if isinstance(rules, list) else lint(rules, used[group_id])
        faults = _without_shifts(group, tables, faults)
        for fault in faults:
            told = (None if _shared(fault) else group_id), fault
            if told not in found:
                found.append(told)
    return found


def _without_shifts(group: GroupRow, tables: RuleTables, faults: Sequence[Fault]) -> list[Fault]:
    """``faults``, where a week with shifts that are not there is told of once for each of them."""
    unknown = sorted(_in_week(group.week) - {"off", *tables.shifts})
    known = ", ".join(sorted(tables.shifts)) or "off"
    lacking = [Fault.of("unknown_shift", ("week",), shift=name, allowed=known) for name in unknown]
    return lacking + [fault for fault in faults if not (unknown and fault.path[0] == "week")]


def _shared(fault: Fault) -> bool:
    """Whether a fault does not depend on the group: what a make-up day does is decided by its week."""
    if fault.path[0] == "calendar":
        return fault.code == "bad_value"
    return fault.path[0] in {"shifts", "group"} and "version" not in fault.args


def _names(tables: RuleTables) -> Iterator[Fault]:
    """Names that a roster file or a page could not tell apart."""
    for name in tables.shifts:
        if not _is_name(name):
            yield Fault.of("bad_name", ("shifts", name), name=repr(name), limit=NAME_MAX)
    for group_id, group in tables.groups.items():
        for place, version in enumerate(group.versions):
            if not _is_name(version.version):
                path = ("policy", place, "version")
                yield Fault.of("bad_name", path, name=repr(version.version), limit=NAME_MAX)
        if not _is_name(group.name):
            yield Fault.of("bad_name", ("group", group_id), name=repr(group.name), limit=NAME_MAX)


def _is_name(text: str) -> bool:
    sound = text == text.strip() and len(text) <= NAME_MAX and not set(text) & set("+,，;/\n\t")
    return sound and text.lower() not in _RESERVED


def _memberships(tables: RuleTables, counts: Mapping[str | None, int]) -> Iterator[Fault]:
    for group_id, n in counts.items():
        if group_id is not None and group_id not in tables.groups:
            yield Fault.of("group_in_use", ("group", group_id), group=group_id, n=n)
    if counts.get(None) and tables.default is None:
        yield Fault.of("no_default_group", ("group",), n=counts[None])


def _use(
    connection: Connection,
    one: Draft,
    members: Sequence[Member],
    view: AsOf,
    groups: Mapping[str, GroupRules],
) -> dict[str, Use]:
    tables = one.after
    rosters = _rosters(connection, one, view)
    people: dict[str, list[Member]] = {group_id: [] for group_id in tables.groups}
    for member in members:
        group = member.new_group_id or tables.default
        if group in people:
            people[group].append(member)
    rostered = frozenset(name for days in rosters.values() for names in days.values() for name in names)
    weeks = {group_id: _in_week(group.week) for group_id, group in tables.groups.items()}
    return {
        group_id: Use(
            members=len(listed),
            without_group=sum(member.new_group_id is None for member in listed),
            rostered=_pairs(groups.get(group_id), listed, rosters),
            elsewhere=rostered.union(*(names for other, names in weeks.items() if other != group_id)),
        )
        for group_id, listed in people.items()
    }


def _in_week(week: Mapping[str, object]) -> frozenset[str]:
    found: set[str] = set()
    for entry in week.values():
        planned = entry.get("shift") if isinstance(entry, dict) else entry
        found.update(map(str, planned) if isinstance(planned, list) else [str(planned)])
    return frozenset(found)


def _rosters(connection: Connection, one: Draft, view: AsOf) -> Rosters:
    """Rosters from two months back on; where hours of a shift change, from the first judged date on."""
    first = view.today - _BACK
    covered = coverage.span(connection)
    if covered is not None and one.before.shifts != one.after.shifts:
        first = min(first, covered[0])
    rosters = read_rosters(connection, None, first, view.today + _AHEAD)
    for person, days in one.roster.items():
        rosters[person] = {**rosters.get(person, {}), **{day: entry.shifts for day, entry in days.items()}}
    return rosters


def _pairs(
    rules: GroupRules | None, members: Sequence[Member], rosters: Mapping[PersonId, Mapping[date, Names]]
) -> frozenset[Pair]:
    """Consecutive dates of which a roster speaks for at least one; the week speaks for the other."""
    found: set[Pair] = set()
    if rules is None:
        return frozenset()
    for member in members:
        roster = rosters.get(member.person_id, {})
        for day, names in roster.items():
            after = day + _DAY
            found.add((names, roster[after] if after in roster else rules.plans.entry(after).shifts))
            if day - _DAY not in roster:
                found.add((rules.plans.entry(day - _DAY).shifts, names))
    return frozenset(found)

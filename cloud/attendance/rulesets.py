"""Rules as data, as the engine wants them: one rule set a group, its plans shared by all its people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, select

from cloud.db.tables import calendar_days, calendar_years, groups, leave_types, policies, shifts
from cloud.rules.casefile import facts
from cloud.rules.casenode import BadCase, Node
from cloud.rules.errors import RefusedInput
from cloud.rules.facts import RuleSet
from cloud.rules.plain import Plain
from cloud.rules.plan import PlanBook

_SINCE_EVER = date(1, 1, 1)
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class GroupRules:
    """What one group is judged by; ``digest`` differs whenever any of it does."""

    rules: RuleSet
    plans: PlanBook
    digest: bytes
    counts_month: bool


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of every group that can be judged by; ``broken``: why the others cannot, by group."""

    groups: dict[str, GroupRules]
    default: str | None
    broken: dict[str, str]

    def of(self, group_id: str | None) -> GroupRules | None:
        """The rules of a person in ``group_id``; who is in none belongs to the default group."""
        return self.groups.get(group_id or self.default or "")


Cache = dict[bytes, GroupRules]
"""Rules by digest, kept by whoever judges again and again: plans are made once."""


def load_rules(connection: Connection, zone: ZoneInfo, cache: Cache) -> Rulebook:
    """The rules of all groups as they stand; ``cache`` grows by those that are new."""
    shared = _shared(connection, zone)
    versions: dict[str, list[Plain]] = {}
    for row in connection.execute(select(policies).order_by(policies.c.from_date)):
        version: dict[str, Plain] = {**row.parameters, "version": row.version}
        if row.from_date > _SINCE_EVER:
            version["from"] = row.from_date.isoformat()
        versions.setdefault(row.group_id, []).append(version)
    found: dict[str, GroupRules] = {}
    broken: dict[str, str] = {}
    default = None
    for row in connection.execute(select(groups)):
        try:
            found[row.group_id] = _group(
                {**shared, "week": row.week, "policy": versions.get(row.group_id, [])}, cache
            )
        except (BadCase, RefusedInput) as error:
            broken[row.group_id] = str(error)
        if row.is_default:
            default = row.group_id
    return Rulebook(found, default, broken)


def _group(case: dict[str, Plain], cache: Cache) -> GroupRules:
    digest = blake2b(msgspec.json.encode(case, order="sorted"), digest_size=_DIGEST_BYTES).digest()
    known = cache.get(digest)
    if known is None:
        rules = facts(Node(case)).rules
        known = cache[digest] = GroupRules(rules, PlanBook(rules), digest, counts_month=_counts_month(rules))
    return known


def _counts_month(rules: RuleSet) -> bool:
    """Whether a fact of one date can change later dates of its month (L9, C4)."""
    return any(
        version.policy.free_lates or version.policy.correction_limit is not None for version in rules.policies
    )


def _shared(connection: Connection, zone: ZoneInfo) -> dict[str, Plain]:
    calendar: dict[str, Plain] = {}
    for row in connection.execute(select(calendar_days)):
        day: dict[str, Plain] = {"kind": row.kind}
        if row.half:
            day["half"] = row.half
        if row.shift_of:
            day["shift_of"] = row.shift_of
        calendar[row.date.isoformat()] = day
    provisional: list[Plain] = list(
        connection.execute(select(calendar_years.c.year).where(calendar_years.c.provisional)).scalars()
    )
    counts = connection.execute(select(leave_types.c.code, leave_types.c.count))
    return {
        "zone": zone.key,
        "as_of": "2000-01-01",
        "shifts": {row.name: row.definition for row in connection.execute(select(shifts))},
        "calendar": calendar,
        "provisional_years": provisional,
        "leave_types": {code: {"count": count} for code, count in counts},
    }

"""A policy version that holds from a date to come, tried on a month that is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from msgspec.structs import replace

from cloud.attendance.rulesets import RuleTables
from cloud.reports.dates import Month
from cloud.rulebook.draft import Change, DropVersion, SetVersion


def is_to_come(change: Change, today: date) -> bool:
    """Whether ``change`` is a policy version that no day up to ``today`` is judged by."""
    return isinstance(change, SetVersion) and change.since is not None and change.since > today


def rehearsed(tables: RuleTables, changes: Sequence[Change], month: Month, today: date) -> list[Change]:
    """``changes`` with versions to come as if they had held all through ``month``; only to be tried."""
    found: list[Change] = []
    for change in changes:
        if not (isinstance(change, SetVersion) and is_to_come(change, today)):
            found.append(change)
            continue
        group = tables.groups.get(change.group_id)
        dates = () if group is None else (version.since for version in group.versions)
        found += [
            DropVersion(change.group_id, since)
            for since in dates
            if since is not None and month.first < since <= month.last
        ]
        found.append(replace(change, since=month.first))
    return found

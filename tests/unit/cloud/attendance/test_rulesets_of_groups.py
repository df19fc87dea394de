"""Rules of groups, as the engine wants them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from cloud.attendance.rulesets import Cache, GroupRow, RuleTables, VersionRow, rulebook


def test_groups_with_the_same_rules_are_told_apart_in_an_explanation():
    versions = (VersionRow(None, "v3", {"late_grace_min": 5}),)
    tables = RuleTables(
        shifts={},
        groups={
            "office": GroupRow("办公室", {}, is_default=True, versions=versions),
            "sales": GroupRow("销售", {}, is_default=False, versions=versions),
        },
        calendar={},
        years={},
        leave_types={},
    )
    cache: Cache = {}

    book = rulebook(tables, ZoneInfo("Asia/Shanghai"), cache)

    named = {group: rules.rules.policies[0].policy.named for group, rules in book.groups.items()}
    assert named == {
        "office": {"policy": "v3", "group": "office"},
        "sales": {"policy": "v3", "group": "sales"},
    }

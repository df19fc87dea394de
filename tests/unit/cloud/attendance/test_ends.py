"""IN and OUT are kept for dates on which punches lie alike, and are what each date would find itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random

from cloud.attendance.ends import ends_of
from cloud.attendance.hours import Hours, hours_of
from cloud.rules.facts import PolicyVersion, RosterEntry, RuleSet, WorkShift
from cloud.rules.minutes import MS
from cloud.rules.plan import PlanBook
from cloud.rules.policy import Policy

DAY = date(2026, 3, 2)


def hours(*segments: tuple[int, int], flex_min: int = 0, free: bool = False) -> Hours:
    shift = WorkShift("S", segments, flex_early_min=flex_min, flex_late_min=flex_min, free=free)
    policy = Policy(punch_per_segment=not flex_min)
    rules = RuleSet("UTC", (PolicyVersion(policy),), {"S": shift}, {0: RosterEntry(("S",))})
    plans = PlanBook(rules)
    plan = plans.day(DAY, None, exempt=False, employed=True)
    found = hours_of(plan, plans.zone.midnight(DAY.toordinal()), ())
    assert found is not None
    return found


def test_what_is_kept_is_what_a_first_look_finds():
    luck = Random(7)
    every = [
        hours((540, 721), (780, 1081)),
        hours((480, 600), (600, 720), (801, 1080)),
        hours((540, 720), (780, 1080), flex_min=60),
        hours((540, 720), (780, 1080), free=True),
        hours((540, 1081)),
    ]
    for one in every:
        corners = [*one.marks_ms, *(edge * MS for piece in one.pieces for edge in (piece.first, piece.end))]
        for _ in range(3_000):
            near = [luck.choice(corners) + luck.choice((-60_000, -1, 0, 1, 60_000)) for _ in range(6)]
            firsts = sorted(set(near))[: luck.randrange(1, 6)]

            assert ends_of(one, firsts, 0) == ends_of(replace(one, ends={}), firsts, 0)

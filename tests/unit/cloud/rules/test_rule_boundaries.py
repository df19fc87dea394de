"""Both sides of every number: a case that no longer holds with one less, and one with one more."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cloud.rules.casenode import Node
from cloud.rules.cases import run_case
from cloud.rules.policy import Policy, policy_from
from tests.golden.rules.results import cases

# Parameter: (a case that holds no longer with one less, one that holds no longer with one more).
BOUNDARIES = {
    "before_min": ("own-a1-window", "own-a1-window-out"),
    "after_min": ("state-03", "state-04"),
    "dup_window_s": ("own-p2-chain", "pair-18"),
    "max_shift_min": ("own-p7-fit", "own-p7-fit"),
    "clock_skew_s": ("pair-37", "own-t4-exact"),
    "late_grace_min": ("grace-01", "grace-02"),
    "early_grace_min": ("own-e-early-grace", "own-e-early-grace"),
    "serious_late_over_min": ("grace-03", "grace-04"),
    "absent_over_min": ("own-e-absent-over", "own-e-absent-over"),
    "early_absent_over_min": ("grace-22", "grace-22"),
    "half_day_below_min": ("own-l7-equal", "own-l7-equal"),
    "absent_below_min": ("own-e-absent-below", "own-e-absent-below"),
    "free_lates": ("month-02", "month-02"),
    "free_late_max_min": ("own-l9-max", "own-l9-max"),
    "penalty_lates": ("month-06", "month-06"),
    "worked_on_leave_min": ("own-j11-edge", "own-j11-edge"),
    "overtime_minimum_min": ("own-e-overtime-minimum", "own-e-overtime-minimum"),
    "overtime_unit_min": ("own-e-overtime-unit", "own-e-overtime-unit"),
    "overtime_window_min": ("own-e-overtime-window", "own-e-overtime-window"),
    "correction_limit": ("corr-11", "corr-11"),
    "correction_max_age_days": ("corr-13", "corr-13"),
    "day_start": ("state-15", "own-a5-day-start"),
}
TIERS = {"off_min": ("own-d8-exact", "own-d8-exact"), "on_min": ("own-d8-exact", "own-d8-exact")}
DEFAULTS = policy_from({})


CASES: dict[str, Any] = {case.case_id: case.node.value for case in cases() if case.node}


def _policies(case: Any) -> list[Any]:
    policy = case.setdefault("policy", {})
    return policy if isinstance(policy, list) else [policy]


def _moved(case_id: str, name: str, by: int) -> list[str]:
    """The differences of a case whose parameter is ``by`` more."""
    case = copy.deepcopy(CASES[case_id])
    for policy in _policies(case):
        value = policy.get(name, getattr(DEFAULTS, name))
        if name == "day_start":
            minute = value if isinstance(value, int) else int(value[:2]) * 60 + int(value[3:])
            policy[name] = f"{(minute + by) // 60:02d}:{(minute + by) % 60:02d}"
        else:
            policy[name] = value + by
    return run_case(Node(case)).differences


@pytest.mark.parametrize("name", BOUNDARIES)
def test_a_case_stands_on_each_side_of_the_number(name):
    less, more = BOUNDARIES[name]

    assert run_case(Node(CASES[less])).differences == run_case(Node(CASES[more])).differences == []
    assert _moved(less, name, -1)
    assert _moved(more, name, 1)


@pytest.mark.parametrize("name", TIERS)
@pytest.mark.parametrize("by", [-1, 1])
def test_a_case_stands_on_each_side_of_a_tier_of_late_off_late_on(name, by):
    case = copy.deepcopy(CASES[TIERS[name][by > 0]])
    for policy in _policies(case):
        for tier in policy["late_off_late_on"]:
            tier[name] += by

    assert run_case(Node(case)).differences


def test_every_number_of_the_policy_has_its_boundary():
    numbers = {name for name, kind in Policy.__annotations__.items() if kind in {"int", "int | None"}}

    assert numbers == set(BOUNDARIES)

"""Runs cases (rules section 3): what is expected against what the engine says."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

from cloud.rules.casefile import check_versions, facts
from cloud.rules.casenode import Node, near
from cloud.rules.engine import Judge
from cloud.rules.errors import RefusalCode, RefusedInput
from cloud.rules.facts import PersonFacts
from cloud.rules.minutes import MS
from cloud.rules.month import month_bounds, month_totals, period_totals
from cloud.rules.plain import Plain, day_plain, totals_plain
from cloud.rules.plan import PlanBook

MULTISETS = frozenset({"findings", "flags", "blockers"})
PERIOD = re.compile(r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})")
MONTH = re.compile(r"(\d{4})-(\d{2})")
TOLERANCE = 1e-9
WEEK = timedelta(days=7)


@dataclass(slots=True)
class CaseResult:
    """What came of one case.

    Attributes:
        days, months: full results of every date and period the case expects something of.
        differences: expected and found, one sentence each; empty: the case holds.
        error: the refusal, if the facts were refused.
    """

    case_id: str
    differences: list[str] = field(default_factory=list)
    days: dict[str, Plain] = field(default_factory=dict)
    months: dict[str, Plain] = field(default_factory=dict)
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def plain(self) -> dict[str, Plain]:
        """Everything, as JSON can say it."""
        return {
            "id": self.case_id,
            "ok": self.ok,
            "differences": list(self.differences),
            "days": self.days,
            "months": self.months,
            "error": self.error,
        }


def run_case(case: Node) -> CaseResult:
    """Judge a complete case and compare.

    Raises:
        BadCase: the format does not know what the case says.
    """
    wanted = case.get("expect_error")
    found = CaseResult(case.need("id").text())
    try:
        check_versions(case.get("policy"))
        _judge(facts(case), case, found)
    except RefusedInput as refused:
        found.error = refused.code.value
        if wanted is None:
            found.differences.append(f"refused: {refused}")
    if wanted is not None:
        code = wanted.one_of(tuple(RefusalCode))
        if found.error != code:
            found.differences.append(f"expect_error: expected {code}, found {found.error}")
    return found


def _judge(person: PersonFacts, case: Node, found: CaseResult) -> None:
    plans = PlanBook(person.rules)
    judged = Judge(person, plans)
    expect = case.get("expect")
    days = [] if expect is None else [(Node(key, node.path).near_day(), node) for key, node in expect.items()]
    # Without expected dates a weekly pattern shows what overlaps within a week of the view.
    today = plans.zone.date_of(person.as_of_ms // MS)
    edge = sorted(day for day, _ in days) or [today - WEEK, today + WEEK]
    judged.check(edge[0], edge[-1])
    for day, node in days:
        plain = day_plain(judged.published(day))
        found.days[day.isoformat()] = plain
        _compare_map(day.isoformat(), node, plain, found.differences)
    expect_month = case.get("expect_month")
    for key, node in () if expect_month is None else expect_month.items():
        totals = _totals(person, key, node, plans)
        found.months[key] = totals
        _compare_map(key, node, totals, found.differences)


def _totals(person: PersonFacts, key: str, node: Node, plans: PlanBook) -> dict[str, Plain]:
    month = MONTH.fullmatch(key)
    if month is not None:
        try:
            first, _ = month_bounds(int(month[1]), int(month[2]))
        except ValueError as error:
            raise node.bad(f"{key!r} is no month") from error
        Node(first.isoformat(), node.path).near_day()
        return totals_plain(month_totals(person, int(month[1]), int(month[2]), plans))
    period = PERIOD.fullmatch(key)
    if period is None:
        raise node.bad(f"{key!r} is neither YYYY-MM nor date..date")
    try:
        first, last = near(date.fromisoformat(period[1])), near(date.fromisoformat(period[2]))
    except ValueError as error:
        raise node.bad(str(error)) from error
    return totals_plain(period_totals(person, first, last, plans))


def _compare_map(where: str, wanted: Node, found: dict[str, Plain], differences: list[str]) -> None:
    """Listed fields of a result or of its totals."""
    wanted.keys(tuple(found))
    for name, node in wanted.items():
        _compare(f"{where}.{name}", name, node.value, found[name], differences)


def _compare(where: str, name: str, wanted: Plain, found: Plain, differences: list[str]) -> None:
    if isinstance(wanted, dict):
        _compare_values(where, wanted, found, differences)
    elif name in MULTISETS and isinstance(wanted, list) and isinstance(found, list):
        if Counter(map(str, wanted)) != Counter(map(str, found)):
            differences.append(f"{where}: expected {wanted}, found {found}")
    elif isinstance(wanted, list):
        if not isinstance(found, list) or len(found) != len(wanted):
            differences.append(f"{where}: expected {wanted}, found {found}")
            return
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            _compare(f"{where}[{index}]", "", one, other, differences)
    elif not _same(wanted, found):
        differences.append(f"{where}: expected {wanted}, found {found}")


def _compare_values(where: str, wanted: dict[str, Plain], found: Plain, differences: list[str]) -> None:
    """Listed keys of a map, a missing one is 0; an empty map demands all zero."""
    values = found if isinstance(found, dict) else {}
    if not wanted and any(value != 0 for value in values.values()):
        differences.append(f"{where}: expected all zero, found {found}")
    for key, value in wanted.items():
        _compare(f"{where}.{key}", key, value, values.get(key, 0), differences)


def _same(wanted: Plain, found: Plain) -> bool:
    if isinstance(wanted, bool) or isinstance(found, bool) or wanted is None or found is None:
        return wanted is found
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        return abs(wanted - found) < TOLERANCE
    return str(wanted) == str(found)

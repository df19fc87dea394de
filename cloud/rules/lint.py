"""Reads rules before anybody is judged by them: what cannot be judged, and what is hardly meant (V1-V4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from cloud.rules.errors import RefusedInput
from cloud.rules.facts import WEEKDAYS, CalendarKind, PolicyVersion, RuleSet, WorkShift
from cloud.rules.faults import Fault, Path, Severity, clock
from cloud.rules.localtime import DAY_MIN
from cloud.rules.plan import OFF, ONE_DAY, PlanBook
from cloud.rules.policy import CHOICES, COUNTS, NULLABLE_COUNTS, READERS, SWITCHES, Policy, check_policy
from cloud.rules.shifts import runs, shift_faults, window, window_fault

Names = tuple[str, ...]
Pair = tuple[Names, Names]
"""Shifts of a date and of the date after it."""

NO_POLICY: Final = Policy()
ROSTER: Final[Path] = ("roster",)


@dataclass(frozen=True, slots=True)
class Use:
    """How people use a rule set.

    Attributes:
        members: how many people are judged by it.
        without_group: how many of them only because it is the default.
        rostered: every two consecutive dates that occur in their rosters, patterns filled in.
        elsewhere: shifts that other groups use.
    """

    members: int = 0
    without_group: int = 0
    rostered: frozenset[Pair] = frozenset()
    elsewhere: frozenset[str] = frozenset()


def lint(rules: RuleSet, use: Use | None = None) -> list[Fault]:
    """Everything that is wrong with ``rules``, errors first; nothing is raised."""
    used = Use() if use is None else use
    faults = [*_shifts(rules), *_versions(rules, _worked(rules, used)), *_weeks(rules, used)]
    if not any(fault.severity is Severity.ERROR for fault in faults):
        faults += _calendar(rules)
    faults += _people(rules, used)
    return sorted(_once(faults), key=lambda fault: fault.severity is not Severity.ERROR)


def _once(faults: Iterable[Fault]) -> list[Fault]:
    """A shift that is wrong under several versions in the same way is told of once."""
    told: dict[tuple[str, str, str], Fault] = {}
    for fault in faults:
        args = {name: value for name, value in fault.args.items() if name != "version"}
        told.setdefault((fault.code, fault.place, str(args)), fault)
    return list(told.values())


def allowed(name: str) -> str:
    """What a parameter may be: its choices, or a key of ``faults.ALLOWED``.

    Raises:
        KeyError: no such parameter.
    """
    if name in CHOICES:
        return ", ".join(CHOICES[name])
    for kind, names in (("switch", SWITCHES), ("count", COUNTS), ("nullable_count", NULLABLE_COUNTS)):
        if name in names:
            return kind
    return {
        "version": "text",
        "day_start": "clock",
        "overtime_breaks": "spans",
        "late_off_late_on": "tiers",
        "penalty_days": "amount",
        "period_standard_min": "nullable_amount",
        "overtime_unit_min": "unit",
    }[name]


def parameter_fault(name: str, value: object, path: Path) -> Fault | None:
    """Why ``name`` cannot be ``value``, if it cannot (V4)."""
    reader = READERS.get(name)
    if reader is None:
        return Fault.of("unknown_parameter", path, name=name, allowed=", ".join(sorted(READERS)))
    try:
        reader(name, value)
    except RefusedInput:
        return Fault.of("bad_parameter", path, name=name, value=str(value), allowed=allowed(name))
    return None


def tiers_fault(policy: Policy, path: Path) -> Fault | None:
    """What is wrong with the order of the tiers of lateness, if anything (V4)."""
    try:
        check_policy(policy)
    except RefusedInput:
        return Fault.of(
            "tiers_fall",
            path,
            version=policy.version,
            grace=policy.late_grace_min,
            serious=_or_dash(policy.serious_late_over_min),
            absent=_or_dash(policy.absent_over_min),
        )
    return None


def _or_dash(value: int | None) -> int | str:
    return "–" if value is None else value


def _shifts(rules: RuleSet) -> Iterator[Fault]:
    for name, shift in rules.shifts.items():
        yield from shift_faults(shift)
        if shift.free and (shift.before_min is not None or shift.after_min is not None):
            yield Fault.of("free_window", ("shifts", name), shift=name)


def _worked(rules: RuleSet, use: Use) -> frozenset[str]:
    """Shifts that somebody judged by ``rules`` works."""
    week = {name for entry in rules.week.values() for name in entry.shifts}
    return frozenset(week.union(*(names for pair in use.rostered for names in pair)))


def _versions(rules: RuleSet, worked: frozenset[str]) -> Iterator[Fault]:
    if not rules.policies:
        yield Fault.of("no_policy", ("policy",))
    yield from _dates(rules)
    for place, version in enumerate(rules.policies):
        path: Path = ("policy", place)
        tiers = tiers_fault(version.policy, path)
        if tiers is not None:
            yield tiers
        yield from _without_effect(version.policy, path)
        for shift in rules.shifts.values():
            if shift.free or not shift.segments or any(shift_faults(shift)):
                continue
            too_long = window_fault(shift, version.policy)
            if too_long is not None:
                yield too_long
            if shift.name in worked:
                yield from _shift_under(shift, version.policy, path)


def _dates(rules: RuleSet) -> Iterator[Fault]:
    starts: dict[date, PolicyVersion] = {}
    names: set[str] = set()
    before: PolicyVersion | None = None
    for place, version in enumerate(rules.policies):
        path: Path = ("policy", place)
        # Since ever is the first of all dates, written or not.
        name, since = version.policy.version, version.since or date.min
        args = {"second": name, "since": "–" if version.since is None else since.isoformat()}
        if since in starts:
            yield Fault.of("overlapping_versions", path, first=starts[since].policy.version, **args)
        elif before is not None and since < (before.since or date.min):
            yield Fault.of("versions_out_of_order", path, first=before.policy.version, **args)
        if name in names:
            yield Fault.of("version_name_twice", path, version=name)
        starts.setdefault(since, version)
        names.add(name)
        before = version


def _without_effect(policy: Policy, path: Path) -> Iterator[Fault]:
    """Parameters that wait for another one."""
    pairs = (
        ("free_late_max_min", policy.free_late_max_min is not None, "free_lates", policy.free_lates),
        (
            "penalty_days",
            policy.penalty_days != NO_POLICY.penalty_days,
            "penalty_lates",
            policy.penalty_lates,
        ),
        (
            "period_standard_min",
            policy.period_standard_min is not None,
            "hours_system",
            policy.hours_system != NO_POLICY.hours_system,
        ),
    )
    for name, is_set, needs, has in pairs:
        if is_set and not has:
            yield Fault.of("no_effect", (*path, name), version=policy.version, name=name, needs=needs)


def _shift_under(shift: WorkShift, policy: Policy, path: Path) -> Iterator[Fault]:
    """A sound shift of fixed hours that is worked under one version."""
    about = {"shift": shift.name, "version": policy.version}
    before, _ = window(shift, policy)
    if shift.flex_early_min > before:
        at = ("shifts", shift.name, "flex")
        yield Fault.of("flex_beyond_window", at, **about, minutes=shift.flex_early_min, before=before)
    length = shift.segments[-1][1] - shift.segments[0][0]
    if length > policy.max_shift_min:
        limit = policy.max_shift_min
        yield Fault.of("longer_than_max_shift", ("shifts", shift.name), **about, minutes=length, limit=limit)
    yield from _over_break(shift, policy, path)


def _over_break(shift: WorkShift, policy: Policy, path: Path) -> Iterator[Fault]:
    """Grace and tiers that reach over the first break from the start, or over the last from the end."""
    required = runs(shift)
    if not required:
        return
    first, last = required[0], required[-1]
    from_start, from_end = first[1] - shift.segments[0][0], shift.segments[-1][1] - last[0]
    about = {"shift": shift.name, "version": policy.version}
    if policy.late_grace_min >= from_start:
        grace, name = policy.late_grace_min, "late_grace_min"
        yield Fault.of("late_grace_over_break", (*path, name), **about, minutes=grace, at=clock(first[1]))
    if policy.early_grace_min >= from_end:
        grace, name = policy.early_grace_min, "early_grace_min"
        yield Fault.of("early_grace_over_break", (*path, name), **about, minutes=grace, at=clock(last[0]))
    tiers = (
        ("serious_late_over_min", policy.serious_late_over_min, from_start, first[1]),
        ("absent_over_min", policy.absent_over_min, from_start, first[1]),
        ("early_absent_over_min", policy.early_absent_over_min, from_end, last[0]),
    )
    for name, tier, reach, at in tiers:
        if tier is not None and tier >= reach:
            yield Fault.of("tier_over_break", (*path, name), **about, name=name, minutes=tier, at=clock(at))


def _weeks(rules: RuleSet, use: Use) -> Iterator[Fault]:
    """Two dates in a row, as the week has them and as rosters have them."""
    week = [rules.week.get(day, OFF).shifts for day in range(7)]
    seen: set[tuple[str, ...]] = set()
    for day in range(7):
        path: Path = ("week", WEEKDAYS[day])
        days = WEEKDAYS[day], WEEKDAYS[(day + 1) % 7]
        yield from _new(_neighbours(rules, (week[day], week[(day + 1) % 7]), days, path), seen)
    for pair in sorted(use.rostered):
        yield from _new(_neighbours(rules, pair, ("same_day", "next_day"), ROSTER), seen)


def _new(faults: Iterable[Fault], seen: set[tuple[str, ...]]) -> Iterator[Fault]:
    """Those that were not said of the same two shifts before."""
    for fault in faults:
        next_day = fault.args["first_day"] != fault.args["second_day"] if "first_day" in fault.args else False
        key = (
            fault.code,
            *(str(fault.args.get(name)) for name in ("first", "second", "shift")),
            str(next_day),
        )
        if key not in seen:
            seen.add(key)
            yield fault


def _neighbours(rules: RuleSet, pair: Pair, days: tuple[str, str], path: Path) -> Iterator[Fault]:
    planned: list[tuple[int, int, WorkShift, str]] = []
    for offset, names in enumerate(pair):
        for name in names:
            shift = rules.shifts.get(name)
            if shift is None:
                if not offset:
                    known = ", ".join(sorted(rules.shifts)) or "off"
                    yield Fault.of("unknown_shift", path, shift=name, allowed=known)
            elif shift.segments:
                start, end = shift.segments[0][0], shift.segments[-1][1]
                planned.append((start + offset * DAY_MIN, end + offset * DAY_MIN, shift, days[offset]))
    planned.sort(key=lambda one: (one[0], one[1], one[2].name))
    for one, other in pairwise(planned):
        args = {"first": one[2].name, "second": other[2].name, "first_day": one[3], "second_day": other[3]}
        if other[0] < one[1]:
            yield Fault.of("overlapping_shifts", path, **args)
        elif not (one[2].free or other[2].free):
            yield from _windows(rules, (one[1], one[2]), (other[0], other[2]), args, path)


def _windows(
    rules: RuleSet,
    ends: tuple[int, WorkShift],
    starts: tuple[int, WorkShift],
    args: dict[str, str],
    path: Path,
) -> Iterator[Fault]:
    """Whether under some version the window of the next shift opens before that of the one before closes."""
    for version in rules.policies:
        closes = ends[0] + window(ends[1], version.policy)[1]
        opens = starts[0] - window(starts[1], version.policy)[0]
        if opens < closes:
            shown = {"start": clock(opens % DAY_MIN), "end": clock(closes % DAY_MIN)}
            yield Fault.of("windows_overlap", path, **args, **shown)
            return


def _calendar(rules: RuleSet) -> Iterator[Fault]:
    """Make-up workdays: whether they have a shift, and what their neighbours do to it."""
    book = PlanBook(rules)
    for day, entry in sorted(rules.calendar.items()):
        if entry.kind is not CalendarKind.MAKEUP or not rules.week:
            continue
        path: Path = ("calendar", day.isoformat())
        planned = book.entry(day)
        if not planned.shifts:
            yield Fault.of("makeup_without_shift", path, day=day.isoformat())
        for first in (day - ONE_DAY, day):
            pair = book.entry(first).shifts, book.entry(first + ONE_DAY).shifts
            days = first.isoformat(), (first + ONE_DAY).isoformat()
            faults = _neighbours(rules, pair, days, path)
            yield from (fault for fault in faults if fault.severity is Severity.ERROR)


def _people(rules: RuleSet, use: Use) -> Iterator[Fault]:
    if use.without_group:
        yield Fault.of("people_without_group", ("group",), n=use.without_group)
    if use.members and not use.rostered and not any(entry.shifts for entry in rules.week.values()):
        yield Fault.of("empty_week", ("week",), n=use.members)
    used = _worked(rules, use) | use.elsewhere
    for name in rules.shifts:
        if name not in used:
            yield Fault.of("unused_shift", ("shifts", name), shift=name)

"""Months of a synthetic firm, as common as possible: for figures, not for proofs.

Of a hundred people 65 have office hours, 10 of them punching at noon too; 10 must punch four times; 15 rotate
early, late and night shifts; 5 have flexible hours and 5 free ones. Of their days 3 % are leave, 1.5 % trips,
3 % have an overtime form, 0.5 % a correction; of arrivals 15 % fall into the grace and 5 % after it; 1 % of
punches lack, 3 % are double.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Final

from cloud.rules.facts import PersonFacts, PolicyVersion, PunchFact, RosterEntry, RuleSet, WorkShift
from cloud.rules.localtime import LocalTime
from cloud.rules.plan import PlanBook
from cloud.rules.policy import Policy
from models.ids import PersonId
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    Half,
    OfficeRecord,
    RecordBody,
    RecordKind,
    RecordStatus,
    SpanUnit,
)
from models.punch import Method

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
DAYS: Final = [FIRST + timedelta(days=n) for n in range(-3, 34)]
ZONE: Final = LocalTime("Asia/Shanghai")
SHIFTS: Final = {
    shift.name: shift
    for shift in (
        WorkShift("OFFICE", ((540, 720), (780, 1080))),
        WorkShift("FLEX", ((540, 720), (780, 1080)), flex_early_min=60, flex_late_min=60),
        WorkShift("FREE", ((540, 720), (780, 1080)), free=True),
        WorkShift("EARLY", ((420, 900),), before_min=60, after_min=120),
        WorkShift("LATE", ((900, 1380),), before_min=60, after_min=120),
        WorkShift("NIGHT", ((1380, 1860),), before_min=60, after_min=120),
    )
}
TERMINALS: Final = ("north", "south")
_METHODS: Final = (Method.FACE, Method.FINGER)
ROTATION: Final = ("EARLY", "EARLY", "", "LATE", "LATE", "", "NIGHT", "NIGHT", "", "")


def rule_sets() -> dict[str, RuleSet]:
    """One rule set per kind of people."""
    tiers = Policy(late_grace_min=5, serious_late_over_min=30, absent_over_min=120)
    four = Policy(late_grace_min=5, punch_per_segment=True)
    week = {
        "office": ("OFFICE", tiers),
        "noon": ("OFFICE", tiers),
        "four": ("OFFICE", four),
        "flex": ("FLEX", tiers),
        "free": ("FREE", tiers),
    }
    sets = {
        kind: RuleSet(
            zone="Asia/Shanghai",
            policies=(PolicyVersion(policy),),
            shifts=SHIFTS,
            week={weekday: RosterEntry((shift,)) for weekday in range(5)},
        )
        for kind, (shift, policy) in week.items()
    }
    sets["rotating"] = RuleSet(zone="Asia/Shanghai", policies=(PolicyVersion(tiers),), shifts=SHIFTS)
    return sets


SHARES: Final = {"office": 55, "noon": 10, "four": 10, "rotating": 15, "flex": 5, "free": 5}
KINDS: Final = tuple(kind for kind, share in SHARES.items() for _ in range(share))


Made = tuple[int, str, Method]
"""A punch: instant, terminal and method."""


def people(numbers: range, sets: dict[str, RuleSet]) -> Iterator[PersonFacts]:
    """The people of those numbers; a number is always the same person."""
    for facts, made in crowd(numbers, sets):
        yield replace(facts, punches=tuple([_fact(seq, *one) for seq, one in enumerate(made, 1)]))


def crowd(numbers: range, sets: dict[str, RuleSet]) -> Iterator[tuple[PersonFacts, list[Made]]]:
    """The same people, their punches beside them: a database needs no objects."""
    for number in numbers:
        kind = KINDS[number % len(KINDS)]
        yield _person(number, kind, sets[kind])


def books(sets: dict[str, RuleSet]) -> dict[int, PlanBook]:
    """The plans of each rule set, by its identity."""
    return {id(rules): PlanBook(rules) for rules in sets.values()}


@cache
def _midnight_ms(day: date) -> int:
    return ZONE.minute(day, 0) * 60_000


def _at_ms(day: date, minute: int) -> int:
    return _midnight_ms(day) + minute * 60_000


END_MS: Final = _at_ms(LAST + timedelta(days=10), 0)


def _person(number: int, kind: str, rules: RuleSet) -> tuple[PersonFacts, list[Made]]:
    luck = Random(number)
    roster = {}
    if kind == "rotating":
        shift = luck.randrange(len(ROTATION))
        for place, day in enumerate(DAYS):
            name = ROTATION[(place + shift) % len(ROTATION)]
            roster[day] = RosterEntry((name,) if name else ())
    made: list[Made] = []
    records: list[OfficeRecord] = []
    for day in DAYS:
        entry = roster.get(day) or rules.week.get(day.weekday(), RosterEntry())
        if not entry.shifts:
            if luck.random() < 0.02:
                _punch(made, luck, _at_ms(day, 600))
                _punch(made, luck, _at_ms(day, 900))
            continue
        _work(made, records, luck, kind, day, SHIFTS[entry.shifts[0]])
    facts = PersonFacts(
        PersonId(f"p-{number}"),
        rules,
        END_MS,
        site="HQ",
        roster=roster,
        records=tuple(records),
        watermarks={"north": END_MS, "south": END_MS},
    )
    return facts, made


def _work(
    made: list[Made],
    records: list[OfficeRecord],
    luck: Random,
    kind: str,
    day: date,
    shift: WorkShift,
) -> None:
    fate = luck.random()
    edges = [edge for segment in shift.segments for edge in segment]
    if fate < 0.03:
        half = luck.random() < 0.3
        records.append(_dated(len(records), RecordKind.LEAVE, day, Half.AM if half else Half.PM))
        if not half:
            return
        edges = edges[len(edges) // 2 :] if len(edges) > 2 else edges
    elif fate < 0.045:
        records.append(_dated(len(records), RecordKind.TRIP, day, Half.PM))
        return
    elif fate < 0.05:
        body = CorrectionBody(day, "in", _at_ms(day, edges[0]))
        records.append(_record(len(records), RecordKind.CORRECTION, body))
        edges = edges[1:]
    elif fate < 0.08:
        form = ClockSpan(_at_ms(day, edges[-1] + 30), _at_ms(day, edges[-1] + 120))
        records.append(_record(len(records), RecordKind.OVERTIME, form))
    if kind not in ("noon", "four"):
        edges = [edges[0], edges[-1]]
    for place, edge in enumerate(edges):
        if luck.random() < 0.01:
            continue
        arriving = place % 2 == 0
        away = -luck.randrange(1, 25) if arriving else luck.randrange(0, 60 if place == len(edges) - 1 else 8)
        if arriving:
            draw = luck.random()
            away = 3 if draw < 0.15 else luck.randrange(6, 40) if draw < 0.2 else away
        _punch(made, luck, _at_ms(day, edge + away))


def _punch(made: list[Made], luck: Random, minute_ms: int) -> None:
    at_ms = minute_ms + luck.randrange(60_000)
    made.extend(
        (at_ms + again * 20_000, luck.choice(TERMINALS), luck.choice(_METHODS))
        for again in range(2 if luck.random() < 0.03 else 1)
    )


def _fact(seq: int, at_ms: int, terminal: str, method: Method) -> PunchFact:
    return PunchFact(
        at_ms, device=terminal, epoch="e", seq=seq, site="HQ", received_ms=at_ms + 400, method=method
    )


def _dated(number: int, kind: RecordKind, day: date, last_half: Half) -> OfficeRecord:
    body = DateSpan(day, Half.AM, day, last_half)
    return _record(number, kind, body, "annual" if kind is RecordKind.LEAVE else None)


def _record(number: int, kind: RecordKind, body: RecordBody, leave_type: str | None = None) -> OfficeRecord:
    return OfficeRecord(
        source="oa",
        source_id=str(number),
        version=1,
        person_id=PersonId("p"),
        kind=kind,
        status=RecordStatus.APPROVED,
        unit=SpanUnit.HALF_DAY if isinstance(body, DateSpan) else SpanUnit.HOUR,
        body=body,
        known_ms=0,
        leave_type=leave_type,
        approved_ms=0,
    )

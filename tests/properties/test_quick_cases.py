"""Every golden case is judged alike both ways, as it is written and with a terminal for each punch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from cloud.attendance.shapes import Shapes
from cloud.rules.casefile import facts
from cloud.rules.casenode import BadCase, Node
from cloud.rules.errors import RefusedInput
from cloud.rules.facts import (
    PersonFacts,
    PolicyVersion,
    PunchClock,
    PunchFact,
    RosterEntry,
    RuleSet,
    WorkShift,
)
from cloud.rules.localtime import LocalTime
from cloud.rules.minutes import MS
from cloud.rules.plan import PlanBook
from cloud.rules.policy import Policy
from models.ids import PersonId
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    Half,
    OfficeRecord,
    RecordKind,
    RecordStatus,
    SpanUnit,
)
from models.punch import Method
from tests.golden.rules.results import cases
from tests.properties.quick_proof import Proof, compare
from tests.properties.rules_population import Month

LEAST_ANSWERED = 800
ZONE = LocalTime("Asia/Shanghai")
SUNDAY = date(2026, 3, 1)
POLICY = Policy(
    after_min=20, worked_on_leave_min=1, overtime_mode="approval_and_punch", overtime_minimum_min=30
)


def test_golden_cases_are_judged_alike():
    proof = Proof()
    for case in cases():
        judge_both_ways(proof, case.case_id, case.node)

    assert proof.different == []
    assert proof.answered > LEAST_ANSWERED


def judge_both_ways(proof: Proof, case_id: str, node: Node | None) -> None:
    expected = None if node is None else node.get("expect")
    if node is None or expected is None:
        return
    try:
        person = facts(node)
        shapes = Shapes(PlanBook(person.rules))
    except (BadCase, RefusedInput):
        return
    dates = sorted(Node(key, one.path).day() for key, one in expected.items())
    # The second time, what the first has asked is known.
    for who in (person, named(person), named(person)):
        compare(proof, case_id, Month(who, dates[0], dates[-1]), shapes)


def named(person: PersonFacts) -> PersonFacts:
    """The same punches, each at a terminal and by some evidence, as those of a database are."""
    punches = [
        replace(
            fact,
            device=fact.device or "d",
            method=fact.method or Method.FACE,
            seq=1_000 + place if fact.seq is None else fact.seq,
        )
        for place, fact in enumerate(person.punches)
    ]
    return replace(person, punches=tuple(punches))


def test_a_double_punch_that_ends_after_the_day_is_remarked_on():
    ends_ms = ZONE.minute(SUNDAY, 28 * 60) * MS
    odd = PunchFact(ends_ms + 1_000, clock=PunchClock.REPAIRED)

    proof = judged_on_sunday(
        RosterEntry(), [PunchFact(ends_ms - 8 * 3_600_000), PunchFact(ends_ms - 2_000), odd]
    )

    assert proof.different == []
    assert proof.days == 1


def test_of_two_punches_at_one_instant_the_higher_number_is_the_out():
    # By the method the order would be another one.
    at_ms = ZONE.minute(SUNDAY, 990) * MS

    proof = judged_on_sunday(
        RosterEntry(("S1", "S2")), [PunchFact(at_ms, method=Method.CARD), PunchFact(at_ms, method=Method.PIN)]
    )

    assert proof.different == []
    assert proof.days == 1


def test_a_pair_as_long_as_may_be_is_a_pair():
    starts_ms = ZONE.minute(SUNDAY, 480) * MS

    proof = judged_on_sunday(
        RosterEntry(("FREE",)),
        [
            PunchFact(starts_ms + 29_000),
            PunchFact(starts_ms + 960 * MS - 7_500),
            PunchFact(starts_ms + 960 * MS),
        ],
    )

    assert proof.different == []
    assert proof.days == 1


@pytest.mark.parametrize("minutes", [(534, 760), (640, 680, 990)], ids=["before the middle", "beyond it"])
def test_the_last_punch_before_the_middle_says_whether_leave_was_worked_on(minutes: tuple[int, ...]):
    presses = [PunchFact(ZONE.minute(SUNDAY, minute) * MS) for minute in minutes]

    proof = judged_on_sunday(RosterEntry(("LONG",)), presses, (half_day(Half.AM), half_day(Half.PM)))

    assert proof.different == []


def test_a_double_punch_alone_may_be_work_on_leave():
    presses = [PunchFact(ZONE.minute(SUNDAY, 600) * MS + ms) for ms in (40_000, 80_000)]

    proof = judged_on_sunday(RosterEntry(("LONG",)), presses, (half_day(Half.AM),))

    assert proof.different == []


@pytest.mark.parametrize("out", [780, 810, 811, 1076, 1100])
def test_an_out_without_its_in_may_be_work_on_leave(out: int):
    policy = replace(POLICY, punch_per_segment=True, after_min=300, half_day_split="half_span")
    presses = [PunchFact(ZONE.minute(SUNDAY, minute) * MS) for minute in (513, out)]

    proof = judged_on_sunday(RosterEntry(("LONG",)), presses, (half_day(Half.PM),), policy)

    assert proof.different == []
    assert proof.answered


def test_a_form_stays_where_it_is_when_flexible_hours_move():
    presses = [PunchFact(ZONE.minute(SUNDAY, minute) * MS) for minute in (534, 1104)]
    hour = ClockSpan(ZONE.minute(SUNDAY, 1080) * MS, ZONE.minute(SUNDAY, 1140) * MS)
    form = replace(half_day(Half.AM), kind=RecordKind.OVERTIME, unit=SpanUnit.HOUR, body=hour)

    proof = judged_on_sunday(RosterEntry(("FLEX",)), presses, (form,))

    assert proof.different == []


@pytest.mark.parametrize("grace_min", [0, 600])
@pytest.mark.parametrize("per_segment", [False, True])
def test_a_correction_meets_punches_in_every_order(*, per_segment: bool, grace_min: int):
    corrections = [
        corrected(side, minute)
        for side in ("in", "out")
        for minute in (500, 540, 541, 719, 720, 780, 781, 1079, 1080, 1090, 1095, 1100)
    ]
    policy = replace(POLICY, punch_per_segment=per_segment, late_grace_min=grace_min, overtime_minimum_min=1)
    days = [(541,), (1095,), (531, 1095), (541, 720), (541, 1079), (720, 1100), (541, 719, 781, 1095), (800,)]
    proof = Proof()
    for minutes in days:
        for ms in (0, 30_000, 59_999):
            presses = [PunchFact(ZONE.minute(SUNDAY, minute) * MS + ms) for minute in minutes]
            judged_on_sunday(RosterEntry(("LONG",)), presses, corrections, policy, proof)

    assert proof.different == []
    assert proof.answered > proof.days // 2


def corrected(side: str, minute: int) -> OfficeRecord:
    body = CorrectionBody(SUNDAY, side, ZONE.minute(SUNDAY, minute) * MS)
    return replace(half_day(Half.AM), kind=RecordKind.CORRECTION, body=body, leave_type=None)


def half_day(half: Half) -> OfficeRecord:
    return OfficeRecord(
        source="oa",
        source_id="1",
        version=1,
        person_id=PersonId("p"),
        kind=RecordKind.LEAVE,
        status=RecordStatus.APPROVED,
        unit=SpanUnit.HALF_DAY,
        body=DateSpan(SUNDAY, half, SUNDAY, half),
        known_ms=0,
        leave_type="sick",
    )


def judged_on_sunday(
    entry: RosterEntry,
    presses: list[PunchFact],
    records: Sequence[OfficeRecord | None] = (None,),
    policy: Policy = POLICY,
    proof: Proof | None = None,
) -> Proof:
    """The day judged both ways, with each of the records."""
    shifts = {"S1": WorkShift("S1", ((480, 720),)), "S2": WorkShift("S2", ((750, 990),), before_min=30)}
    shifts["FREE"] = WorkShift("FREE", ((540, 1020),), free=True)
    rules = RuleSet("Asia/Shanghai", (PolicyVersion(policy),), shifts)
    shifts["FLEX"] = WorkShift("FLEX", ((540, 1080),), flex_early_min=60, flex_late_min=60)
    shifts["LONG"] = WorkShift("LONG", ((540, 720), (780, 1080)))
    person = PersonFacts(
        PersonId("p"),
        rules,
        ZONE.minute(SUNDAY, 9 * 1440) * MS,
        roster={SUNDAY: entry},
        punches=tuple(replace(press, seq=seq) for seq, press in enumerate(presses)),
    )
    proof = proof or Proof()
    shapes = Shapes(PlanBook(rules))
    for record in records:
        who = named(person) if record is None else replace(named(person), records=(record,))
        compare(proof, "sunday", Month(who, SUNDAY, SUNDAY), shapes)
    return proof

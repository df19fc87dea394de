"""Rules section 7, on synthetic people with arbitrary facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.rules.engine import judge
from cloud.rules.explain import explain
from cloud.rules.facts import (
    CalendarDay,
    CalendarKind,
    LockEvent,
    PersonFacts,
    PolicyVersion,
    PunchFact,
    RosterEntry,
    RuleSet,
    WorkShift,
)
from cloud.rules.localtime import LocalTime
from cloud.rules.month import month_totals, sum_days
from cloud.rules.policy import policy_from
from models.attendance import AttendanceDay, Part
from models.ids import PersonId
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    DecisionBody,
    Half,
    OfficeRecord,
    RecordBody,
    RecordKind,
    RecordStatus,
    SpanUnit,
)
from models.punch import Direction

ZONE = LocalTime("Asia/Shanghai")
FIRST, LAST = date(2026, 11, 9), date(2026, 11, 15)
DATES = [FIRST + timedelta(days=n) for n in range(7)]
AS_OF = ZONE.minute(date(2026, 11, 20), 0) * 60_000
SHIFTS = {
    "DAY": WorkShift("DAY", ((540, 720), (780, 1080))),
    "NIGHT": WorkShift("NIGHT", ((1320, 1560), (1620, 1800))),
    "FLEX": WorkShift("FLEX", ((540, 720), (780, 1080)), flex_early_min=60, flex_late_min=60),
    "S1": WorkShift("S1", ((480, 720),), before_min=60, after_min=60),
    "S2": WorkShift("S2", ((750, 990),), before_min=60, after_min=60),
    "FREE": WorkShift("FREE", ((540, 720), (780, 1080)), free=True, breaks=((720, 750),)),
}
ENTRIES = [(), ("DAY",), ("DAY",), ("FLEX",), ("S1", "S2"), ("FREE",), ("NIGHT",)]
PARTS_SAID = {
    Part.GRACED: {"graced_in", "graced_out", "graced_late_start", "decided_waive", "late_waived"},
    Part.LEAVE: {"leave_claim"},
    Part.TRIP: {"trip_claim"},
    Part.OUTING: {"outing_claim"},
    Part.LATE: {"late", "serious_late"},
    Part.EARLY: {"early"},
    Part.ABSENT: {
        "absent", "absent_free", "absent_half_late", "absent_half_early", "absent_below", "absent_half_below",
        "away", "short_hours", "decided_absent",
    },
    Part.MISSING: {"missing_in", "missing_out", "missing_in_free", "missing_out_free"},
    Part.PENDING: {"pending_in_progress", "pending_pending_data"},
}  # fmt: skip


def at_ms(day: date, minute: int, second: int = 0) -> int:
    return (ZONE.minute(day, minute) * 60 + second) * 1000


policies = st.fixed_dictionaries(
    {},
    optional={
        "late_grace_min": st.sampled_from([0, 5]),
        "serious_late_over_min": st.just(30),
        "absent_over_min": st.just(120),
        "early_absent_over_min": st.sampled_from([None, 60]),
        "count_from": st.sampled_from(["expected", "grace_end"]),
        "half_day_below_min": st.sampled_from([None, 240]),
        "absent_below_min": st.sampled_from([None, 100]),
        "direction": st.sampled_from(["auto", "trust"]),
        "pairing": st.sampled_from(["first_last", "alternate"]),
        "out_from": st.sampled_from(["midpoint", "start"]),
        "shared_punch": st.booleans(),
        "punch_per_segment": st.booleans(),
        "punch_at_leave_edges": st.booleans(),
        "no_punch": st.sampled_from(["absent", "missing"]),
        "auto_out": st.sampled_from(["off", "at_end"]),
        "trip_edge_punch": st.sampled_from(["waived", "required"]),
        "half_day_split": st.sampled_from(["break", "half_net", "half_span"]),
        "overtime_mode": st.sampled_from(["approval", "approval_and_punch", "punch", "min"]),
        "overtime_breaks": st.just(["18:00-18:30"]),
        "hours_system": st.sampled_from(["standard", "comprehensive"]),
        "late_off_late_on": st.just([{"off_min": 60, "on_min": 30}]),
    },
)
seconds = st.sampled_from([0, 0, 30])
punches = st.builds(
    lambda day, minute, second, direction, seq, delay: PunchFact(
        at_ms(day, minute, second),
        direction,
        "d1",
        "1",
        seq,
        received_ms=at_ms(day, minute, second) + delay * 3_600_000,
    ),
    st.sampled_from(DATES),
    st.one_of(st.integers(0, 1439), st.sampled_from([535, 542, 720, 785, 1079, 1085, 1200])),
    seconds,
    st.sampled_from([Direction.NONE, Direction.NONE, Direction.IN, Direction.OUT]),
    st.none(),
    st.sampled_from([0, 0, 0, 200]),
)


@st.composite
def records(draw: st.DrawFn, place: int) -> OfficeRecord:
    kind = draw(st.sampled_from(list(RecordKind)))
    day = draw(st.sampled_from(DATES))
    unit = SpanUnit.HOUR
    body: RecordBody
    if kind is RecordKind.CORRECTION:
        minute = draw(st.sampled_from([480, 540, 720, 1080, 1320, 1800]))
        body = CorrectionBody(day, draw(st.sampled_from(["in", "out"])), at_ms(day, minute))
    elif kind is RecordKind.DECISION:
        body = DecisionBody(day, draw(st.sampled_from(["normal", "waive", "absent"])))
    elif kind is RecordKind.OVERTIME or draw(st.booleans()):
        start = draw(st.integers(14, 44)) * 30
        body = ClockSpan(at_ms(day, start), at_ms(day, start + draw(st.integers(1, 12)) * 30))
    else:
        unit = SpanUnit.HALF_DAY
        body = DateSpan(
            day, draw(st.sampled_from(Half)), day + timedelta(days=1), draw(st.sampled_from(Half))
        )
    approved = at_ms(FIRST, draw(st.integers(0, 3)) * 60)
    return OfficeRecord(
        source="oa",
        source_id=str(place),
        version=1,
        person_id=PersonId("p-synthetic"),
        kind=kind,
        status=draw(
            st.sampled_from([RecordStatus.APPROVED] * 4 + [RecordStatus.PENDING, RecordStatus.REVOKED])
        ),
        unit=unit,
        body=body,
        known_ms=approved,
        leave_type=draw(st.sampled_from(["annual", "sick"])) if kind is RecordKind.LEAVE else None,
        approved_ms=approved,
    )


@st.composite
def persons(draw: st.DrawFn) -> PersonFacts:
    facts = draw(st.lists(punches, max_size=18))
    forms = [draw(records(place)) for place in range(draw(st.integers(0, 4)))]
    roster = {day: RosterEntry(draw(st.sampled_from(ENTRIES))) for day in DATES}
    calendar = {}
    if draw(st.booleans()):
        calendar[DATES[2]] = CalendarDay(CalendarKind.HALF, draw(st.sampled_from(Half)))
        calendar[DATES[4]] = CalendarDay(CalendarKind.STATUTORY)
    rules = RuleSet(
        zone="Asia/Shanghai",
        policies=(PolicyVersion(policy_from(draw(policies))),),
        shifts=SHIFTS,
        calendar=calendar,
        natural_leave_types=frozenset({"sick"}),
    )
    return PersonFacts(
        person_id=PersonId("p-synthetic"),
        rules=rules,
        as_of_ms=draw(st.sampled_from([AS_OF, AS_OF, at_ms(DATES[3], 900)])),
        roster=roster,
        punches=tuple(replace(fact, seq=n) for n, fact in enumerate(facts)),
        records=tuple(forms),
        watermarks={"d1": draw(st.sampled_from([AS_OF, at_ms(DATES[5], 0)]))},
    )


def week(person: PersonFacts) -> list[AttendanceDay]:
    return judge(person, DATES[0] - timedelta(days=1), DATES[-1] + timedelta(days=1))


@given(persons(), st.randoms())
@settings(max_examples=150, deadline=None)
def test_the_order_of_facts_and_redelivery_change_nothing(person, random):
    expected = week(person)
    shuffled = list(person.punches)
    again = [*shuffled, *shuffled[:3]]
    forms = [*person.records, *person.records[:1]]
    random.shuffle(again)
    random.shuffle(forms)

    assert week(replace(person, punches=tuple(again), records=tuple(forms))) == expected
    assert repr(week(person)) == repr(expected)


@given(persons())
@settings(max_examples=300, deadline=None)
def test_the_partition_sums_and_its_parts_equal_the_fields(person):
    for day in week(person):
        parts = day.partition
        assert sum(parts.values()) == day.required_min
        assert parts[Part.PRESENT] == day.worked_min
        assert parts[Part.LEAVE] == sum(day.leave_min.values())
        assert parts[Part.TRIP] == day.trip_min
        assert parts[Part.OUTING] == day.outing_min
        assert parts[Part.LATE] == day.late_min + day.serious_late_min
        assert parts[Part.EARLY] == day.early_min
        shown = dict.fromkeys(Part, 0)
        for span, after in zip(day.timeline, day.timeline[1:], strict=False):
            assert span.end_min <= after.start_min
        for span in day.timeline:
            shown[span.part] += span.end_min - span.start_min
        assert shown == parts
        assert 0 <= day.absent_days <= day.due_days


@given(persons())
@settings(max_examples=300, deadline=None)
def test_every_finding_flag_and_part_is_explained_in_both_languages(person):
    for day in week(person):
        codes = [step.code for step in day.explanation]
        for code in set(day.findings):
            said = [
                c
                for c in codes
                if c == code.value or c.startswith(f"{code.value}_") or c == f"decided_{code.value}"
            ]
            assert len(said) >= day.findings.count(code)
        for flag in day.flags:
            assert any(c == flag.value or c.startswith(f"{flag.value}_") for c in codes)
        for part, said_by in PARTS_SAID.items():
            if day.partition[part]:
                assert said_by & set(codes), part
        for step in day.explanation:
            for language in ("zh", "en"):
                sentence = explain(step, language, {})
                assert "{" not in sentence
                assert "None" not in sentence


@given(persons())
@settings(max_examples=60, deadline=None)
def test_a_month_is_the_sum_of_its_days(person):
    days = judge(person, date(2026, 11, 1), date(2026, 11, 30))
    total = month_totals(person, 2026, 11)
    summed = sum_days(days, person.rules.policies[0].policy, provisional=False)

    assert total == summed
    assert total.worked_min == sum(day.worked_min for day in days)


@given(persons(), st.lists(punches, max_size=4), st.lists(records(0), max_size=3))
@settings(max_examples=60, deadline=None)
def test_a_locked_month_never_changes(person, late, forms):
    closed = at_ms(date(2026, 12, 3), 600)
    now = at_ms(date(2026, 12, 20), 0)
    locked = replace(person, locks=(LockEvent(2026, 11, closed),), as_of_ms=now)
    later = [
        replace(fact, seq=1000 + n, received_ms=closed + 60_000 * (n + 1)) for n, fact in enumerate(late)
    ]
    versions = [replace(form, version=2 + n, known_ms=closed + 1 + n) for n, form in enumerate(forms)]
    informed = replace(
        locked, punches=locked.punches + tuple(later), records=locked.records + tuple(versions)
    )

    assert week(informed) == week(locked)
    assert week(locked) == week(replace(person, as_of_ms=closed))


@given(persons(), punches)
@settings(max_examples=300, deadline=None)
def test_a_punch_changes_its_neighbourhood_only(person, extra):
    fact = replace(extra, seq=5000)
    of = ZONE.date_of(fact.at_ms // 60_000)
    before = {day.date: day for day in week(person)}
    after = {day.date: day for day in week(replace(person, punches=(*person.punches, fact)))}

    changed = [day for day in before if before[day] != after[day]]
    assert all(abs((day - of).days) <= 1 for day in changed)

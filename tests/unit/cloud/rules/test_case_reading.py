"""What a case file says becomes exactly these facts; what it cannot say is told with place and choices."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest

from cloud.rules.casefile import CASE_KEYS, DECISION_KEYS, SHIFT_KEYS, SPAN_KEYS, facts
from cloud.rules.casenode import BadCase, Node, merged
from cloud.rules.cases import CaseResult, run_case
from cloud.rules.errors import RefusalCode, RefusedInput
from cloud.rules.facts import (
    FROM_POLICY,
    CalendarDay,
    CalendarKind,
    Employment,
    LockEvent,
    PersonFacts,
    PolicyVersion,
    PunchClock,
    PunchFact,
    RosterChange,
    RosterEntry,
    RuleSet,
    WorkShift,
)
from cloud.rules.policy import LateStart, Policy, policy_from
from models.ids import PersonId
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    DecisionBody,
    Half,
    OfficeRecord,
    RecordKind,
    RecordStatus,
    SpanUnit,
)
from models.punch import Direction

NOBODY = PersonId("p-case")
EVER = -(1 << 60)
BARE: dict[str, Any] = {
    "zone": "UTC",
    "as_of": "2026-12-01",
    "shifts": {"DAY": {"segments": ["09:00-12:00", "13:00-18:00"]}},
}


def ms(day: int, hour: int = 0, minute: int = 0, second: int = 0, month: int = 11) -> int:
    return int(datetime(2026, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1000)


def read(**parts: Any) -> PersonFacts:
    return facts(Node({**BARE, **parts}))


def record(**parts: Any) -> OfficeRecord:
    (found,) = read(records=[parts]).records
    return found


def test_a_case_stands_over_the_defaults_of_its_file():
    defaults: dict[str, Any] = {
        "policy": {"a": 1, "b": 2},
        "punches": [1],
        "zone": "UTC",
        "week": {"mon": "DAY"},
    }
    own: dict[str, Any] = {"policy": {"b": 3, "c": 4}, "punches": [2], "site": "HQ", "week": None}

    assert merged(defaults, own) == {
        "policy": {"a": 1, "b": 3, "c": 4},
        "punches": [2],
        "zone": "UTC",
        "site": "HQ",
        "week": None,
    }
    assert merged({"a": 1}, 5) == 5
    assert merged(5, {"a": 1}) == {"a": 1}
    assert defaults["policy"] == {"a": 1, "b": 2}


def test_a_bare_case_has_the_defaults():
    assert read() == PersonFacts(
        person_id=NOBODY,
        rules=RuleSet(
            zone="UTC",
            policies=(PolicyVersion(Policy()),),
            shifts={"DAY": WorkShift("DAY", ((540, 720), (780, 1080)))},
        ),
        as_of_ms=ms(1, month=12),
    )


def test_null_is_as_good_as_nothing():
    empty = dict.fromkeys(
        ("site", "policy", "week", "roster", "calendar", "employment", "punches", "records", "locks")
    )

    assert read(**empty) == read()


def test_rules_are_read():
    rules = read(
        shifts={
            "A": {
                "kind": "fixed",
                "segments": ["22:00-30:00"],
                "breaks": ["26:00-27:00"],
                "flex": {"early_min": 10, "late_min": 20},
                "before_min": 30,
                "after_min": 0,
                "half_day_below_min": 40,
                "absent_below_min": None,
                "in_punch": "none",
                "out_punch": "required",
            },
            "F": {"kind": "free", "in_punch": "required", "out_punch": "none", "before_min": None},
        },
        policy=[{"late_grace_min": 5}, {"from": "2026-03-01", "version": "v2"}],
        week={"mon": "A", "sun": ["A", "F"], "tue": "off", "sat": {"shift": "F", "zone": "Asia/Dubai"}},
        calendar={
            "2026-10-01": "statutory",
            "2026-10-02": {"kind": "rest"},
            "2026-10-10": {"kind": "makeup", "shift_of": "sun"},
            "2026-03-08": {"kind": "half", "half": "pm"},
        },
        provisional_years=[2027, 2028],
        leave_types={"maternity": {"count": "natural"}, "annual": {"count": "workday"}},
        travel_min={"PLANT|HQ": 45},
    ).rules

    assert rules == RuleSet(
        zone="UTC",
        policies=(PolicyVersion(Policy(late_grace_min=5)), PolicyVersion(Policy("v2"), date(2026, 3, 1))),
        shifts={
            "A": WorkShift(
                "A",
                ((1320, 1800),),
                breaks=((1560, 1620),),
                flex_early_min=10,
                flex_late_min=20,
                before_min=30,
                after_min=0,
                half_day_below_min=40,
                absent_below_min=None,
                in_punch=False,
            ),
            "F": WorkShift("F", (), free=True, out_punch=False, half_day_below_min=FROM_POLICY),
        },
        week={
            0: RosterEntry(("A",)),
            6: RosterEntry(("A", "F")),
            1: RosterEntry(),
            5: RosterEntry(("F",), "Asia/Dubai"),
        },
        calendar={
            date(2026, 10, 1): CalendarDay(CalendarKind.STATUTORY),
            date(2026, 10, 2): CalendarDay(CalendarKind.REST),
            date(2026, 10, 10): CalendarDay(CalendarKind.MAKEUP, shift_of=6),
            date(2026, 3, 8): CalendarDay(CalendarKind.HALF, half=Half.PM),
        },
        provisional_years=frozenset({2027, 2028}),
        natural_leave_types=frozenset({"maternity"}),
        travel_min={("HQ", "PLANT"): 45},
    )


def test_facts_of_a_person_are_read():
    person = read(
        site="HQ",
        employment={
            "hire": "2026-01-10",
            "last_day": "2026-12-25",
            "exempt": [{"from": "2026-05-01", "to": "2026-05-31"}],
        },
        roster={"2026-11-18": {"shift": "DAY"}, "2026-11-19": "off", "2026-11-20": ["DAY"]},
        roster_changes=[
            {"date": "2026-11-18", "shift": "off", "known": "2026-11-20 10:00"},
            {"date": "2026-11-19", "shift": "DAY", "zone": "Asia/Dubai", "known": "2026-11-20T10:00"},
            {"date": "2026-11-20", "shift": {"shift": "DAY", "zone": "Asia/Tokyo"}, "known": "2026-11-20"},
        ],
        locks=[
            {"month": "2026-10", "at": "2026-11-05 10:00"},
            {"month": "2026-09", "reopen": "2026-11-06 09:00"},
        ],
        watermarks={"d1": "2026-11-19 00:00"},
    )

    assert person.site == "HQ"
    assert person.employment == Employment(
        date(2026, 1, 10), date(2026, 12, 25), ((date(2026, 5, 1), date(2026, 5, 31)),)
    )
    assert person.roster == {
        date(2026, 11, 18): RosterEntry(("DAY",)),
        date(2026, 11, 19): RosterEntry(),
        date(2026, 11, 20): RosterEntry(("DAY",)),
    }
    assert person.roster_changes == (
        RosterChange(date(2026, 11, 18), RosterEntry(), ms(20, 10)),
        RosterChange(date(2026, 11, 19), RosterEntry(("DAY",), "Asia/Dubai"), ms(20, 10)),
        RosterChange(date(2026, 11, 20), RosterEntry(("DAY",), "Asia/Tokyo"), ms(20)),
    )
    assert person.locks == (LockEvent(2026, 10, ms(5, 10)), LockEvent(2026, 9, ms(6, 9), reopen=True))
    assert person.watermarks == {"d1": ms(19)}


def test_punches_are_read():
    found = read(
        punches=[
            "2026-11-18 08:58 12:03:20 24:00",
            {"at": "2026-11-18 09:00:01.5+08:00"},
            {
                "at": "2026-11-18T09:00:00.25Z", "dir": "out", "device": "d1", "epoch": 3, "seq": 7,
                "site": "HQ", "skew_s": 1.5, "clock": "repaired", "received": "2026-11-20 09:00",
            },
            {"at": "2026-11-18 09:00+10:30"},
            {"at": "2026-11-18 09:00-05:30", "dir": "in", "site": None, "seq": None},
            {"at": "2026-11-18 09:00", "dir": 7, "device": None, "epoch": None, "clock": "untrusted"},
        ]
    ).punches  # fmt: skip

    assert found == (
        PunchFact(ms(18, 8, 58), epoch=""),
        PunchFact(ms(18, 12, 3, 20), epoch=""),
        PunchFact(ms(19)),
        PunchFact(ms(18, 1, 0, 1) + 500, epoch="0"),
        PunchFact(ms(18, 9) + 250, Direction.OUT, "d1", "3", 7, "HQ", 1.5, PunchClock.REPAIRED, ms(20, 9)),
        PunchFact(ms(17, 22, 30), epoch="0"),
        PunchFact(ms(18, 14, 30), Direction.IN, epoch="0"),
        PunchFact(ms(18, 9), epoch="0", clock=PunchClock.UNTRUSTED),
    )


def test_a_record_has_its_defaults():
    span = {"from": "2026-11-18 09:00", "to": "2026-11-18 09:00"}

    assert record(kind="trip", **span) == OfficeRecord(
        source="oa",
        source_id="0001",
        version=1,
        person_id=NOBODY,
        kind=RecordKind.TRIP,
        status=RecordStatus.APPROVED,
        unit=SpanUnit.HOUR,
        body=ClockSpan(ms(18, 9), ms(18, 9)),
        known_ms=EVER,
    )
    assert [one.source_id for one in read(records=[{"kind": "trip", **span}] * 2).records] == ["0001", "0002"]


def test_a_record_is_read_with_all_it_says():
    found = record(
        kind="leave", type="annual", unit="half_day", source="wecom", id=17, version=3, status="pending",
        approved="2026-11-10 10:00", known="2026-11-11 11:00",
        **{"from": "2026-11-18 pm", "to": "2026-11-19 am"},
    )  # fmt: skip

    assert found == OfficeRecord(
        "wecom", "17", 3, NOBODY, RecordKind.LEAVE, RecordStatus.PENDING, SpanUnit.HALF_DAY,
        DateSpan(date(2026, 11, 18), Half.PM, date(2026, 11, 19), Half.AM),
        ms(11, 11), "annual", ms(10, 10),
    )  # fmt: skip


@pytest.mark.parametrize("unit", ["day", "half_day"])
def test_a_bare_date_begins_in_the_morning_and_ends_in_the_afternoon(unit: str):
    found = record(kind="outing", unit=unit, **{"from": "2026-11-18", "to": "2026-11-18"})

    assert found.body == DateSpan(date(2026, 11, 18), Half.AM, date(2026, 11, 18), Half.PM)
    assert (found.unit, found.kind) == (SpanUnit(unit), RecordKind.OUTING)


def test_what_is_approved_is_known_since_then():
    assert record(kind="decision", date="2026-11-18", set="waive", approved="2026-11-10").known_ms == ms(10)


def test_corrections_and_decisions_are_read():
    decision = record(kind="decision", date="2026-11-18", set="normal")
    correction = record(
        kind="correction",
        date="2026-11-18",
        side="in",
        at="2026-11-18 09:00",
        submitted="2026-11-19 10:00",
        shift="DAY",
    )
    bare = record(kind="correction", date="2026-11-18", side="out", at="2026-11-18 09:00")

    assert decision.body == DecisionBody(date(2026, 11, 18), "normal")
    assert correction.body == CorrectionBody(date(2026, 11, 18), "in", ms(18, 9), date(2026, 11, 19), "DAY")
    assert (correction.kind, correction.unit) == (RecordKind.CORRECTION, SpanUnit.HOUR)
    assert bare.body == CorrectionBody(date(2026, 11, 18), "out", ms(18, 9))


SPAN = {"kind": "trip", "from": "2026-11-18 09:00", "to": "2026-11-18 10:00"}
DECISION = {"kind": "decision", "date": "2026-11-18", "set": "waive"}


@pytest.mark.parametrize(
    ("parts", "path", "what"),
    [
        ({"zone": "Mars/Base"}, "zone", "'Mars/Base' is no IANA zone"),
        ({"zone": ""}, "zone", "'' is no IANA zone"),
        ({"as_of": "9000-01-01 00:00"}, "as_of", "9000-01-01 is not in the years 1000 to 8999"),
        ({"as_of": "0999-12-31"}, "as_of", "0999-12-31 is not in the years 1000 to 8999"),
        ({"roster": {"9999-12-31": "off"}}, "roster.9999-12-31",
         "9999-12-31 is not in the years 1000 to 8999"),
        ({"punches": ["9999-12-31 09:00"]}, "punches.0", "9999-12-31 is not in the years 1000 to 8999"),
        ({"colour": 1}, "colour", f"unknown key 'colour'; allowed are {', '.join(CASE_KEYS)}"),
        ({"shifts": {"X": {"colour": 1}}}, "shifts.X.colour",
         f"unknown key 'colour'; allowed are {', '.join(SHIFT_KEYS)}"),
        ({"shifts": {"X": 5}}, "shifts.X", f"5 is no map with keys {', '.join(SHIFT_KEYS)}"),
        ({"shifts": {"X": {"flex": {"late": 5}}}}, "shifts.X.flex.late",
         "unknown key 'late'; allowed are early_min, late_min"),
        ({"shifts": {"X": {"segments": ["9-12"]}}}, "shifts.X.segments.0", "'9' is no clock time HH:MM"),
        ({"shifts": {"X": {"segments": ["09:00"]}}}, "shifts.X.segments.0",
         "'09:00' is no clock span HH:MM-HH:MM"),
        ({"shifts": {"X": {"segments": "09:00-12:00"}}}, "shifts.X.segments", "'09:00-12:00' is no list"),
        ({"shifts": {"X": {"kind": "loose"}}}, "shifts.X.kind", "'loose' is none of free, fixed"),
        ({"shifts": {"X": {"before_min": -1}}}, "shifts.X.before_min", "-1 is less than 0 minutes"),
        ({"shifts": {"X": {"after_min": 1.5}}}, "shifts.X.after_min", "1.5 is no whole number"),
        ({"shifts": {"X": {"after_min": True}}}, "shifts.X.after_min", "True is no whole number"),
        ({"shifts": {"X": {"in_punch": "off"}}}, "shifts.X.in_punch", "'off' is none of none, required"),
        ({"shifts": {"X": {"out_punch": "off"}}}, "shifts.X.out_punch", "'off' is none of none, required"),
        ({"policy": 5}, "policy", "5 is no map"),
        ({"policy": {"from": "soon"}}, "policy.from", "Invalid isoformat string: 'soon'"),
        ({"week": {"day": "DAY"}}, "week.day", "'day' is none of mon, tue, wed, thu, fri, sat, sun"),
        ({"week": {"mon": "DAX"}}, "week.mon", "'DAX' is none of DAY, off"),
        ({"week": {"mon": ["DAY", "off"]}}, "week.mon.1", "'off' is none of DAY"),
        ({"week": 3}, "week", "3 is no map"),
        ({"roster": {"2026-11-31": "DAY"}}, "roster.2026-11-31", "day is out of range for month"),
        ({"roster": {"2026-11-18": {"shift": "DAY", "zon": 1}}}, "roster.2026-11-18.zon",
         "unknown key 'zon'; allowed are shift, zone"),
        ({"roster": {"2026-11-18": {"zone": "UTC"}}}, "roster.2026-11-18", "key 'shift' is missing"),
        ({"roster_changes": [{"shift": "DAY", "known": "2026-11-18"}]}, "roster_changes.0",
         "key 'date' is missing"),
        ({"roster_changes": [{"date": "2026-11-18", "known": "2026-11-18"}]}, "roster_changes.0",
         "key 'shift' is missing"),
        ({"roster_changes": [{"date": "2026-11-18", "shift": "DAY"}]}, "roster_changes.0",
         "key 'known' is missing"),
        ({"roster_changes": [{"when": 1}]}, "roster_changes.0.when",
         "unknown key 'when'; allowed are date, shift, zone, known"),
        ({"calendar": {"2026-10-01": "feast"}}, "calendar.2026-10-01",
         "'feast' is none of statutory, rest, makeup, half"),
        ({"calendar": {"2026-10-01": "half"}}, "calendar.2026-10-01",
         "a half holiday is written {kind: half, half: am or pm}"),
        ({"calendar": {"2026-10-01": {"kind": "half"}}}, "calendar.2026-10-01", "key 'half' is missing"),
        ({"calendar": {"2026-10-01": {"half": "am"}}}, "calendar.2026-10-01", "key 'kind' is missing"),
        ({"calendar": {"2026-10-01": {"kind": "feast"}}}, "calendar.2026-10-01.kind",
         "'feast' is none of statutory, rest, makeup, half"),
        ({"calendar": {"2026-10-01": {"kind": "half", "half": "noon"}}}, "calendar.2026-10-01.half",
         "'noon' is none of am, pm"),
        ({"calendar": {"2026-10-01": {"kind": "makeup", "shift_of": "fr"}}}, "calendar.2026-10-01.shift_of",
         "'fr' is none of mon, tue, wed, thu, fri, sat, sun"),
        ({"calendar": {"2026-10-01": {"kind": "rest", "name": "x"}}}, "calendar.2026-10-01.name",
         "unknown key 'name'; allowed are kind, half, shift_of"),
        ({"leave_types": {"sick": {"count": "all"}}}, "leave_types.sick.count",
         "'all' is none of natural, workday"),
        ({"leave_types": {"sick": {"kind": "natural"}}}, "leave_types.sick.kind",
         "unknown key 'kind'; allowed are count"),
        ({"leave_types": {"sick": {}}}, "leave_types.sick", "key 'count' is missing"),
        ({"travel_min": {"HQ": 5}}, "travel_min.HQ", "'HQ' is no pair of sites A|B"),
        ({"site": True}, "site", "True is no text"),
        ({"employment": {"hired": "2026-01-01"}}, "employment.hired",
         "unknown key 'hired'; allowed are hire, last_day, exempt"),
        ({"employment": {"exempt": [{"to": "2026-01-01"}]}}, "employment.exempt.0", "key 'from' is missing"),
        ({"employment": {"exempt": [{"from": "2026-01-01"}]}}, "employment.exempt.0", "key 'to' is missing"),
        ({"employment": {"exempt": [{"till": 1}]}}, "employment.exempt.0.till",
         "unknown key 'till'; allowed are from, to"),
        ({"punches": ["2026-11-18"]}, "punches.0",
         "'2026-11-18' has no time after its date; written is YYYY-MM-DD HH:MM[:SS]"),
        ({"punches": ["2026-11-18 9h"]}, "punches.0", "'9h' is no time HH:MM[:SS][offset]"),
        ({"punches": ["2026-11-18 24:01"]}, "punches.0", "hour must be in 0..23"),
        ({"punches": ["2026-11-18 24:00:01"]}, "punches.0", "hour must be in 0..23"),
        ({"punches": [{"dir": "in"}]}, "punches.0", "key 'at' is missing"),
        ({"punches": [{"at": "2026-11-18 09:00", "skew_s": True}]}, "punches.0.skew_s",
         "True is no number of seconds"),
        ({"punches": [{"at": "2026-11-18 09:00", "skew_s": "5"}]}, "punches.0.skew_s",
         "'5' is no number of seconds"),
        ({"punches": [{"at": "2026-11-18 09:00", "clock": "bad"}]}, "punches.0.clock",
         "'bad' is none of ok, repaired, untrusted"),
        ({"punches": [{"at": "2026-11-18 09:00", "seq": "5"}]}, "punches.0.seq", "'5' is no whole number"),
        ({"punches": [{"when": 1}]}, "punches.0.when",
         "unknown key 'when'; allowed are at, dir, device, epoch, seq, site, skew_s, clock, received"),
        ({"records": ["trip"]}, "records.0", "'trip' is no record"),
        ({"records": [{}]}, "records.0", "key 'kind' is missing"),
        ({"records": [{"kind": "rest"}]}, "records.0.kind",
         "'rest' is none of leave, trip, outing, overtime, correction, decision"),
        ({"records": [SPAN | {"unit": "week"}]}, "records.0.unit", "'week' is none of hour, half_day, day"),
        ({"records": [SPAN | {"side": "in"}]}, "records.0.side",
         f"unknown key 'side'; allowed are {', '.join(SPAN_KEYS)}"),
        ({"records": [{"kind": "trip", "from": "2026-11-18"}]}, "records.0", "key 'to' is missing"),
        ({"records": [{"kind": "trip", "to": "2026-11-18"}]}, "records.0", "key 'from' is missing"),
        ({"records": [SPAN | {"to": "2026-11-18 08:59"}]}, "records.0.to",
         "2026-11-18 08:59 lies before 2026-11-18 09:00, where the record begins"),
        ({"records": [SPAN | {"unit": "day"}]}, "records.0.from",
         "'2026-11-18 09:00' is no date, or date and am or pm"),
        ({"records": [SPAN | {"unit": "half_day", "from": "2026-11-18 pm", "to": "2026-11-18 am"}]},
         "records.0.to", "2026-11-18 am lies before 2026-11-18 pm, where the record begins"),
        ({"records": [SPAN | {"status": "gone"}]}, "records.0.status",
         "'gone' is none of approved, pending, rejected, revoked"),
        ({"records": [SPAN | {"version": "2"}]}, "records.0.version", "'2' is no whole number"),
        ({"records": [DECISION | {"side": "in"}]}, "records.0.side",
         f"unknown key 'side'; allowed are {', '.join(DECISION_KEYS)}"),
        ({"records": [DECISION | {"set": "late"}]}, "records.0.set",
         "'late' is none of normal, waive, absent"),
        ({"records": [{"kind": "decision", "date": "2026-11-18"}]}, "records.0", "key 'set' is missing"),
        ({"records": [{"kind": "decision", "set": "waive"}]}, "records.0", "key 'date' is missing"),
        ({"records": [{"kind": "correction", "date": "2026-11-18", "side": "up", "at": "2026-11-18 09:00"}]},
         "records.0.side", "'up' is none of in, out"),
        ({"records": [{"kind": "correction", "date": "2026-11-18", "at": "2026-11-18 09:00"}]},
         "records.0", "key 'side' is missing"),
        ({"records": [{"kind": "correction", "date": "2026-11-18", "side": "in"}]},
         "records.0", "key 'at' is missing"),
        ({"records": [{"kind": "correction", "side": "in", "at": "2026-11-18 09:00"}]},
         "records.0", "key 'date' is missing"),
        ({"locks": [{"month": "2026-13", "at": "2026-11-05"}]}, "locks.0.month",
         "a month is written YYYY-MM"),
        ({"locks": [{"month": "2026-10"}]}, "locks.0", "a lock event has one of at and reopen"),
        ({"locks": [{"month": "2026-10", "at": "2026-11-05", "reopen": "2026-11-05"}]}, "locks.0",
         "a lock event has one of at and reopen"),
        ({"locks": [{"at": "2026-11-05"}]}, "locks.0", "key 'month' is missing"),
        ({"locks": [{"on": 1}]}, "locks.0.on", "unknown key 'on'; allowed are month, at, reopen"),
        ({"watermarks": {"d1": 5}}, "watermarks.d1", "Invalid isoformat string: '5'"),
        ({"provisional_years": ["next"]}, "provisional_years.0", "'next' is no whole number"),
    ],
)  # fmt: skip
def test_what_a_case_cannot_say_is_told(parts: dict[str, Any], path: str, what: str):
    with pytest.raises(BadCase) as bad:
        read(**parts)

    assert (".".join(map(str, bad.value.path)), bad.value.what) == (path, what)
    assert str(bad.value) == f"{path}: {what}"


@pytest.mark.parametrize("key", ["zone", "as_of"])
def test_a_case_needs_its_zone_and_its_view(key: str):
    with pytest.raises(BadCase) as bad:
        facts(Node({name: value for name, value in BARE.items() if name != key}))

    assert (bad.value.path, str(bad.value)) == ((), f"key {key!r} is missing")


def ran(**parts: Any) -> CaseResult:
    case = {"id": "one", "week": {"wed": "DAY"}, "punches": ["2026-11-18 09:10 18:00"], **BARE, **parts}
    return run_case(Node(case))


@pytest.mark.parametrize(
    ("wanted", "differences"),
    [
        ({"late_min": 10, "absent_days": 0, "in_at": "2026-11-18T09:10:00+00:00"}, []),
        ({"late_min": 10.0, "findings": ["late"], "rule_version": "v1"}, []),
        ({"late_min": 9}, ["late_min: expected 9, found 10"]),
        ({"late_min": None}, ["late_min: expected None, found 10"]),
        ({"late_min": True}, ["late_min: expected True, found 10"]),
        ({"in_at": None}, ["in_at: expected None, found 2026-11-18T09:10:00+00:00"]),
        ({"rule_version": 1}, ["rule_version: expected 1, found v1"]),
        ({"findings": ["late", "late"]}, ["findings: expected ['late', 'late'], found ['late']"]),
        ({"findings": "late"}, ["findings: expected late, found ['late']"]),
        ({"shift": ["DAY"]}, []),
        ({"shift": ["DAX"]}, ["shift[0]: expected DAX, found DAY"]),
        ({"shift": []}, ["shift: expected [], found ['DAY']"]),
        ({"late_min": [10]}, ["late_min: expected [10], found 10"]),
        ({"shifts": {"DAY": {"findings": ["late"]}}}, []),
        ({"shifts": {"DAY": {"findings": []}}}, ["shifts.DAY.findings: expected [], found ['late']"]),
        ({"shifts": {"DAX": 0}}, []),
        ({"leave_days": {}, "leave_min": {"sick": 0}}, []),
        ({"minute_partition": {"late": 10, "leave": 1}}, ["minute_partition.leave: expected 1, found 0"]),
        ({"late_min": {}}, []),
        ({"late_min": {"x": 1}}, ["late_min.x: expected 1, found 0"]),
    ],
)
def test_listed_fields_are_compared(wanted: dict[str, Any], differences: list[str]):
    found = ran(expect={"2026-11-18": wanted})

    assert found.differences == [f"2026-11-18.{one}" for one in differences]
    assert found.ok is not bool(differences)
    assert list(found.days) == ["2026-11-18"]


def test_an_empty_map_demands_all_zero():
    (said,) = ran(expect={"2026-11-18": {"minute_partition": {}}}).differences

    assert said.startswith("2026-11-18.minute_partition: expected all zero, found {'present': 470,")


def test_months_and_periods_are_compared():
    found = ran(expect_month={"2026-11": {"late_n": 1}, "2026-11-18..2026-11-19": {"due_days": 2}})

    assert found.differences == ["2026-11-18..2026-11-19.due_days: expected 2, found 1"]
    assert list(found.months) == ["2026-11", "2026-11-18..2026-11-19"]


def test_a_list_of_maps_is_compared_place_by_place():
    locked: dict[str, Any] = {
        "locks": [{"month": "2026-10", "at": "2026-11-05"}],
        "records": [
            {"kind": "leave", "type": "sick", "unit": "day", "from": "2026-10-21", "to": "2026-10-21",
             "approved": "2026-11-10"},
        ],
    }  # fmt: skip

    def told(delta: dict[str, Any]) -> list[str]:
        return ran(**locked, expect_month={"2026-11": {"adjustments": [delta]}}).differences

    assert told({"date": "2026-10-21", "delta": {"absent_days": -1}}) == []
    assert told({"date": "2026-10-22"}) == [
        "2026-11.adjustments[0].date: expected 2026-10-22, found 2026-10-21"
    ]
    assert told({"delta": {"absent_days": 0}}) == [
        "2026-11.adjustments[0].delta.absent_days: expected 0, found -1"
    ]


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("2026-13", "'2026-13' is no month"),
        ("9999-12", "9999-12-01 is not in the years 1000 to 8999"),
        ("2026-11-01..9999-12-31", "9999-12-31 is not in the years 1000 to 8999"),
        ("0001-01-01..2026-11-01", "0001-01-01 is not in the years 1000 to 8999"),
        ("2026-11-31..2026-12-01", "day is out of range for month"),
        ("november", "'november' is neither YYYY-MM nor date..date"),
    ],
)
def test_a_period_that_is_none_is_told(key: str, what: str):
    with pytest.raises(BadCase) as bad:
        ran(expect_month={key: {}})

    assert (bad.value.path, bad.value.what) == (("expect_month", key), what)


OVERLAP = {"week": {"wed": ["DAY", "DAY"]}}


@pytest.mark.parametrize(
    ("parts", "error", "differences"),
    [
        ({"expect_error": "overlapping_shifts"} | OVERLAP, "overlapping_shifts", []),
        (OVERLAP, "overlapping_shifts",
         ["refused: overlapping_shifts: DAY of 2026-11-25 begins before DAY of 2026-11-25 ends"]),
        ({"expect_error": "bad_shift"} | OVERLAP, "overlapping_shifts",
         ["expect_error: expected bad_shift, found overlapping_shifts"]),
        ({"expect_error": "bad_policy"}, None, ["expect_error: expected bad_policy, found None"]),
        ({"expect_error": "bad_policy", "policy": {"x": 1}}, "bad_policy", []),
    ],
)  # fmt: skip
def test_a_refusal_is_expected_or_told(parts: dict[str, Any], error: str | None, differences: list[str]):
    found = ran(**parts)

    assert (found.error, found.differences) == (error, differences)


@pytest.mark.parametrize(
    ("away", "seen"), [(9, None), (8, "overlapping_shifts"), (-8, "overlapping_shifts"), (-9, None)]
)
def test_without_expected_dates_a_week_around_the_view_is_checked(away: int, seen: str | None):
    day = date(2026, 12, 1).toordinal() + away
    calendar = {date.fromordinal(day).isoformat(): {"kind": "makeup", "shift_of": "sat"}}
    found = ran(week={"sat": ["DAY", "DAY"]}, calendar={**calendar, **_saturdays_off()}, punches=[])

    assert found.error == seen


def _saturdays_off() -> dict[str, str]:
    return {
        f"2026-{month}-{day}": "rest"
        for month, day in (("11", "14"), ("11", "21"), ("11", "28"), ("12", "05"), ("12", "12"))
    }


VALUES: list[tuple[str, object, str]] = [
    ("late_grace_min", -1, "late_grace_min is -1, not a whole number from 0 on"),
    ("late_grace_min", True, "late_grace_min is True, not a whole number from 0 on"),
    ("late_grace_min", 1.5, "late_grace_min is 1.5, not a whole number from 0 on"),
    ("overtime_unit_min", 0, "overtime_unit_min is 0; a unit has at least one minute"),
    ("overtime_unit_min", -1, "overtime_unit_min is -1, not a whole number from 0 on"),
    ("absent_over_min", "x", "absent_over_min is 'x', not a whole number from 0 on"),
    ("shared_punch", 1, "shared_punch is 1, not true or false"),
    ("pairing", "all", "pairing is 'all', not one of first_last, alternate"),
    ("pairing", ["first_last"], "pairing is ['first_last'], not one of first_last, alternate"),
    ("penalty_days", -0.5, "penalty_days is -0.5, not a number from 0 on"),
    ("penalty_days", True, "penalty_days is True, not a number from 0 on"),
    ("period_standard_min", "x", "period_standard_min is 'x', not a number from 0 on"),
    ("version", True, "version is True, not a text"),
    ("version", None, "version is None, not a text"),
    ("day_start", "4", "day_start: '4' is no clock time HH:MM"),
    ("day_start", "24:00", "day_start is '24:00', not a clock time before 24:00"),
    ("day_start", 4, "day_start is 4, not a clock time before 24:00"),
    ("overtime_breaks", "18:00-18:30", "overtime_breaks is '18:00-18:30', not a list of clock spans"),
    ("overtime_breaks", ["18:00"], "overtime_breaks: '18:00' is no clock span HH:MM-HH:MM"),
    ("overtime_breaks", ["18:30-18:30"], "overtime_breaks: 18:30-18:30 does not end after it starts"),
    ("late_off_late_on", 5, "late_off_late_on is 5, not a list of off_min and on_min"),
    ("late_off_late_on", [{"a": 5}], "late_off_late_on: {'a': 5} is no pair of off_min and on_min"),
    ("late_off_late_on", [5], "late_off_late_on: 5 is no pair of off_min and on_min"),
    ("late_off_late_on", [{"off_min": -5, "on_min": 1}], "off_min is -5, not a whole number from 0 on"),
    ("late_off_late_on", [{"off_min": 5, "on_min": -1}], "on_min is -1, not a whole number from 0 on"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "detail"), VALUES)
def test_a_value_that_no_parameter_can_have_is_told(name: str, value: object, detail: str):
    with pytest.raises(RefusedInput) as refused:
        policy_from({name: value})

    assert (refused.value.code, refused.value.detail) == (RefusalCode.BAD_POLICY, detail)
    assert str(refused.value) == f"bad_policy: {detail}"


def test_an_unknown_parameter_is_told_with_all_that_there_are():
    with pytest.raises(RefusedInput) as refused:
        policy_from({"late": 1, "lax": 2})

    assert refused.value.detail.startswith(
        "unknown parameter late, lax; known are absent_below_min, absent_over"
    )


def test_tiers_that_fall_are_told_with_their_values():
    with pytest.raises(RefusedInput) as refused:
        policy_from({"late_grace_min": 9, "absent_over_min": 5})

    assert refused.value.detail == (
        "late_grace_min 9, serious_late_over_min None, absent_over_min 5 must not fall"
    )


def test_values_become_what_the_engine_wants():
    policy = policy_from(
        {
            "version": 3,
            "day_start": "23:59",
            "penalty_days": 0.1,
            "period_standard_min": 9921.6,
            "overtime_breaks": ["18:00-18:30", "23:30-24:30"],
            "late_off_late_on": [{"off_min": 60, "on_min": 30}],
            "late_grace_min": 0,
            "absent_over_min": None,
            "shared_punch": True,
            "pairing": "alternate",
        }
    )

    assert policy == Policy(
        version="3",
        day_start=1439,
        penalty_days=Fraction(1, 10),
        period_standard_min=Fraction(99216, 10),
        overtime_breaks=((1080, 1110), (1410, 1470)),
        late_off_late_on=(LateStart(60, 30),),
        shared_punch=True,
        pairing="alternate",
    )
    assert policy_from({"period_standard_min": None, "penalty_days": Fraction(1, 3)}) == Policy(
        penalty_days=Fraction(1, 3)
    )
    assert policy_from({"penalty_days": 2, "overtime_unit_min": 1}) == Policy(
        penalty_days=Fraction(2), overtime_unit_min=1
    )


def test_an_expected_date_without_dates_around_it_is_told():
    with pytest.raises(BadCase) as bad:
        ran(expect={"9999-12-31": {}})

    assert bad.value.what == "9999-12-31 is not in the years 1000 to 8999"


def test_an_expected_date_that_is_none_is_told():
    with pytest.raises(BadCase) as bad:
        ran(expect={"2026-11-31": {}})

    assert (bad.value.path, bad.value.what) == (("expect", "2026-11-31"), "day is out of range for month")


def test_findings_of_a_shift_are_compared_in_any_order():
    early = ["2026-11-18 09:10 17:50"]

    assert ran(punches=early, expect={"2026-11-18": {"shifts": {"DAY": {"findings": ["early", "late"]}}}}).ok


def test_true_is_no_number_and_a_text_is_not_nothing():
    assert ran(expect_month={"2026-11": {"late_n": True}}).differences == [
        "2026-11.late_n: expected True, found 1"
    ]
    assert ran(punches=[], expect={"2026-11-18": {"in_at": "None"}}).differences == [
        "2026-11-18.in_at: expected None, found None"
    ]

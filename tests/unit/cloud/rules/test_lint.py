from __future__ import annotations

import re
from datetime import date
from string import Formatter
from typing import Any

import pytest

from cloud.rules.casenode import Node
from cloud.rules.errors import RefusalCode, RefusedInput
from cloud.rules.facts import RuleSet
from cloud.rules.faults import ALLOWED, EN, REFUSALS, ZH, Fault, Severity, sentence
from cloud.rules.lint import Use, allowed, lint
from cloud.rules.plan import PlanBook
from cloud.rules.policy import CHOICES, READERS, policy_from
from cloud.rules.rulesfile import RulesFile, read_file, rule_set, version_faults

DAY: dict[str, Any] = {"segments": ["09:00-12:00", "13:00-18:00"]}
NIGHT: dict[str, Any] = {"segments": ["22:00-26:00", "27:00-30:00"]}
OFFICE = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "DAY")


def rules(**parts: Any) -> RuleSet:
    case: dict[str, Any] = {"zone": "Asia/Shanghai", "as_of": "2000-01-01", "shifts": {"DAY": DAY}}
    found = rule_set(case | {"week": OFFICE} | parts)
    assert isinstance(found, RuleSet), found
    return found


def codes(faults: list[Fault]) -> list[str]:
    for fault in faults:
        says_all(fault)
    return [fault.code for fault in faults]


def only(faults: list[Fault], code: str) -> Fault:
    found = [fault for fault in faults if fault.code == code]
    assert len(found) == 1, faults
    says_all(found[0])
    return found[0]


def says_all(fault: Fault) -> None:
    """Every sentence has the values it names."""
    assert None not in fault.args.values()
    assert sentence(fault, "zh")
    assert sentence(fault, "en")


def test_the_rules_of_a_new_installation_are_sound():
    policy = {"late_grace_min": 5, "serious_late_over_min": 30, "absent_over_min": 120}

    assert lint(rules(policy=policy), Use(members=150)) == []


@pytest.mark.parametrize(
    ("shift", "code", "place"),
    [
        ({"segments": ["12:00-09:00"]}, "segment_empty", "shifts.X.segments.0"),
        ({"segments": ["09:00-12:00", "11:59-18:00"]}, "segment_order", "shifts.X.segments.1"),
        ({"segments": []}, "no_segment", "shifts.X"),
        ({"segments": ["09:00-18:00"], "breaks": ["12:00-12:00"]}, "break_empty", "shifts.X.breaks.0"),
        ({**DAY, "flex": {"late_min": 180}}, "flex_start_reaches_break", "shifts.X.flex.late_min"),
        ({**DAY, "flex": {"early_min": 300}}, "flex_end_reaches_break", "shifts.X.flex.early_min"),
        ({"segments": ["00:00-15:00"]}, "window_too_long", "shifts.X"),
    ],
)
def test_what_the_engine_refuses_is_an_error_at_its_place(shift: dict[str, Any], code: str, place: str):
    found = rules(shifts={"DAY": DAY, "X": shift})

    fault = only(lint(found), code)

    assert (fault.severity, fault.place) == (Severity.ERROR, place)
    with pytest.raises(RefusedInput) as refused:
        PlanBook(found)
    assert refused.value.code is fault.refusal
    assert refused.value.detail == sentence(fault, "en")


@pytest.mark.parametrize("shift", [{**DAY, "flex": {"late_min": 179}}, {"segments": ["00:00-14:59"]}])
def test_one_minute_less_is_none(shift: dict[str, Any]):
    assert {fault.severity for fault in lint(rules(shifts={"DAY": DAY, "X": shift}))} == {Severity.WARNING}


def test_a_shift_that_runs_into_the_next_morning_overlaps_it():
    early = {"segments": ["05:30-08:00"]}
    found = rules(shifts={"NIGHT": NIGHT, "EARLY": early}, week={"mon": "NIGHT", "tue": "EARLY"})

    fault = only(lint(found), "overlapping_shifts")

    assert (fault.refusal, fault.place) == (RefusalCode.OVERLAPPING_SHIFTS, "week.mon")
    assert sentence(fault, "en") == "EARLY (Tuesday) begins before NIGHT (Monday) ends"
    assert sentence(fault, "zh") == "NIGHT（周一）与 EARLY（周二）的计划时间重叠"


def test_sunday_is_followed_by_monday():
    early = {"segments": ["05:30-08:00"]}
    found = rules(shifts={"NIGHT": NIGHT, "EARLY": early}, week={"sun": "NIGHT", "mon": "EARLY"})

    assert only(lint(found), "overlapping_shifts").place == "week.sun"


def test_shifts_that_only_touch_do_not_overlap():
    early = {"segments": ["06:00-08:00"]}
    found = rules(shifts={"NIGHT": NIGHT, "EARLY": early}, week={"mon": "NIGHT", "tue": "EARLY"})

    assert "overlapping_shifts" not in codes(lint(found))
    assert "windows_overlap" in codes(lint(found))


def test_two_shifts_of_a_date_overlap():
    found = rules(shifts={"DAY": DAY, "LATE": {"segments": ["17:00-21:00"]}}, week={"mon": ["DAY", "LATE"]})

    assert only(lint(found), "overlapping_shifts").place == "week.mon"


def test_rosters_are_read_in_pairs_of_dates():
    found = rules(shifts={"DAY": DAY, "NIGHT": NIGHT, "EARLY": {"segments": ["05:30-08:00"]}})
    use = Use(rostered=frozenset({(("NIGHT",), ("EARLY",)), (("DAY",), ())}))

    fault = only(lint(found, use), "overlapping_shifts")

    assert fault.place == "roster"
    assert sentence(fault, "en") == "EARLY (the next day) begins before NIGHT (the same day) ends"


def test_a_make_up_day_can_overlap_where_the_week_does_not():
    found = rules(
        shifts={"NIGHT": NIGHT, "EARLY": {"segments": ["05:30-08:00"]}},
        week={"mon": "EARLY", "sat": "NIGHT"},
        calendar={"2026-10-11": {"kind": "makeup", "shift_of": "sat"}},
    )

    fault = only(lint(found), "overlapping_shifts")

    assert fault.place == "calendar.2026-10-11"
    assert "2026-10-12" in sentence(fault, "en")


def test_windows_that_share_a_minute_are_a_warning_and_those_that_touch_none():
    def faults(before: int) -> list[str]:
        afternoon = {"segments": ["14:00-18:00"], "before_min": before}
        morning = {"segments": ["08:00-12:00"], "after_min": 60}
        found = rules(shifts={"AM": morning, "PM": afternoon}, week={"mon": ["AM", "PM"]})
        return codes(lint(found))

    assert "windows_overlap" not in faults(60)
    assert "windows_overlap" in faults(61)


@pytest.mark.parametrize(
    ("parameter", "reaches", "code"),
    [
        ("late_grace_min", 180, "late_grace_over_break"),
        ("early_grace_min", 300, "early_grace_over_break"),
        ("serious_late_over_min", 180, "tier_over_break"),
        ("absent_over_min", 180, "tier_over_break"),
        ("early_absent_over_min", 300, "tier_over_break"),
    ],
)
def test_grace_that_reaches_the_break_is_a_warning(parameter: str, reaches: int, code: str):
    fault = only(lint(rules(policy={parameter: reaches})), code)

    assert (fault.severity, fault.place) == (Severity.WARNING, f"policy.0.{parameter}")
    assert lint(rules(policy={parameter: reaches - 1})) == []


def test_breaks_inside_a_segment_count_as_breaks():
    shifts = {"DAY": {"segments": ["09:00-18:00"], "breaks": ["10:00-10:30"]}}

    assert codes(lint(rules(shifts=shifts, policy={"late_grace_min": 60}))) == ["late_grace_over_break"]


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"shifts": {"DAY": {"kind": "free", "before_min": 60}}}, "free_window"),
        ({"policy": {"before_min": 30}, "shifts": {"DAY": {**DAY, "flex": {"early_min": 31}}}},
         "flex_beyond_window"),
        ({"policy": {"max_shift_min": 539}}, "longer_than_max_shift"),
        ({"policy": {"free_late_max_min": 10}}, "no_effect"),
        ({"policy": {"penalty_days": 1}}, "no_effect"),
        ({"policy": {"period_standard_min": 9600}}, "no_effect"),
        ({"policy": [{"from": "2026-03-01", "version": "b"}, {"version": "a"}]}, "versions_out_of_order"),
        ({"policy": [{}, {"from": "2026-03-01"}]}, "version_name_twice"),
        ({"calendar": {"2026-10-11": {"kind": "makeup", "shift_of": "sun"}}}, "makeup_without_shift"),
    ],
)  # fmt: skip
def test_what_is_hardly_meant_is_a_warning(parts: dict[str, Any], code: str):
    assert only(lint(rules(**parts)), code).severity is Severity.WARNING


def test_versions_that_begin_on_one_date_are_an_error():
    found = rules(policy=[{"version": "a", "from": "2026-03-01"}, {"version": "b", "from": "2026-03-01"}])

    fault = only(lint(found), "overlapping_versions")

    assert (fault.place, fault.refusal) == ("policy.1", RefusalCode.BAD_POLICY)


def test_how_people_use_the_rules_is_looked_at():
    shifts = {"DAY": DAY, "NIGHT": NIGHT, "SPARE": DAY}
    use = Use(
        members=12,
        without_group=3,
        rostered=frozenset({(("NIGHT",), ())}),
        elsewhere=frozenset({"NIGHT"}),
    )

    faults = lint(rules(shifts=shifts), use)

    assert {fault.code: dict(fault.args) for fault in faults} == {
        "people_without_group": {"n": 3},
        "unused_shift": {"shift": "SPARE"},
    }
    assert only(lint(rules(week={}), Use(members=4)), "empty_week").args == {"n": 4}


def test_a_fault_of_a_shift_is_told_once_whatever_the_versions():
    versions = [{"version": "a"}, {"version": "b", "from": "2026-03-01"}]
    found = rules(shifts={"DAY": DAY, "LONG": {"segments": ["00:00-18:00"]}}, policy=versions)

    assert codes(lint(found)).count("window_too_long") == 1


def test_errors_come_first():
    faults = lint(rules(shifts={"FREE": {"kind": "free", "after_min": 1}, "X": {"segments": []}}, week={}))

    severities = [fault.severity for fault in faults]
    assert severities == sorted(severities)
    assert Severity.WARNING in severities


def file_faults(**parts: Any) -> dict[str, str]:
    found = read_file(Node(dict(parts)), ("DAY",))
    assert not isinstance(found, RulesFile)
    return {fault.place: sentence(fault, "en") for fault in found}


def test_a_file_tells_all_that_is_wrong_with_it():
    told = file_faults(
        shifts={"N": {"segments": ["22:00-30:00"], "colour": "blue"}, "Q": {"segments": ["25:99-26:00"]}},
        week={"mon": "DAY", "tue": "ZZ", "someday": "DAY"},
        policy=[
            {"late_grace_min": -1, "foo": 2},
            {"from": "2026-13-01"},
            {"late_grace_min": 9, "absent_over_min": 5},
        ],
        calendar={"2026-02-30": "rest", "2026-10-01": "holiday"},
    )

    assert list(told) == [
        "shifts.N.colour",
        "shifts.Q.segments.0",
        "policy.0.late_grace_min",
        "policy.0.foo",
        "policy.1.from",
        "policy.2",
        "week.tue",
        "week.someday",
        "calendar.2026-02-30",
        "calendar.2026-10-01",
    ]
    assert "allowed are segments, kind" in told["shifts.N.colour"]
    assert told["policy.0.late_grace_min"].endswith("allowed: a whole number from 0")
    assert "none of DAY, N, Q, off" in told["week.tue"]
    assert "none of statutory, rest, makeup, half" in told["calendar.2026-10-01"]


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"pollicy": {}}, "pollicy"),
        ({"shifts": [1]}, "shifts"),
        ({"policy": 3}, "policy.0"),
        ({"week": "DAY"}, "week"),
    ],
)
def test_a_file_of_the_wrong_shape_names_the_key(wrong: dict[str, Any], place: str):
    assert list(file_faults(**wrong)) == [place]


def test_a_good_file_is_read():
    found = read_file(
        Node(
            {
                "group": "lab",
                "week": {"mon": ["DAY", "N"]},
                "shifts": {"N": NIGHT},
                "policy": [{"version": "old"}, {"from": "2026-03-01", "version": "new", "late_grace_min": 3}],
                "calendar": {"2026-10-01": "statutory", "2026-10-02": "none"},
            }
        ),
        ("DAY",),
    )

    assert isinstance(found, RulesFile)
    assert found.versions is not None
    assert [(one.since, one.version, dict(one.parameters)) for one in found.versions] == [
        (None, "old", {}),
        (date(2026, 3, 1), "new", {"late_grace_min": 3}),
    ]
    assert found.calendar == {date(2026, 10, 1): "statutory", date(2026, 10, 2): None}
    assert found.week == {"mon": ["DAY", "N"]}
    assert (found.group, found.name) == ("lab", None)


def test_a_file_that_says_nothing_of_something_leaves_it():
    found = read_file(Node({"shifts": {"N": NIGHT}}), ())

    assert isinstance(found, RulesFile)
    assert (found.versions, found.week, found.group) == (None, None, None)


@pytest.mark.parametrize("name", sorted(READERS))
def test_every_parameter_says_what_it_may_be(name: str):
    kind = allowed(name)

    assert kind in ALLOWED["zh"] or name in CHOICES
    assert [fault.code for fault in version_faults({name: {"no": "such"}})] == ["bad_parameter"]


def test_defaults_are_allowed():
    assert version_faults({}) == []
    assert policy_from({}).version == "v1"


def test_every_fault_has_a_sentence_in_both_languages():
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert set(ZH) == set(EN) >= set(REFUSALS)
    assert {code for code in EN if places(ZH[code]) != places(EN[code])} == set()
    assert all(re.search(r"[一-鿿]", text) for text in ZH.values())
    assert set(ALLOWED["zh"]) == set(ALLOWED["en"])


@pytest.mark.parametrize(
    "parts",
    [
        {"policy": {"max_shift_min": 540}},
        {"policy": {"before_min": 30}, "shifts": {"DAY": {**DAY, "flex": {"early_min": 30}}}},
    ],
)
def test_what_just_fits_is_no_warning(parts: dict[str, Any]):
    assert lint(rules(**parts)) == []

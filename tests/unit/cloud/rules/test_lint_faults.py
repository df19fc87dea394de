"""Each fault with its place and every value of its sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from cloud.rules.casenode import Node
from cloud.rules.errors import RefusalCode, RefusedInput
from cloud.rules.facts import RuleSet
from cloud.rules.faults import Fault, sentence
from cloud.rules.lint import Use, allowed, lint, parameter_fault, tiers_fault
from cloud.rules.plan import PlanBook
from cloud.rules.policy import READERS, Policy
from cloud.rules.rulesfile import FileVersion, RulesFile, read_file, rule_set, shift_faults, version_faults
from tests.unit.cloud.rules.test_lint import DAY, NIGHT, rules

EARLY = {"segments": ["05:30-08:00"]}
WEEKEND = {"week": {"sat": "DAY"}}


def told(parts: dict[str, Any], use: Use | None = None) -> dict[tuple[str, str], dict[str, str | int]]:
    return {(fault.code, fault.place): dict(fault.args) for fault in lint(rules(**parts), use)}


@pytest.mark.parametrize(
    ("parts", "code", "place", "args"),
    [
        ({"shifts": {"X": {"segments": ["12:00-09:00"]}}}, "segment_empty", "shifts.X.segments.0",
         {"shift": "X", "span": "12:00-09:00"}),
        ({"shifts": {"X": {"segments": ["09:00-12:00", "11:59-18:00"]}}}, "segment_order",
         "shifts.X.segments.1", {"shift": "X", "span": "11:59-18:00", "end": "12:00"}),
        ({"shifts": {"X": {"segments": ["09:00-18:00"], "breaks": ["12:00-13:00", "15:00-15:00"]}}},
         "break_empty", "shifts.X.breaks.1", {"shift": "X", "span": "15:00-15:00"}),
        ({"shifts": {"X": {}}}, "no_segment", "shifts.X", {"shift": "X"}),
        ({"shifts": {"X": {**DAY, "flex": {"late_min": 180}}}}, "flex_start_reaches_break",
         "shifts.X.flex.late_min", {"shift": "X", "minutes": 180, "at": "12:00"}),
        ({"shifts": {"X": {**DAY, "flex": {"early_min": 300}}}}, "flex_end_reaches_break",
         "shifts.X.flex.early_min", {"shift": "X", "minutes": 300, "at": "13:00"}),
        ({"shifts": {"X": {"segments": ["07:00-10:00", "11:30-14:00", "16:00-19:30"],
                           "flex": {"early_min": 210}}}}, "flex_end_reaches_break",
         "shifts.X.flex.early_min", {"shift": "X", "minutes": 210, "at": "16:00"}),
        ({"shifts": {"X": {"segments": ["00:00-15:00"]}}}, "window_too_long", "shifts.X",
         {"shift": "X", "minutes": 1440, "before": 180, "after": 360, "version": "v1"}),
        ({"shifts": {"X": {"segments": ["00:00-15:00"], "before_min": 200, "after_min": 400}}},
         "window_too_long", "shifts.X",
         {"shift": "X", "minutes": 1500, "before": 200, "after": 400, "version": "v1"}),
        ({"shifts": {"X": {"kind": "free", "before_min": 1}}}, "free_window", "shifts.X", {"shift": "X"}),
        ({"policy": [{"version": "a", "from": "2026-03-01"}, {"version": "b", "from": "2026-03-01"}]},
         "overlapping_versions", "policy.1", {"first": "a", "second": "b", "since": "2026-03-01"}),
        ({"policy": [{"version": "a"}, {"version": "b"}]},
         "overlapping_versions", "policy.1", {"first": "a", "second": "b", "since": "–"}),
        ({"policy": [{"version": "a"}, {"version": "b", "from": "0001-01-01"}]},
         "overlapping_versions", "policy.1", {"first": "a", "second": "b", "since": "0001-01-01"}),
        ({"policy": [{"version": "a", "from": "2026-03-01"}, {"version": "b"}]},
         "versions_out_of_order", "policy.1", {"first": "a", "second": "b", "since": "–"}),
        ({"policy": [{"version": "a", "from": "2026-03-01"}, {"version": "b", "from": "2026-02-28"}]},
         "versions_out_of_order", "policy.1", {"first": "a", "second": "b", "since": "2026-02-28"}),
        ({"policy": [{}, {"from": "2026-03-01"}]}, "version_name_twice", "policy.1", {"version": "v1"}),
        ({"policy": {"free_late_max_min": 0}}, "no_effect", "policy.0.free_late_max_min",
         {"version": "v1", "name": "free_late_max_min", "needs": "free_lates"}),
        ({"policy": {"penalty_days": 1}}, "no_effect", "policy.0.penalty_days",
         {"version": "v1", "name": "penalty_days", "needs": "penalty_lates"}),
        ({"policy": {"period_standard_min": 0}}, "no_effect", "policy.0.period_standard_min",
         {"version": "v1", "name": "period_standard_min", "needs": "hours_system"}),
        ({"policy": {"before_min": 30}, "shifts": {"DAY": {**DAY, "flex": {"early_min": 31}}}},
         "flex_beyond_window", "shifts.DAY.flex",
         {"shift": "DAY", "version": "v1", "minutes": 31, "before": 30}),
        ({"policy": {"max_shift_min": 539}}, "longer_than_max_shift", "shifts.DAY",
         {"shift": "DAY", "version": "v1", "minutes": 540, "limit": 539}),
        ({"policy": {"late_grace_min": 180}}, "late_grace_over_break", "policy.0.late_grace_min",
         {"shift": "DAY", "version": "v1", "minutes": 180, "at": "12:00"}),
        ({"policy": {"early_grace_min": 300}}, "early_grace_over_break", "policy.0.early_grace_min",
         {"shift": "DAY", "version": "v1", "minutes": 300, "at": "13:00"}),
        ({"policy": {"serious_late_over_min": 180}}, "tier_over_break", "policy.0.serious_late_over_min",
         {"shift": "DAY", "version": "v1", "name": "serious_late_over_min", "minutes": 180, "at": "12:00"}),
        ({"policy": {"absent_over_min": 180}}, "tier_over_break", "policy.0.absent_over_min",
         {"shift": "DAY", "version": "v1", "name": "absent_over_min", "minutes": 180, "at": "12:00"}),
        ({"policy": {"early_absent_over_min": 300}}, "tier_over_break", "policy.0.early_absent_over_min",
         {"shift": "DAY", "version": "v1", "name": "early_absent_over_min", "minutes": 300, "at": "13:00"}),
        ({"shifts": {"NIGHT": NIGHT, "EARLY": EARLY}, "week": {"sun": "NIGHT", "mon": "EARLY"}},
         "overlapping_shifts", "week.sun",
         {"first": "NIGHT", "second": "EARLY", "first_day": "sun", "second_day": "mon"}),
        ({"shifts": {"DAY": DAY, "EVE": {"segments": ["18:30-22:00"], "before_min": 60}},
          "week": {"mon": ["EVE", "DAY"]}},
         "windows_overlap", "week.mon",
         {"first": "DAY", "second": "EVE", "first_day": "mon", "second_day": "mon", "start": "17:30",
          "end": "00:00"}),
        ({"calendar": {"2026-10-11": {"kind": "makeup", "shift_of": "sun"}}}, "makeup_without_shift",
         "calendar.2026-10-11", {"day": "2026-10-11"}),
        ({"shifts": {"NIGHT": NIGHT, "EARLY": EARLY}, "week": {"mon": "EARLY", "sat": "NIGHT"},
          "calendar": {"2026-10-11": {"kind": "makeup", "shift_of": "sat"}}},
         "overlapping_shifts", "calendar.2026-10-11",
         {"first": "NIGHT", "second": "EARLY", "first_day": "2026-10-11", "second_day": "2026-10-12"}),
        ({"shifts": {"NIGHT": NIGHT, "EARLY": EARLY}, "week": {"mon": "EARLY", "sat": "NIGHT"},
          "calendar": {"2026-10-11": {"kind": "makeup", "shift_of": "mon"}}},
         "overlapping_shifts", "calendar.2026-10-11",
         {"first": "NIGHT", "second": "EARLY", "first_day": "2026-10-10", "second_day": "2026-10-11"}),
    ],
)  # fmt: skip
def test_a_fault_has_its_place_and_values(
    parts: dict[str, Any], code: str, place: str, args: dict[str, str | int]
):
    assert told({**parts, "shifts": {"DAY": DAY, **parts.get("shifts", {})}})[code, place] == args


@pytest.mark.parametrize(
    ("use", "code", "place", "args"),
    [
        (Use(members=3, without_group=2), "people_without_group", "group", {"n": 2}),
        (Use(), "unused_shift", "shifts.SPARE", {"shift": "SPARE"}),
        (Use(rostered=frozenset({(("ZZ",), ())})), "unknown_shift", "roster",
         {"shift": "ZZ", "allowed": "DAY, SPARE"}),
        (Use(rostered=frozenset({(("SPARE",), ("DAY",))})), "overlapping_shifts", "roster",
         {"first": "SPARE", "second": "DAY", "first_day": "same_day", "second_day": "next_day"}),
    ],
)  # fmt: skip
def test_a_fault_of_use_has_its_place_and_values(use: Use, code: str, place: str, args: dict[str, str | int]):
    parts = {"shifts": {"SPARE": {"segments": ["20:00-33:30"], "after_min": 0}, "DAY": DAY}}

    assert told(parts, use)[code, place] == args


def test_an_empty_week_is_told_of_people_without_a_roster_only():
    empty: dict[str, Any] = {"week": {}}

    assert told(empty, Use(members=4))["empty_week", "week"] == {"n": 4}
    assert ("empty_week", "week") not in told(empty, Use(members=4, rostered=frozenset({(("DAY",), ())})))
    assert ("empty_week", "week") not in told(empty, Use())


def test_unknown_shifts_where_there_are_none_are_told_as_such():
    found = told({"shifts": {}, "week": {}}, Use(rostered=frozenset({(("ZZ",), ()), ((), ("ZZ",))})))

    assert found["unknown_shift", "roster"] == {"shift": "ZZ", "allowed": "off"}


def test_the_same_two_shifts_are_told_of_once_a_kind_of_neighbourhood():
    parts = {
        "shifts": {"NIGHT": NIGHT, "EARLY": EARLY, "LATE": {"segments": ["20:00-23:00"]}},
        "week": {
            "mon": ["NIGHT", "LATE"], "tue": ["NIGHT", "LATE"], "wed": "NIGHT", "thu": "EARLY",
            "fri": "NIGHT", "sat": "EARLY",
        },
    }  # fmt: skip

    found = [place for code, place in told(parts) if code == "overlapping_shifts"]
    assert found == ["week.mon", "week.wed"]


def test_windows_of_free_hours_overlap_nothing():
    parts = {
        "shifts": {
            "FREE": {"kind": "free", "segments": ["09:00-12:00"]},
            "PM": {"segments": ["13:00-18:00"]},
        },
        "week": {"mon": ["FREE", "PM"], "tue": "FREE"},
    }

    assert told(parts, Use()) == {}


def test_one_shift_too_long_in_two_ways_is_told_of_twice():
    parts = {
        "shifts": {"DAY": DAY, "X": {"segments": ["00:00-15:00"]}},
        "policy": [
            {"version": "a"},
            {"version": "b", "from": "2026-03-01"},
            {"version": "c", "from": "2026-04-01", "after_min": 361},
        ],
    }

    found = [dict(one.args) for one in lint(rules(**parts)) if one.code == "window_too_long"]
    assert [(one["minutes"], one["version"]) for one in found] == [(1440, "a"), (1441, "c")]


def test_of_a_shift_that_is_no_shift_nothing_else_is_told():
    parts = {
        "shifts": {"DAY": {"segments": ["00:00-16:00", "09:00-18:00"]}},
        "policy": {"max_shift_min": 60, "late_grace_min": 960},
    }

    assert {code for code, _ in told(parts)} == {"segment_order", "windows_overlap"}
    assert told({"shifts": {"DAY": {"kind": "free"}}, "policy": {"max_shift_min": 60}}) == {}


def test_what_nobody_works_is_not_looked_at_under_a_policy():
    parts = {"shifts": {"DAY": DAY, "X": {"segments": ["08:00-21:00"]}}, "policy": {"max_shift_min": 600}}

    assert ("longer_than_max_shift", "shifts.X") not in told(parts)
    assert ("longer_than_max_shift", "shifts.X") in told(parts, Use(rostered=frozenset({((), ("X",))})))


def test_rules_that_cannot_be_judged_have_no_calendar_to_look_at():
    parts = {
        "shifts": {"DAY": {"segments": []}},
        "calendar": {"2026-10-11": "makeup"},
        "week": {"mon": "DAY"},
    }

    assert set(told(parts)) == {("no_segment", "shifts.DAY")}


def test_a_make_up_day_without_a_week_is_the_rosters_business():
    assert (
        told({"week": {}, "calendar": {"2026-10-11": "makeup"}}, Use(rostered=frozenset({(("DAY",), ())})))
        == {}
    )


def test_warnings_of_neighbours_are_not_told_of_make_up_days():
    parts = {
        "shifts": {"NIGHT": NIGHT, "M": {"segments": ["07:00-12:00"]}},
        "week": {"mon": "M", "sat": "NIGHT"},
        "calendar": {"2026-10-11": {"kind": "makeup", "shift_of": "sat"}},
    }

    assert not [place for _, place in told(parts) if place.startswith("calendar")]


def test_no_policy_is_told():
    found = rules()
    object.__setattr__(found, "policies", ())

    assert [(one.code, one.path) for one in lint(found)] == [("no_policy", ("policy",))]


def test_a_parameter_that_is_none_or_cannot_be_so_is_told_with_what_may_be():
    assert parameter_fault("late_grace_min", 5, ("a",)) is None
    assert parameter_fault("late_grace_min", -1, ("a",)) == Fault(
        "bad_parameter", ("a",), {"name": "late_grace_min", "value": "-1", "allowed": "count"}
    )
    assert parameter_fault("lax", 1, ("a", 0)) == Fault(
        "unknown_parameter", ("a", 0), {"name": "lax", "allowed": ", ".join(sorted(READERS))}
    )


def test_tiers_that_fall_are_told_with_their_values():
    policy = Policy("v7", late_grace_min=9, absent_over_min=5)

    assert tiers_fault(policy, ("policy", 3)) == Fault(
        "tiers_fall", ("policy", 3), {"version": "v7", "grace": 9, "serious": "–", "absent": 5}
    )
    assert tiers_fault(Policy(), ()) is None
    falling = tiers_fault(Policy(serious_late_over_min=9, absent_over_min=5), ())
    assert falling is not None
    assert falling.args["serious"] == 9


def test_a_version_of_a_file_is_told_with_place_and_values():
    assert version_faults(3, 2) == [Fault("bad_value", ("policy", 2), {"what": "3 is no map of parameters"})]
    assert version_faults({"version": "x", "late_grace_min": 5}) == []
    assert version_faults({"from": "soon", "late_grace_min": -1}, 1) == [
        Fault("bad_parameter", ("policy", 1, "late_grace_min"),
              {"name": "late_grace_min", "value": "-1", "allowed": "count"}),
        Fault("bad_value", ("policy", 1, "from"), {"what": "Invalid isoformat string: 'soon'"}),
    ]  # fmt: skip
    assert version_faults({"late_grace_min": 9, "absent_over_min": 5}, 1) == [
        Fault("tiers_fall", ("policy", 1), {"version": "v1", "grace": "9", "serious": "–", "absent": "5"})
    ]
    assert version_faults({"version": "x", "serious_late_over_min": 9, "absent_over_min": 5}) == [
        Fault("tiers_fall", ("policy", 0), {"version": "x", "grace": "–", "serious": "9", "absent": "5"})
    ]
    assert shift_faults("X", {"colour": 1})[0].path == ("shifts", "X", "colour")


def test_versions_of_a_file_that_begin_on_one_date_are_told():
    since = {"from": "2026-03-01"}
    file: dict[str, Any] = {
        "policy": [{"version": "a"}, {"version": "b", **since}, {"version": "c", **since}, {"version": "d"}]
    }

    assert read_file(Node(file), ()) == [
        Fault("overlapping_versions", ("policy", 2), {"first": "b", "second": "c", "since": "2026-03-01"}),
        Fault("overlapping_versions", ("policy", 3), {"first": "a", "second": "d", "since": "–"}),
    ]
    wrong: dict[str, Any] = {"policy": [{}, {"late_grace_min": -1}]}
    assert [fault.code for fault in read_file(Node(wrong), ())] == ["bad_parameter"]  # type: ignore[union-attr]


def test_a_whole_file_is_read():
    file: dict[str, Any] = {
        "group": "lab",
        "name": "实验室",
        "shifts": {"N": NIGHT},
        "policy": {"late_grace_min": 5},
        "week": {"mon": "N", "tue": "off"},
        "calendar": {"2026-10-01": "statutory", "2026-10-02": "none", "2026-10-03": {"kind": "rest"}},
    }

    assert read_file(Node(file), ("DAY",)) == RulesFile(
        group="lab",
        name="实验室",
        shifts={"N": NIGHT},
        versions=(FileVersion(None, "v1", {"late_grace_min": 5}),),
        week={"mon": "N", "tue": "off"},
        calendar={
            date(2026, 10, 1): "statutory",
            date(2026, 10, 2): None,
            date(2026, 10, 3): {"kind": "rest"},
        },
    )
    assert read_file(Node({}), ()) == RulesFile(None, None, {}, None, None, {})
    assert read_file(Node({"week": None, "policy": None, "group": None}), ()) == RulesFile(
        None, None, {}, None, {}, {}
    )
    assert read_file(Node({"policy": {"from": "2026-03-01T00:00", "version": 7}}), ()) == RulesFile(
        None, None, {}, (FileVersion(date(2026, 3, 1), "7", {}),), None, {}
    )


@pytest.mark.parametrize(
    ("file", "path", "what"),
    [
        (5, (), "5 is no map with keys group, name, shifts, policy, week, calendar"),
        (
            {"groups": 1},
            ("groups",),
            "unknown key 'groups'; allowed are group, name, shifts, policy, week, calendar",
        ),
        ({"group": True}, ("group",), "True is no text"),
        ({"name": [1]}, ("name",), "[1] is no text"),
        ({"shifts": 1}, ("shifts",), "1 is no map"),
        ({"calendar": 1}, ("calendar",), "1 is no map"),
    ],
)
def test_a_file_of_another_form_is_told(file: Any, path: tuple[str, ...], what: str):
    assert read_file(Node(file), ()) == [Fault("bad_value", path, {"what": what})]


def test_a_week_of_a_file_knows_the_shifts_there_are():
    (fault,) = read_file(Node({"week": {"mon": "ZZ"}, "shifts": {"N": NIGHT}}), ("DAY",))  # type: ignore[misc]

    assert (fault.path, fault.args["what"]) == (("week", "mon"), "'ZZ' is none of DAY, N, off")
    assert sentence(fault, "en") == "cannot be used: 'ZZ' is none of DAY, N, off"


def test_rules_that_cannot_be_read_are_told_piece_by_piece():
    case: dict[str, Any] = {"zone": "UTC", "as_of": "2026-01-01", "shifts": {"DAY": DAY}}

    found = rule_set(case | {"policy": {"late": 1}, "week": {"mon": "X"}})

    assert isinstance(found, list)
    assert [fault.place for fault in found] == ["policy.0.late", "week.mon"]


def test_rules_without_a_policy_judge_nobody():
    with pytest.raises(RefusedInput) as refused:
        PlanBook(RuleSet(zone="UTC", policies=()))

    assert (refused.value.code, refused.value.detail) == (RefusalCode.BAD_POLICY, "there is no policy")


@pytest.mark.parametrize(
    ("fault", "zh", "en"),
    [
        (Fault("unknown_shift", (), {"shift": "ZZ", "allowed": "DAY, SPARE"}),
         "没有班次 ZZ；现有：DAY, SPARE", "there is no shift ZZ; known are DAY, SPARE"),
        (Fault("bad_parameter", (), {"name": "late_grace_min", "value": "x", "allowed": "count"}),
         "late_grace_min 不能是 x；可用：从 0 起的整数",
         "late_grace_min cannot be x; allowed: a whole number from 0"),
        (Fault("overlapping_shifts", (), {"first": "A", "second": "B", "first_day": "2026-10-11",
                                          "second_day": "mon"}),
         "A（2026-10-11）与 B（周一）的计划时间重叠", "B (Monday) begins before A (2026-10-11) ends"),
    ],
)  # fmt: skip
def test_a_sentence_has_its_values_in_words(fault: Fault, zh: str, en: str):
    assert sentence(fault, "zh") == zh
    assert sentence(fault, "en") == en


def test_what_a_parameter_may_be_is_one_of_its_choices():
    assert allowed("pairing") == "first_last, alternate"
    assert parameter_fault("pairing", "all", ()) == Fault(
        "bad_parameter", (), {"name": "pairing", "value": "all", "allowed": "first_last, alternate"}
    )


def test_free_hours_have_no_window_of_their_own_on_either_side():
    free: dict[str, Any] = {"kind": "free", "segments": ["09:00-12:00"]}

    def told_of(shift: dict[str, Any]) -> list[str]:
        faults = lint(rules(shifts={"DAY": DAY, "X": shift}))
        return [fault.place for fault in faults if fault.code == "free_window"]

    assert told_of({**free, "after_min": 1}) == told_of({**free, "before_min": 0}) == ["shifts.X"]
    assert told_of(free) == told_of({**DAY, "before_min": 5}) == []


def test_tiers_that_fall_are_told_at_their_version():
    found = rules(policy=[{}, {"version": "v2", "from": "2026-03-01"}])
    falling = replace(found.policies[1], policy=Policy("v2", late_grace_min=9, absent_over_min=5))
    found = replace(found, policies=(found.policies[0], falling))

    assert [(one.code, one.path) for one in lint(found, Use(members=1))] == [("tiers_fall", ("policy", 1))]


def test_after_a_shift_that_is_none_the_others_are_looked_at():
    shifts = {"A": {"segments": []}, "B": {"kind": "free"}, "DAY": DAY, "LONG": {"segments": ["00:00-15:00"]}}

    found = {(fault.code, fault.place) for fault in lint(rules(shifts=shifts))}
    assert ("window_too_long", "shifts.LONG") in found
    assert ("no_segment", "shifts.A") in found


def test_versions_in_order_are_not_out_of_it():
    versions = [{"version": "a"}, *({"version": day, "from": day} for day in ("2026-03-01", "2026-03-02"))]

    assert lint(rules(policy=versions), Use(members=1)) == []


@pytest.mark.parametrize(
    ("others", "place", "first", "second"),
    [
        ({"B": {"segments": ["10:00-11:00"]}}, "week.mon", "A", "B"),
        ({"B": {"segments": ["09:00-11:00"]}}, "week.mon", "B", "A"),
        ({"B": {"segments": ["09:00-18:00"]}}, "week.mon", "A", "B"),
    ],
)
def test_of_two_that_overlap_the_first_is_named_first(
    others: dict[str, Any], place: str, first: str, second: str
):
    parts = {"shifts": {"A": {"segments": ["09:00-18:00"]}, **others}, "week": {"tue": ["B", "A"]}}

    args = told(parts)["overlapping_shifts", place]
    assert args == {"first": first, "second": second, "first_day": "tue", "second_day": "tue"}


def test_every_make_up_day_is_looked_at():
    makeup = {"kind": "makeup", "shift_of": "sun"}
    days = {"2026-10-01": "statutory", "2026-10-11": makeup, "2026-10-12": "rest", "2026-10-18": makeup}

    found = [place for code, place in told({"calendar": days}) if code == "makeup_without_shift"]
    assert found == ["calendar.2026-10-11", "calendar.2026-10-18"]


def test_an_unknown_shift_of_a_week_is_told_on_its_own_date_only():
    found = told({}, Use(rostered=frozenset({((), ("ZZ",))})))

    assert ("unknown_shift", "roster") not in found


def test_free_hours_beside_fixed_ones_have_no_window_to_overlap():
    free = {"kind": "free", "segments": ["18:30-20:00"]}

    for names in (["DAY", "FREE"], ["FREE", "EVE"]):
        shifts = {"DAY": DAY, "FREE": free, "EVE": {"segments": ["20:30-22:00"]}}
        faults = [code for code, _ in told({"shifts": shifts, "week": {"mon": names}})]
        assert "windows_overlap" not in faults


def test_every_two_shifts_that_overlap_are_told_of():
    shifts = {
        "A": {"segments": ["06:00-12:00"]},
        "B": {"segments": ["07:00-09:00"]},
        "C": {"segments": ["08:00-13:00"]},
    }
    week = {"mon": ["A", "B"], "wed": ["A", "C"], "fri": ["B", "C"]}

    found = [place for code, place in told({"shifts": shifts, "week": week}) if code == "overlapping_shifts"]
    assert found == ["week.mon", "week.tue", "week.thu"]


def test_every_shift_that_is_not_there_is_told_of_once():
    rostered = frozenset({(("YY",), ()), (("ZZ",), ()), (("YY", "YY"), ())})

    faults = [fault for fault in lint(rules(), Use(rostered=rostered)) if fault.code == "unknown_shift"]
    assert [fault.args["shift"] for fault in faults] == ["YY", "ZZ"]


def test_two_shifts_may_overlap_on_one_date_and_from_one_to_the_next():
    shifts = {"A": {"segments": ["06:00-32:00"]}, "B": {"segments": ["07:00-12:00"]}}
    week = {"mon": ["A", "B"], "wed": "A", "thu": "B", "fri": "A", "sat": "B"}

    found = [place for code, place in told({"shifts": shifts, "week": week}) if code == "overlapping_shifts"]
    assert found == ["week.mon", "week.wed"]


def test_free_hours_are_never_longer_than_a_pair():
    policy = {"max_shift_min": 60, "late_grace_min": 200}

    assert told({"shifts": {"DAY": {**DAY, "kind": "free"}}, "policy": policy}, Use(members=1)) == {}

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction

from scripts.story import compare
from scripts.story.days import Verdict

VERDICT = Verdict(
    late_n=1,
    late_min=7,
    early_n=2,
    early_min=9,
    leave_days={"sick": Fraction(1, 4)},
    trip_days=Fraction(1, 2),
    overtime_min={"workday": 150},
)


def test_a_month_told_rightly_has_no_difference():
    totals: dict[str, compare.Json] = {
        "late_n": 1,
        "late_min": 7,
        "early_n": 2,
        "early_min": 9,
        "leave_days": {"sick": 0.25, "annual": 0},
        "trip_days": "1/2",
        "overtime_min": {"workday": 150, "rest": 0},
        "due_days": 21,
    }

    assert list(compare.differences(compare.expected(VERDICT), compare.of_month(totals))) == []


def test_a_day_counts_its_findings():
    day: dict[str, compare.Json] = {"findings": ["late", "early", "early"], "late_min": 7, "early_min": 9}

    assert list(compare.differences(compare.expected(VERDICT), compare.of_day(day))) == [
        "leave_days.sick: expected 1/4, got 0",
        "overtime_min.workday: expected 150, got 0",
        "trip_days: expected 1/2, got 0",
    ]


def test_what_the_story_does_not_know_is_a_difference_too():
    got = compare.of_month({"serious_late_n": 1})

    assert list(compare.differences({}, got)) == ["serious_late_n: expected 0, got 1"]


def test_every_number_of_a_verdict_is_compared():
    compared = {*compare._NUMBERS, *compare._EVENTS, *compare._MAPS}

    assert compared == {field.name for field in fields(Verdict)}

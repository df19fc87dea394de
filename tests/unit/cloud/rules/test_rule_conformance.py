"""The case runner: what it prints, and what it says of a file it cannot read."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from cloud.conformance import BadCaseFile, load, run

GOOD = """
defaults:
  zone: Asia/Shanghai
  shifts: {DAY: {segments: [09:00-12:00, 13:00-18:00]}}
  as_of: 2026-11-30 00:00
cases:
- id: one
  rules: [L1]
  roster: {2026-11-18: DAY}
  punches: [2026-11-18 09:06 18:00]
  expect:
    2026-11-18: {findings: [late], late_min: LATE}
  expect_month:
    2026-11: {late_n: 1}
"""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "cases.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_case_that_holds(tmp_path):
    out = io.StringIO()

    assert run([write(tmp_path, GOOD.replace("LATE", "6"))], json=False, out=out) == 0
    assert out.getvalue() == "ok one\n"


def test_a_case_that_differs(tmp_path):
    out = io.StringIO()

    assert run([write(tmp_path, GOOD.replace("LATE", "7"))], json=False, out=out) == 1
    assert out.getvalue() == "DIFFERS one\n    2026-11-18.late_min: expected 7, found 6\n"


def test_maps_compare_listed_keys_and_an_empty_one_demands_all_zero(tmp_path):
    text = GOOD.replace(
        "late_min: LATE", "minute_partition: {absent: 0}, leave_days: {sick: 0}, overtime_min: {}"
    )
    (held,) = load(write(tmp_path, text))
    (differs,) = load(write(tmp_path, GOOD.replace("late_min: LATE", "minute_partition: {}")))

    assert held.differences == []
    assert len(differs.differences) == 1
    assert differs.differences[0].startswith("2026-11-18.minute_partition: expected all zero, found")


def test_json_has_every_field(tmp_path):
    out = io.StringIO()

    assert run([write(tmp_path, GOOD.replace("LATE", "7"))], json=True, out=out) == 1
    (case,) = json.loads(out.getvalue())
    assert (case["id"], case["ok"], case["error"]) == ("one", False, None)
    assert case["differences"] == ["2026-11-18.late_min: expected 7, found 6"]
    day = case["days"]["2026-11-18"]
    assert day["shifts"]["DAY"]["in_at"] == "2026-11-18T09:06:00+08:00"
    assert day["overtime_min"] == {"workday": 0, "rest": 0, "statutory": 0}
    assert day["minute_partition"]["present"] == 474
    assert day["explanation"]
    assert case["months"]["2026-11"]["late_n"] == 1


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("rules: [L1]", "rule: [L1]", 8, "unknown key 'rule'; allowed are id, title"),
        ("2026-11-18: DAY", "2026-11-18: DAX", 9, "'DAX' is none of DAY, off"),
        ("2026-11-18: DAY", "2026-11-31: DAY", 9, "day is out of range"),
        ("09:06 18:00]", "09:66 18:00]", 10, "minute must be in 0..59"),
        ("09:06 18:00]", "09:06 24:01]", 10, "hour must be in 0..23"),
        ("09:00-12:00", "09:00", 4, "'09:00' is no clock span"),
        ("Asia/Shanghai", "Asia/Nowhere", 3, "is no IANA zone"),
        ("late_min: LATE", "late: 6", 12, "unknown key 'late'; allowed are state, duty"),
        ("{late_n: 1}", "{late_x: 1}", 14, "unknown key 'late_x'"),
        ("2026-11: {", "2026-13: {", 14, "'2026-13' is no month"),
        ("  punches:", "  roster: {}\n  punches:", 10, "key 'roster' stands twice"),
        ("as_of: 2026-11-30 00:00", "as_of: soon", 5, "'soon'"),
        ("  as_of: 2026-11-30 00:00\n", "", 6, "key 'as_of' is missing"),
        ("DAY}\n", "{shift: DAY, zone: Asia/Nowhere}}\n", 9, "'Asia/Nowhere' is no IANA zone"),
        (
            "  punches:",
            "  policy: [{version: a}, {version: b}]\n  punches:",
            10,
            "a second version without from",
        ),
        (
            "  punches:",
            "  policy: [{version: a}, {version: b, from: 0001-01-01}]\n  punches:",
            10,
            "a second version from 0001-01-01",
        ),
        (
            "  punches:",
            "  policy:\n  - {from: 2026-11-01}\n  - {from: 2026-11-01}\n  punches:",
            12,
            "a second version from 2026-11-01",
        ),
        (
            "  punches:",
            "  records: [{kind: trip, unit: day, from: 2026-11-18 pm, to: 2026-11-18 am}]\n  punches:",
            10,
            "2026-11-18 am lies before 2026-11-18 pm",
        ),
        (
            "  punches:",
            "  records: [{kind: trip, from: 2026-11-18 10:00, to: 2026-11-18 09:59}]\n  punches:",
            10,
            "2026-11-18 09:59 lies before 2026-11-18 10:00",
        ),
        ("  punches:", "  locks: [{month: 2026-13, at: 2026-11-05}]\n  punches:", 10, "YYYY-MM"),
    ],
)
def test_a_bad_case_is_told_by_file_line_key_and_what_is_allowed(tmp_path, old, new, line, said):
    file = write(tmp_path, GOOD.replace(old, new).replace("LATE", "6"))
    out = io.StringIO()

    assert run([file], json=False, out=out) == 1
    assert out.getvalue().startswith(f"BAD one\n    {file}:{line}: ")
    assert said in out.getvalue()


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("  punches:", "  policy: {pairing: all}\n  punches:", 10, "not one of first_last, alternate"),
        (
            "  punches:",
            "  policy:\n    late_grace_min: 5\n    late_grace: 5\n  punches:",
            12,
            "late_grace; known are",
        ),
        (
            "  punches:",
            "  policy:\n  - {}\n  - from: 2026-11-01\n    pairing: all\n  punches:",
            13,
            "not one of",
        ),
        ("13:00-18:00", "11:00-18:00", 4, "bad_shift"),
        ("18: DAY", "18: [DAY, DAY]", 9, "overlapping_shifts"),
    ],
)
def test_a_refused_case_is_told_by_file_and_line(tmp_path, old, new, line, said):
    file = write(tmp_path, GOOD.replace(old, new).replace("LATE", "6"))
    out = io.StringIO()

    assert run([file], json=False, out=out) == 1
    assert out.getvalue().startswith(f"DIFFERS one\n    {file}:{line}: refused: ")
    assert said in out.getvalue()


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("  zone:", "  as_of: 2026-11-30\n  zone:", 6, "key 'as_of' stands twice"),
        ("cases:", "others: []\ncases:", 6, "unknown key 'others'; allowed are defaults, cases"),
        ("[late]", "[late", 12, "is no YAML"),
    ],
)
def test_a_bad_file_is_told_by_file_and_line(tmp_path, capsys, old, new, line, said):
    file = write(tmp_path, GOOD.replace(old, new).replace("LATE", "6"))

    assert run([file], json=False, out=io.StringIO()) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"{file}:{line}: ")
    assert said in complaint


def test_a_bad_case_does_not_hide_the_others(tmp_path):
    text = GOOD.replace("LATE", "6") + "- {id: two, zone: Mars/Base}\n- {id: three, expect: {}}\n"
    out = io.StringIO()

    assert run([write(tmp_path, text)], json=True, out=out) == 1
    one, two, three = json.loads(out.getvalue())
    assert (one["ok"], two["ok"], three["ok"]) == (True, False, True)
    assert two["error"] == "bad_case"


def test_a_bad_file_does_not_hide_the_others(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("[]", encoding="utf-8")
    out = io.StringIO()

    assert (
        run([bad, tmp_path / "none.yaml", write(tmp_path, GOOD.replace("LATE", "6"))], json=False, out=out)
        == 1
    )
    assert out.getvalue() == "ok one\n"


def test_an_id_stands_once(tmp_path):
    file = write(tmp_path, GOOD.replace("LATE", "6"))
    out = io.StringIO()

    assert run([file, file], json=False, out=out) == 1
    assert f"{file}:7: id 'one' is also at {file}:7" in out.getvalue()


def test_clock_times_dates_and_off_are_texts(tmp_path):
    text = GOOD.replace("LATE", "0").replace("findings: [late]", "duty: off").replace("18: DAY", "18: off")

    (result,) = load(write(tmp_path, text))
    assert result.differences == ["2026-11.late_n: expected 1, found 0"]


def test_load_raises_on_a_bad_file(tmp_path):
    with pytest.raises(BadCaseFile, match=r"cases\.yaml:1: has no list of cases"):
        load(write(tmp_path, "defaults: {}"))


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("cases: []\n", "key 'cases' stands twice"),
        ("[cases]: []\n", "a key is no text"),
    ],
)
def test_keys_of_a_file_stand_once(tmp_path, more: str, what: str):
    with pytest.raises(BadCaseFile, match=rf"cases.yaml:14: {what}"):
        load(write(tmp_path, GOOD.lstrip() + more))

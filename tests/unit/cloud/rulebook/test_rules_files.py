from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from cloud.rulebook import files
from cloud.rulebook.draft import DropVersion, SetDay, SetGroup, SetShift, SetVersion, draft
from cloud.rulebook.files import BadFile, ReadFile
from tests.unit.cloud.rulebook.conftest import LAB, Firm

GOOD = """\
group: lab
shifts:
  NIGHT: {segments: [22:00-26:00, 27:00-30:00]}
  LATE: {segments: [14:00-22:00]}
week: {mon: LATE, tue: [DAY], wed: off}
policy:
- {version: old, late_grace_min: 5}
- {version: new, from: 2026-12-01, late_grace_min: 0, overtime_breaks: [18:00-18:30]}
calendar: {2026-12-25: rest, 2026-10-01: none, 2026-03-08: {kind: half, half: pm}}
"""


def test_a_file_becomes_the_changes_it_asks_for(firm: Firm):
    found = files.read(GOOD, firm.tables())

    assert isinstance(found, ReadFile)
    assert found.changes == [
        SetShift("LATE", {"segments": ["14:00-22:00"]}),
        SetGroup(LAB, "实验室", {"mon": "LATE", "tue": ["DAY"], "wed": "off"}),
        SetVersion(LAB, None, "old", {"late_grace_min": 5}),
        SetVersion(LAB, date(2026, 12, 1), "new", {"late_grace_min": 0, "overtime_breaks": ["18:00-18:30"]}),
        SetDay(date(2026, 3, 8), "half", "pm", source="file"),
        SetDay(date(2026, 10, 1), None),
        SetDay(date(2026, 12, 25), "rest", source="file"),
    ]


def test_a_file_read_again_asks_for_nothing(firm: Firm):
    tables = firm.tables()
    found = files.read(GOOD, tables)
    assert isinstance(found, ReadFile)

    again = files.read(GOOD, draft(tables, found.changes).after)

    assert isinstance(again, ReadFile)
    assert again.changes == []


def test_versions_the_file_does_not_have_are_dropped(firm: Firm):
    found = files.read("group: lab\npolicy: {version: b, from: 2026-12-01}", firm.tables())

    assert isinstance(found, ReadFile)
    assert found.changes == [DropVersion(LAB, None), SetVersion(LAB, date(2026, 12, 1), "b", {})]


def test_a_new_group_needs_a_name(firm: Firm):
    new = "group: shop\nname: 门店\nweek: {mon: DAY}\npolicy: {version: s1, from: 2026-12-01}"
    found = files.read(new, firm.tables())
    assert isinstance(found, ReadFile)
    made = draft(firm.tables(), found.changes).after.groups["shop"]
    assert (made.name, [one.version for one in made.versions]) == ("门店", ["s1"])

    unknown = files.read("# shop\ngroup: shop\nweek: {mon: DAY}", firm.tables())
    assert isinstance(unknown, list)
    assert [(bad.line, bad.place, bad.fault.code) for bad in unknown] == [(2, "group", "unknown_group")]
    assert "known are default, lab" in unknown[0].sentence("en")


def test_a_group_can_be_called_by_its_name(firm: Firm):
    found = files.read("group: 实验室\nweek: {mon: DAY}", firm.tables())

    assert isinstance(found, ReadFile)
    assert found.changes == [SetGroup(LAB, "实验室", {"mon": "DAY"})]


BAD = """\
shifts:
  N:
    segments: [22:00-30:00]
    colour: blue
  Q: {segments: [25:99-26:00]}
policy:
- late_grace_min: -1
- version: b
  from: 2026-13-01
  foo: 2
week:
  mon: ZZ
"""


def test_each_bad_value_is_told_with_its_line_and_key(firm: Firm):
    found = files.read(BAD, firm.tables())

    assert isinstance(found, list)
    assert {(bad.line, bad.place) for bad in found} == {
        (4, "shifts.N.colour"),
        (5, "shifts.Q.segments.0"),
        (7, "policy.0.late_grace_min"),
        (9, "policy.1.from"),
        (10, "policy.1.foo"),
        (12, "week.mon"),
    }


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("policy:\n- {version: a}\n- {version: b}", 3, "overlapping_versions"),
        (
            "policy:\n- {version: a, from: 2026-03-01}\n- {version: b, from: 2026-03-01}",
            3,
            "overlapping_versions",
        ),
        ("policy:\n  version: a\n  late_grace_min: x", 3, "bad_parameter"),
        ("week:\n  mon: DAY\n  mon: DAY", 3, "bad_value"),
        ("a: [", 1, "bad_value"),
        ("", 1, "bad_value"),
        ("- 1", 1, "bad_value"),
        ("shift: {}", 1, "bad_value"),
    ],
)
def test_a_file_that_cannot_be_used_says_where(firm: Firm, text: str, line: int, code: str):
    found = files.read(text, firm.tables())

    assert isinstance(found, list)
    assert [(bad.line, bad.fault.code) for bad in found] == [(line, code)]


def test_rules_written_to_a_file_read_back_the_same(firm: Firm):
    tables = firm.tables()
    found = files.read(GOOD, tables)
    assert isinstance(found, ReadFile)
    after = draft(tables, found.changes).after

    text = files.write(after, LAB)

    again = files.read(text, replace(after, groups={**tables.groups}))
    assert isinstance(again, ReadFile)
    assert draft(replace(after, groups=tables.groups), again.changes).after.groups[LAB] == after.groups[LAB]
    unchanged = files.read(text, after)
    assert isinstance(unchanged, ReadFile)
    assert unchanged.changes == []


def test_a_file_that_is_no_text_is_told(tmp_path: Path):
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadFile, match="not UTF-8"):
        files.read_text(path)
    path.write_bytes(b"#" * (files.MAX_BYTES + 1))
    with pytest.raises(BadFile, match="larger than"):
        files.read_text(path)
    with pytest.raises(BadFile, match="No such file"):
        files.read_text(tmp_path / "none.yaml")

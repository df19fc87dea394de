from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloud.commands.policy import PolicyFiles
from cloud.errors import CloudError
from cloud.reports.dates import Month
from tests.e2e.pages_seed import person_id
from tests.unit.cloud.rulebook.conftest import Firm

NOVEMBER = Month(2026, 11)
STRICT = "group: lab\npolicy: {version: lab2, late_grace_min: 0}\n"


def commands(firm: Firm) -> PolicyFiles:
    return PolicyFiles(firm.database, firm.view)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    return path


def test_lint_says_file_line_severity_and_sentence(firm: Firm, tmp_path: Path, capsys):
    path = written(tmp_path, "shifts:\n  X: {segments: [12:00-09:00]}\n  SPARE: {segments: [09:00-10:00]}\n")

    assert commands(firm).lint(path, as_json=False) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}:2: error: shift X: segment 12:00-09:00 does not end after it starts"
    assert f"{path}:3: warning: shift SPARE is used by no group and no roster" in lines
    assert lines[-1] == "1 error, 2 warnings"


LINTED = {
    "overlapping windows": (
        "group: lab\nshifts:\n  EVE: {segments: [18:30-22:00]}\nweek: {mon: [DAY, EVE]}\n",
        4,
        "warning: the windows of DAY and EVE (Monday) overlap from 15:30 to 00:00",
    ),
    "grace over the break": (
        "group: lab\npolicy:\n  version: lab2\n  late_grace_min: 180\n",
        4,
        "warning: shift DAY: late grace of 180 min reaches over the break at 12:00 (lab2)",
    ),
    "a window of 24 hours": (
        "shifts:\n  DAY: {segments: [09:00-12:00, 13:00-18:00]}\n  LONG: {segments: [00:00-15:00]}\n",
        3,
        "error: shift LONG: a window of 1440 min reaches 24 h",
    ),
}


@pytest.mark.parametrize("what", LINTED)
@pytest.mark.parametrize("command", ["lint", "import"])
def test_what_the_linter_knows_is_told_with_its_line(
    firm: Firm, tmp_path: Path, capsys, what: str, command: str
):
    text, line, said = LINTED[what]
    path = written(tmp_path, text)

    if command == "lint":
        commands(firm).lint(path, as_json=False)
    else:
        commands(firm).import_file(path, dry_run=False)

    told = capsys.readouterr()
    assert f"{path}:{line}: {said}" in told.out + told.err


def test_people_without_a_group_are_told_of_whatever_is_saved(firm: Firm, tmp_path: Path, capsys):
    path = written(tmp_path, STRICT)

    assert commands(firm).lint(path, as_json=False) == 0
    assert commands(firm).import_file(path, dry_run=False) == 0

    said = "2 people are in no group and are judged by the default group"
    assert capsys.readouterr().out.count(said) == 2


def test_lint_of_a_sound_file_says_only_what_is_so_already(firm: Firm, tmp_path: Path, capsys):
    path = written(tmp_path, STRICT)

    assert commands(firm).lint(path, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert all(one["standing"] and one["line"] is None for one in found)
    assert commands(firm).lint(path, as_json=False) == 0
    *standing, last = capsys.readouterr().out.splitlines()
    assert "already so: warning: 2 people are in no group and are judged by the default group" in standing
    assert last == "0 errors, 0 warnings"


def test_show_prints_what_lint_reads(firm: Firm, tmp_path: Path, capsys):
    assert commands(firm).show("实验室") == 0
    text = capsys.readouterr().out
    assert "group: lab" in text
    assert commands(firm).lint(written(tmp_path, text), as_json=False) == 0
    assert commands(firm).show("nobody") == 2


def test_what_if_lists_days_and_stores_nothing(firm: Firm, tmp_path: Path, capsys):
    before = firm.tables()

    assert commands(firm).what_if(written(tmp_path, STRICT), NOVEMBER, as_json=True) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["judged"] == 24
    assert {row["employee_no"] for row in found["differing"]} <= {"1001"}
    assert firm.tables() == before
    assert firm.stale() == {}


def test_what_if_of_everybody_says_what_becomes_of_the_late(firm: Firm, tmp_path: Path, capsys):
    kind = "policy: {version: v2, late_grace_min: 30, absent_over_min: 120}\n"

    assert commands(firm).what_if(written(tmp_path, kind), NOVEMBER, as_json=False) == 0

    *days, summary, fields = capsys.readouterr().out.splitlines()
    assert days
    assert all("findings late -> none" in day or "serious_late" in day for day in days)
    assert summary.endswith("people would differ")
    assert fields.startswith("by field: ")


def test_a_version_to_come_is_tried_as_if_it_had_held_that_month(firm: Firm, tmp_path: Path, capsys):
    held = "policy:\n- {version: v1, late_grace_min: 5, serious_late_over_min: 30, absent_over_min: 120}\n"
    path = written(tmp_path, held + "- {version: v2, from: 2026-12-01, late_grace_min: 60}\n")

    assert commands(firm).what_if(path, NOVEMBER, as_json=True) == 0

    assert json.loads(capsys.readouterr().out)["differing"]
    assert firm.stale() == {}


def test_import_puts_a_file_in_force_and_says_what_it_costs(firm: Firm, tmp_path: Path, capsys):
    path = written(tmp_path, STRICT)

    assert commands(firm).import_file(path, dry_run=True) == 0
    assert firm.stale() == {}
    assert commands(firm).import_file(path, dry_run=False) == 0

    days = firm.stale()
    assert set(days) == {person_id("1001")}
    said = capsys.readouterr().out
    assert f"1 changes, {len(days[person_id('1001')])} days to judge again" in said
    assert firm.tables().groups["lab"].versions[0].version == "lab2"


def test_a_file_with_an_error_changes_nothing(firm: Firm, tmp_path: Path, capsys):
    before = firm.tables()
    path = written(tmp_path, "policy: {late_grace_min: -1}\n")

    assert commands(firm).import_file(path, dry_run=False) == 1
    assert commands(firm).what_if(path, NOVEMBER, as_json=False) == 1

    assert firm.tables() == before
    assert f"{path}:1: error: policy.0.late_grace_min: late_grace_min cannot be -1" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_told(firm: Firm, tmp_path: Path):
    with pytest.raises(CloudError, match="No such file"):
        commands(firm).lint(tmp_path / "none.yaml", as_json=False)

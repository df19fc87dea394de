from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from scripts.story import plan, records
from scripts.story.people import Rhythm

TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def story() -> plan.Story:
    return plan.tell(TODAY)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_story_writes_the_same_bytes(story, tmp_path: Path):
    one = {kind: path.read_bytes() for kind, path in records.write(story, tmp_path / "a")}
    two = {kind: path.read_bytes() for kind, path in records.write(plan.tell(TODAY), tmp_path / "b")}

    assert one == two
    assert list(one)[:3] == ["people", "calendar", "roster"]


def test_every_form_is_in_one_file_under_one_number(story, tmp_path: Path):
    files = dict(records.write(story, tmp_path))
    ids = [
        row["id"]
        for kind, path in files.items()
        if kind not in {"people", "calendar", "roster"}
        for row in read(path)
    ]

    assert len(ids) == len(set(ids)) == len(story.forms)


def test_the_roster_speaks_of_every_date_of_those_it_is_for(story, tmp_path: Path):
    rows = read(dict(records.write(story, tmp_path))["roster"])
    rostered = [member for member in story.members if member.rhythm is not Rhythm.OFFICE]

    assert {row["employee_no"] for row in rows} == {member.employee_no for member in rostered}
    assert {row["shift"] for row in rows} == {"DAY", "NIGHT", "off"}
    assert len(rows) == len(rostered) * ((TODAY - story.span.first).days + 1 + 14)


def test_a_correction_of_a_night_names_the_date_it_began_on(story, tmp_path: Path):
    rows = read(dict(records.write(story, tmp_path))["correction"])
    nights = [row for row in rows if row["side"] == "out" and row["at"].endswith("06:00")]

    assert all(row["date"] < row["at"][:10] for row in nights)
    assert all(row["date"] == row["at"][:10] for row in rows if row not in nights)


def test_who_left_is_told_apart(story, tmp_path: Path):
    hired = read(dict(records.write(story, tmp_path))["people"])
    left = read(records.leavers(story, tmp_path))

    assert len(hired) == 150
    assert "last_day" not in hired[0]
    assert [row["last_day"] for row in left] == [str(m.last_day) for m in story.members if m.last_day]
    assert len(left) == 1

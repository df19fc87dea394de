from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path
from random import Random

import pytest

from edge.health.machine import Machine
from edge.punch.ledger import Ledger
from edge.punch.rows import between
from models.ids import PersonId, TerminalId
from models.punch import Punch
from scripts.story import doors, plan


@pytest.fixture(scope="module")
def story() -> plan.Story:
    return plan.tell(date(2026, 11, 24))


def written(folder: Path, story: plan.Story, seed: int) -> list[Punch]:
    presses = [press for press in story.presses if press.door == 2]
    people = {member.employee_no: PersonId(f"p-{member.employee_no}") for member in story.members}
    with Ledger(folder / "ledger.db", TerminalId("t-1"), Machine("m", "past")) as ledger:
        stored = doors.write_history(ledger, presses, people, Random(seed))
        assert stored == len(presses)
        return ledger.write(lambda db: between(db, ledger.stream, 1, stored))


def test_the_past_of_a_door_is_in_its_ledger_in_order(tmp_path: Path, story):
    punches = written(tmp_path, story, seed=1)

    assert [punch.seq for punch in punches] == list(range(1, len(punches) + 1))
    assert [punch.wall_ms for punch in punches] == [p.wall_ms for p in story.presses if p.door == 2]
    assert len({punch.punch_id for punch in punches}) == len(punches)
    assert punches[0].monotonic_ms == 0
    assert all(
        later.monotonic_ms - earlier.monotonic_ms == later.wall_ms - earlier.wall_ms
        for earlier, later in itertools.pairwise(punches)
    )


def test_the_same_seed_writes_the_same_punch_ids(tmp_path: Path, story):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    one, two = (written(tmp_path / name, story, seed=5) for name in "ab")

    assert [punch.punch_id for punch in one] == [punch.punch_id for punch in two]

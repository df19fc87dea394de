from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from tests.chaos.checker import Attempt, Outcome, Row, copies, promises

ID = UUID(int=1)
OTHER = UUID(int=2)
OK = Attempt("t", "p-1", Outcome.OK, ID)
INFO = Attempt("t", "p-2", Outcome.INFO)
FAIL = Attempt("t", "p-3", Outcome.FAIL)
ROW = Row("t", b"s", 1, ID, "p-1", (7,))
MAYBE = Row("t", b"s", 2, OTHER, "p-2", (8,))


@pytest.mark.parametrize("rows", [[ROW], [ROW, MAYBE]])
def test_what_was_told_is_there_and_a_death_in_between_may_go_either_way(rows: list[Row]):
    assert promises([OK, INFO, FAIL], rows, "here").bad == 0
    assert copies(rows, rows).bad == 0


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([MAYBE], "lost"),
        ([ROW, replace(ROW, seq=3)], "doubled"),
        ([ROW, MAYBE, replace(MAYBE, seq=3, punch_id=UUID(int=3))], "ghosts"),
        ([ROW, replace(MAYBE, person="p-3")], "ghosts"),
        ([ROW, replace(MAYBE, person="p-9")], "ghosts"),
        ([replace(ROW, person="p-2")], "altered"),
    ],
)
def test_each_broken_promise_is_found(rows: list[Row], kind: str):
    assert promises([OK, INFO, FAIL], rows, "here").kinds()[kind]


def test_each_difference_between_door_and_cloud_is_found():
    assert copies([ROW], []).lost
    assert copies([ROW], [replace(ROW, content=(9,))]).altered
    assert copies([ROW], [replace(ROW, punch_id=OTHER)]).altered
    assert copies([ROW], [ROW, MAYBE]).ghosts

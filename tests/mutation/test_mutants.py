"""The mutants do differ, and the page hides none that nobody explained."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.mutation.mutants import ROOT, mutants
from tests.mutation.report import render

CAUGHT = ["cloud.rules.a", "a.f: 1  →  2", "caught"]
SURVIVED = ["cloud.rules.a", "a.f: 2  →  3", "survived"]
REPORT = {
    "commit": "c",
    "machine": "m",
    "load": 1.0,
    "seconds": 60.0,
    "tried": "1 in 4",
    "mutants": [CAUGHT, SURVIVED],
}


def test_a_mutant_is_the_function_with_one_change():
    found = {mutant.name: mutant for mutant in mutants(ROOT / "cloud/rules/rounding.py")}

    assert len(found) > 5
    assert all(one.changed.__code__ != one.target.__code__ for one in found.values())
    assert {one.target(Fraction(1, 3)) for one in found.values()} == {0.3333}
    assert all(one.name.startswith("rounding.") for one in found.values())


def test_what_has_no_reason_is_listed_as_such():
    page = render([REPORT], [])

    assert "## Unexplained" in page
    assert "- `` a.f: 2  →  3 ``" in page
    assert "a.f: 1  →  2" not in page
    assert "| `cloud.rules.a` | 1 in 4 | 2 | 1 | 1 | 0 | 50.0% |" in page


def test_what_has_a_reason_is_listed_under_it():
    page = render([REPORT], [{"title": "Same", "reason": "It is the same.", "mutants": [SURVIVED[1]]}])

    assert "## Unexplained" not in page
    assert "## Same\n\nIt is the same.\n\n- `` a.f: 2  →  3 ``" in page


def test_a_reason_for_what_is_caught_is_refused():
    with pytest.raises(ValueError, match="1  →  2"):
        render([REPORT], [{"title": "Same", "reason": "It is the same.", "mutants": [CAUGHT[1]]}])

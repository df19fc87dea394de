"""Every case of the public conformance suite, its whole result, and every rule named by some case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloud.conformance import WrittenCase
from tests.golden.rules.results import cases, reviewed

ROOT = Path(__file__).parents[4]
CASES = cases()
REVIEWED = reviewed()
RULE = re.compile(r"\*\*([TDAPJLOSCMV]\d+)\*\*")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.case_id)
def test_case(case: WrittenCase):
    result = case.run()

    assert result.differences == []
    assert result.plain() == REVIEWED[case.case_id]


def test_ids_are_unique():
    ids = [case.case_id for case in CASES]

    assert len(ids) == len(set(ids))


def test_every_rule_of_the_text_is_named_by_a_case():
    in_text = set(RULE.findall((ROOT / "docs" / "reference" / "rules.md").read_text(encoding="utf-8")))
    named = {
        rule.text()
        for case in CASES
        if (rules := case.node and case.node.get("rules"))
        for rule in rules.list()
    }

    assert sorted(in_text - named) == []
    assert sorted(named - in_text) == []

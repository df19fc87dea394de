"""Every case of the public conformance suite, and every rule named by some case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloud.conformance import load
from cloud.rules.cases import CaseResult

ROOT = Path(__file__).parents[4]
FILES = sorted((ROOT / "tests" / "golden" / "rules").glob("*.yaml"))
RESULTS = [result for file in FILES for result in load(file)]
RULE = re.compile(r"\*\*([TDAPJLOSCMV]\d+)\*\*")


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.case_id)
def test_case(result: CaseResult):
    assert result.differences == []


def test_ids_are_unique():
    ids = [result.case_id for result in RESULTS]

    assert len(ids) == len(set(ids))


def test_every_rule_of_the_text_is_named_by_a_case():
    written = set(RULE.findall((ROOT / "docs" / "reference" / "rules.md").read_text(encoding="utf-8")))
    named = {rule for result in RESULTS for rule in result.rules}

    assert sorted(written - named) == []
    assert sorted(named - written) == []

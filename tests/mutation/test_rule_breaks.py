"""Every rule of the text has an own case whose outcome depends on it."""

from __future__ import annotations

import inspect
import re
import textwrap
from importlib import import_module
from types import FunctionType

import pytest

from cloud.conformance import WrittenCase
from tests.golden.rules.results import cases
from tests.mutation.breaks import BREAKS, ELSEWHERE, Break
from tests.mutation.mutants import ROOT, compiled

RULE = re.compile(r"\*\*([TDAPJLOSCMV]\d+)\*\*")


def own_cases(rule: str) -> list[WrittenCase]:
    """Cases of our own, not adopted from elsewhere, that say they are about the rule."""
    return [
        case
        for case in cases()
        if case.source.file.name.startswith("own-")
        and case.node is not None
        and (rules := case.node.get("rules"))
        and rule in [one.text() for one in rules.list()]
    ]


def function_of(path: str) -> FunctionType:
    module, *names = path.split(".")
    found: object = import_module(f"cloud.rules.{module}")
    for name in names:
        found = vars(found)[name]
    assert isinstance(found, FunctionType)
    return found


def broken(function: FunctionType, one: Break) -> FunctionType:
    text = textwrap.dedent(inspect.getsource(function))
    assert text.count(one.piece) == 1, (one, text.count(one.piece))
    module = import_module(function.__module__)
    found = compiled(text.replace(one.piece, one.instead), module, function.__name__)
    assert found is not None
    return found


def test_every_rule_of_the_text_has_its_break():
    in_text = set(RULE.findall((ROOT / "docs/reference/rules.md").read_text(encoding="utf-8")))

    assert in_text == set(BREAKS) | set(ELSEWHERE)


@pytest.mark.parametrize("rule", BREAKS)
def test_an_own_case_depends_on_the_rule(rule: str, monkeypatch: pytest.MonkeyPatch):
    function = function_of(BREAKS[rule].function)
    about = own_cases(rule)
    assert all(case.run().ok for case in about)

    monkeypatch.setattr(function, "__code__", broken(function, BREAKS[rule]).__code__)

    assert [case.case_id for case in about if not case.run().ok] != []

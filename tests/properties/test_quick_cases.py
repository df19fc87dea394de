"""Every golden case is judged alike both ways, as it is written and with a terminal for each punch."""

from __future__ import annotations

from dataclasses import replace

from cloud.attendance.shapes import Shapes
from cloud.rules.casefile import facts
from cloud.rules.casenode import BadCase, Node
from cloud.rules.errors import RefusedInput
from cloud.rules.facts import PersonFacts
from cloud.rules.plan import PlanBook
from models.punch import Method
from tests.golden.rules.results import cases
from tests.properties.quick_proof import Proof, compare
from tests.properties.rules_population import Month

LEAST_ANSWERED = 800


def test_golden_cases_are_judged_alike():
    proof = Proof()
    for case in cases():
        judge_both_ways(proof, case.case_id, case.node)

    assert proof.different == []
    assert proof.answered > LEAST_ANSWERED


def judge_both_ways(proof: Proof, case_id: str, node: Node | None) -> None:
    expected = None if node is None else node.get("expect")
    if node is None or expected is None:
        return
    try:
        person = facts(node)
        shapes = Shapes(PlanBook(person.rules))
    except (BadCase, RefusedInput):
        return
    dates = sorted(Node(key, one.path).day() for key, one in expected.items())
    # The second time, what the first has asked is known.
    for who in (person, named(person), named(person)):
        compare(proof, case_id, Month(who, dates[0], dates[-1]), shapes)


def named(person: PersonFacts) -> PersonFacts:
    """The same punches, each at a terminal and by some evidence, as those of a database are."""
    punches = [
        replace(fact, device=fact.device or "d", method=fact.method or Method.FACE) for fact in person.punches
    ]
    return replace(person, punches=tuple(punches))

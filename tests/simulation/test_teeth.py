"""The simulation is worth nothing if it cannot fail: planted bugs are caught, and so are bad disks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog

from tests.simulation import planted, powercuts
from tests.simulation.options import draw
from tests.simulation.planted import BUGS, Bug
from tests.simulation.shrink import as_test, shrink
from tests.simulation.world import Site

QUICK = [bug for bug in BUGS if bug.name in {"no unique key in the cloud", "synchronous=NORMAL"}]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def bench() -> Iterator[powercuts.Bench]:
    bench = powercuts.Bench()
    yield bench
    bench.close()


def test_there_are_enough_planted_bugs():
    assert len(BUGS) >= 12


@pytest.mark.parametrize("bug", QUICK, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(site: Site, bug: Bug):
    assert planted.hunt(site, bug, seeds=10) is not None


def test_a_failure_is_made_smaller_and_printed_as_a_test(site: Site):
    bug = next(bug for bug in BUGS if bug.name == "time rounded on the wire")
    with planted.planted(bug):
        failed = site.run(replace(draw(4), people=4, terminals=2, faults=("duplicate", "poison")))
        small = shrink(site, failed)

    assert small.violation is not None
    assert small.options.faults == ()
    assert small.options.terminals == small.options.people == 1
    assert "def test_seed_4_altered" in as_test(small)


def test_no_power_cut_takes_what_was_promised(bench: powercuts.Bench):
    cuts = bench.run(150, seed=1)

    assert cuts.bad == 0, cuts.problems
    assert cuts.torn
    assert cuts.beyond


def test_the_controls_lose_punches(bench: powercuts.Bench):
    assert all(control.bad for control in powercuts.controls(bench, seed=1, images=60).values())

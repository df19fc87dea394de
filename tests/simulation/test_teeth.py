"""The simulation is worth nothing if it cannot fail: planted bugs are caught, and so are bad disks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulation import planted, powercuts
from tests.simulation.options import draw
from tests.simulation.planted import BUGS, Bug
from tests.simulation.pool import Pool
from tests.simulation.powercuts import AS_IT_IS, LIES, NORMAL, Cuts, Part
from tests.simulation.release import Report
from tests.simulation.shrink import as_test, shrink
from tests.simulation.world import Site

QUICK = [bug for bug in BUGS if bug.name in {"no unique key in the cloud", "synchronous=NORMAL"}]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Pool(jobs=1) as pool:
        yield pool.site


def test_there_are_enough_planted_bugs():
    assert len(BUGS) >= 12


@pytest.mark.parametrize("bug", QUICK, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(site: Site, bug: Bug):
    assert planted.hunt(site, bug, seeds=10) is not None


def test_a_bug_that_is_none_is_not_caught(site: Site):
    assert planted.hunt(site, Bug("none", lambda _: None), seeds=12) is None


def test_a_failure_is_made_smaller_and_printed_as_a_test(site: Site):
    bug = next(bug for bug in BUGS if bug.name == "time rounded on the wire")
    with planted.planted(bug):
        failed = site.run(replace(draw(4), people=4, terminals=2, faults=("duplicate", "poison")))
        small = shrink(site, failed)

    assert small.violation is not None
    assert small.options.faults == ()
    assert small.options.terminals == small.options.people == 1
    assert "def test_seed_4_altered" in as_test(small)


def test_no_power_cut_takes_what_was_promised(site: Site):
    cuts = powercuts.run(site, Part(AS_IT_IS, images=150, first=1))

    assert cuts.bad == 0, cuts.problems
    assert cuts.torn
    assert cuts.beyond


@pytest.mark.parametrize("what", [NORMAL, LIES])
def test_a_control_loses_punches(site: Site, what: str):
    assert powercuts.run(site, Part(what, images=60, first=1)).bad


def test_a_control_that_loses_nothing_is_no_good_news():
    good = {AS_IT_IS: Cuts(images=9), NORMAL: Cuts(images=9, bad=1), LIES: Cuts(images=9, bad=1)}

    assert powercuts.are_good(good)
    assert not powercuts.are_good(good | {AS_IT_IS: Cuts(images=9, bad=1)})
    assert not powercuts.are_good(good | {NORMAL: Cuts(images=9)})


def test_a_release_run_that_is_cut_short_says_how_far_it_came(site: Site, tmp_path: Path):
    with Pool(jobs=1) as pool:
        report = Report(tmp_path / "simulation.md", "abc", pool)
        report.planted = [None] * len(BUGS)
        report.controls = {NORMAL: Cuts(images=9, bad=1), LIES: Cuts(images=9, bad=1)}
        report.totals.add(site.run(draw(0)))
        report.write()

    told = (tmp_path / "simulation.md").read_text(encoding="utf-8")
    assert "NOT complete" in told
    assert "| seeds | 10,000 | 1 | 0 |" in told
    assert told.count("NOT CAUGHT") == len(BUGS)
    assert not report.is_good

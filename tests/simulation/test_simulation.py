"""A few seeds, so that all tests run the simulation; ``scripts/simulate`` runs as many as wanted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.simulation.options import Options, draw
from tests.simulation.planted import BUGS, NEVER_OPENED, Bug, planted
from tests.simulation.pool import Pool
from tests.simulation.world import Site


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Pool(jobs=1) as pool:
        yield pool.site


@pytest.mark.parametrize("seed", range(12))
def test_no_punch_is_lost_and_none_is_counted_twice(site: Site, seed: int):
    result = site.run(draw(seed))

    assert result.violation is None, result.options.describe()


TWICE = next(bug for bug in BUGS if bug.name == "a card put back twice is not left again")
KEPT = {
    TWICE: Options(
        seed=15,
        people=1,
        terminals=1,
        brokers=1,
        workers=3,
        hours=2,
        faults=("partition", "worker_kill", "kill", "restore"),
        rate=0.2,
        actions=30,
        latency_ms=5,
        commit_ms=20,
        state_ms=28_800_000,
        reconnect_ms=1_800_000,
        patience_h=4,
    ),
    NEVER_OPENED: Options(
        seed=44,
        people=6,
        terminals=2,
        brokers=1,
        workers=1,
        hours=1,
        faults=("partition", "io_error", "torn_write"),
        rate=0.3,
        actions=60,
        latency_ms=400,
        commit_ms=1_000,
        state_ms=10_800_000,
        reconnect_ms=600_000,
        patience_h=2,
    ),
}
"""Options that failed once, shrunk, with a seed that shows the defect still, and the defect."""


@pytest.mark.parametrize("bug", KEPT, ids=lambda bug: bug.name)
def test_a_seed_that_failed_is_good_and_would_fail_again(site: Site, bug: Bug):
    assert site.run(KEPT[bug]).violation is None

    with planted(bug):
        found = site.run(KEPT[bug]).violation

    assert found is not None
    assert found.invariant == "not healed"


def test_a_seed_replays_to_the_same_trace(site: Site):
    first, again, other = (site.run(draw(seed)) for seed in (5, 5, 6))

    assert first.trace == again.trace
    assert first.trace != other.trace


def test_a_seed_replays_in_another_process(site: Site):
    code = (
        "from tests.simulation.options import draw\nfrom tests.simulation.pool import Pool\n"
        "with Pool(jobs=1) as pool: print(pool.site.run(draw(5)).trace)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == site.run(draw(5)).trace


def test_a_seed_comes_to_the_same_beside_others(site: Site):
    wanted = [draw(seed) for seed in (6, 5, 7)]

    with Pool(jobs=2) as pool:
        beside = [result.trace for result in pool.map(Site.run, wanted)]

    assert beside == [site.run(options).trace for options in wanted]

"""A few seeds, so that all tests run the simulation; ``scripts/simulate`` runs as many as wanted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulation.options import ALL, draw
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


@pytest.mark.parametrize("seed", [16, 17, 98])
def test_cards_are_put_back_cut_off_and_cloned(site: Site, seed: int):
    """Seeds that found something once."""
    drawn = draw(seed)
    kinds = tuple(name for name in ALL if name in {"restore", "clone", "kill"} or name in drawn.faults)

    result = site.run(replace(drawn, faults=kinds, actions=30, hours=min(drawn.hours, 4)))

    assert result.violation is None, result.options.describe()


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

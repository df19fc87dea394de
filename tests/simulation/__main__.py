"""``scripts/simulate``: run seeds, and say what went wrong with the shortest story there is."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rich.progress import track

from tests.simulation import planted, powercuts, release
from tests.simulation.options import ALL, Options, draw
from tests.simulation.pool import CORES, Pool
from tests.simulation.shrink import as_test, shrink
from tests.simulation.totals import Totals
from tests.simulation.world import Result, Site

_STORY_LINES = 80
_MANY_SEEDS = 2_000
"""So many must have taken every rare path."""


def main() -> int:
    """Exit 1 if any promise was broken."""
    wanted = _parse()
    with Pool(wanted.jobs) as pool:
        if wanted.planted:
            return planted.main(pool)
        if wanted.power_cuts:
            return powercuts.main(pool, wanted.power_cuts, wanted.seed)
        if wanted.release:
            return release.main(pool, wanted.release)
        return _run(pool, wanted)


def _run(pool: Pool, wanted: argparse.Namespace) -> int:
    totals, begun = Totals(), time.perf_counter()
    for result in _results(pool, wanted):
        totals.add(result)
        if wanted.seeds == 1:
            print(result.options.describe())
            print(f"trace {result.trace}")
        if wanted.story:
            print("\n".join(result.story))
        if result.violation is not None:
            _explain(pool.site, result)
    print(totals.text())
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(totals.as_json(), indent=2, ensure_ascii=False) + "\n")
    unreached = totals.never() if wanted.seeds >= _MANY_SEEDS and wanted.faults is None else []
    if unreached:
        print(f"never reached, so never tested: {', '.join(unreached)}")
    good = not (totals.failed or unreached)
    took = f"{time.perf_counter() - begun:.0f} s, {pool.cpu_s:.0f} s CPU"
    verdict = f"{len(totals.failed)} of {totals.seeds} seeds failed in {took}"
    print(f"simulate: {'good' if good else 'BAD'}, {verdict}")
    return 0 if good else 1


def _results(pool: Pool, wanted: argparse.Namespace) -> Iterator[Result]:
    results = pool.map(partial(Site.run, tell=wanted.story), _seeds(wanted))
    if wanted.seeds > 1 and sys.stderr.isatty():
        return iter(track(results, "seeds", total=wanted.seeds))
    return results


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--people", type=int)
    parser.add_argument("--terminals", type=int, choices=range(1, 51), metavar="1..50")
    parser.add_argument("--days", type=int)
    parser.add_argument("--faults", type=_faults, help=f"some of {','.join(ALL)}; none: no faults")
    parser.add_argument("--jobs", type=int, default=CORES, help="how many processes; one for each core")
    parser.add_argument("--json", type=Path, help="write the totals there")
    parser.add_argument("--story", action="store_true", help="tell what happened, line by line")
    parser.add_argument("--planted", action="store_true", help="plant bugs; each must be caught")
    parser.add_argument("--power-cuts", type=int, default=0, metavar="N", help="only so many power cuts")
    parser.add_argument("--release", type=Path, metavar="FILE", help="the long run; its report goes to FILE")
    return parser.parse_args()


def _faults(text: str) -> tuple[str, ...]:
    chosen = () if text == "none" else tuple(text.split(","))
    unknown = [name for name in chosen if name not in ALL]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: none of {', '.join(ALL)}")
    return chosen


def _seeds(wanted: argparse.Namespace) -> Iterator[Options]:
    for seed in range(wanted.seed, wanted.seed + wanted.seeds):
        yield draw(
            seed,
            people=wanted.people,
            terminals=wanted.terminals,
            days=wanted.days,
            faults=wanted.faults,
        )


def _explain(site: Site, result: Result) -> None:
    print(f"\nFAILED seed {result.options.seed}: {result.violation}")
    print(f"  {result.options.describe()}")
    small = shrink(site, result)
    print(f"  smallest: {small.options.describe()}")
    print(f"  {small.violation}\n" + "\n".join(f"    {line}" for line in small.story[-_STORY_LINES:]))
    print("\nAs a test:\n" + as_test(small), flush=True)


if __name__ == "__main__":
    sys.exit(main())

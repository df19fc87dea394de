"""A failing seed made smaller: fewer faults, terminals, people, hours, as long as it fails alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.simulation.options import Options
from tests.simulation.world import Result, Site

_RUNS_MAX = 60


def shrink(site: Site, failed: Result) -> Result:
    """The smallest that was found, with its story."""
    best, runs = failed.options, 0
    smaller = True
    while smaller:
        smaller = False
        for options in _smaller(best):
            runs += 1
            if runs > _RUNS_MAX:
                return site.run(best, tell=True)
            if _fails_alike(site.run(options), failed):
                best, smaller = options, True
                break
    return site.run(best, tell=True)


def _fails_alike(result: Result, failed: Result) -> bool:
    before, now = failed.violation, result.violation
    return before is not None and now is not None and before.invariant == now.invariant


def _smaller(options: Options) -> Iterator[Options]:
    for fault in options.faults:
        yield replace(options, faults=tuple(name for name in options.faults if name != fault))
    if options.terminals > 1:
        yield replace(options, terminals=options.terminals // 2)
    if options.people > 1:
        yield replace(options, people=options.people // 2)
    if options.hours > 1:
        yield replace(options, hours=options.hours // 2)
    if options.workers > 1:
        yield replace(options, workers=1)
    if options.brokers > 1:
        yield replace(options, brokers=1)


def as_test(result: Result) -> str:
    """A named regression test to paste into tests/simulation/test_regressions.py."""
    invariant = result.violation.invariant if result.violation is not None else "nothing"
    name = invariant.replace(" ", "_").replace(":", "")
    fields = ", ".join(f"{name}={getattr(result.options, name)!r}" for name in Options.__dataclass_fields__)
    return (
        f"def test_seed_{result.options.seed}_{name}(site: Site):\n"
        f"    options = Options({fields})\n\n"
        f"    assert site.run(options).violation is None\n"
    )

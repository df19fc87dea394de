"""``scripts/bench``: runs ``tests/benchmarks/bench_NAME.py``; each has ``measure() -> Iterable[Figure]``."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.properties.quick_proof import report

KNOWN = {path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")}


def main() -> int:
    """Measure what is asked for; exit code 2 if a name is unknown."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(sorted(KNOWN))}; default: all"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument(
        "--prove", type=int, metavar="DAYS", help="with rules: compare both ways of judging on so many days"
    )
    given = parser.parse_args()
    if unknown := set(given.names) - KNOWN:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}")
    if given.prove is not None:
        if given.names != ["rules"]:
            parser.error("--prove is of rules alone")
        return report(given.prove)
    figures: list[dict[str, str | float]] = []
    for name in given.names or sorted(KNOWN):
        measured: list[Figure] = list(importlib.import_module(f"tests.benchmarks.bench_{name}").measure())
        for figure in measured:
            print(  # noqa: T201  a command that talks to people
                f"{figure.what}: {figure.ours_s:.4g} s; {figure.beside}: {figure.beside_s:.4g} s; "
                f"{figure.ratio:.3g} times as fast",
                flush=True,
            )
            figures.append({"benchmark": name, **asdict(figure), "ratio": figure.ratio})
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

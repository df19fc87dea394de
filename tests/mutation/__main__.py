"""``scripts/mutants``: tries every mutant of ``cloud/rules`` and prints what no test caught."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from tests.mutation.judge import Verdict, judge
from tests.mutation.mutants import ROOT, Mutant, mutants

FILES = {file.stem: file for file in sorted((ROOT / "cloud/rules").glob("*.py"))}
Found = list[tuple[Mutant, Verdict]]


def main() -> int:
    """Exit code 1 if a mutant was not caught, 2 if a module is unknown."""
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="of cloud/rules; default: all")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the verdicts, for tests.mutation.report"
    )
    parser.add_argument("--one-in", type=int, default=1, metavar="N", help="only a share of them")
    parser.add_argument("--again", type=Path, metavar="FILE", help="only those FILE has as not caught")
    given = parser.parse_args()
    if unknown := set(given.modules) - set(FILES):
        parser.error(f"no module {', '.join(sorted(unknown))} in cloud/rules")
    wanted = None if given.again is None else _not_caught(given.again)
    files = [FILES[name] for name in given.modules or FILES]
    tried = (one for file in files for one in mutants(file, given.one_in))
    found: Found = []
    began = time.perf_counter()
    try:
        judge((one for one in tried if wanted is None or one.name in wanted), found, _tell)
    finally:
        seconds = time.perf_counter() - began
        if given.json:
            text = json.dumps(_report(found, seconds, given.one_in), ensure_ascii=False, indent=1)
            given.json.write_text(f"{text}\n", encoding="utf-8")
    print(f"{len(found)} mutants, {sum(verdict is Verdict.CAUGHT for _, verdict in found)} caught")  # noqa: T201
    return int(any(verdict is not Verdict.CAUGHT for _, verdict in found))


def _not_caught(file: Path) -> set[str]:
    mutants_before = json.loads(file.read_text(encoding="utf-8"))["mutants"]
    return {name for _, name, verdict in mutants_before if verdict != Verdict.CAUGHT}


def _tell(mutant: Mutant, verdict: Verdict) -> None:
    if verdict is not Verdict.CAUGHT:
        print(verdict, mutant.name, flush=True)  # noqa: T201


def _report(found: Found, seconds: float, one_in: int) -> dict[str, object]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "commit": commit,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "load": os.getloadavg()[0],
        "seconds": seconds,
        "tried": "all" if one_in == 1 else f"1 in {one_in}",
        "mutants": [[mutant.module, mutant.name, verdict] for mutant, verdict in found],
    }


if __name__ == "__main__":
    sys.exit(main())

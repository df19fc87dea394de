"""``scripts/mutants``: tries every mutant of ``cloud/rules`` and prints what no test caught."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

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
    parser.add_argument("--again", type=Path, metavar="FILE", help="take as caught what FILE has as caught")
    given = parser.parse_args()
    if unknown := set(given.modules) - set(FILES):
        parser.error(f"no module {', '.join(sorted(unknown))} in cloud/rules")
    before = {} if given.again is None else json.loads(given.again.read_text(encoding="utf-8"))
    files = [FILES[name] for name in given.modules or FILES]
    tried = (one for file in files for one in mutants(file, given.one_in))
    found: Found = []
    began = time.perf_counter()
    try:
        judge(_left(tried, before, found), found, _tell)
    finally:
        seconds = time.perf_counter() - began
        if given.json:
            report = _report(found, seconds, given.one_in)
            if before:
                report["commit"] = f"{before['commit']}, what was left again at {report['commit']}"
                report["seconds"] = seconds + before["seconds"]
            given.json.write_text(f"{json.dumps(report, ensure_ascii=False, indent=1)}\n", encoding="utf-8")
    print(f"{len(found)} mutants, {sum(verdict is Verdict.CAUGHT for _, verdict in found)} caught")  # noqa: T201
    return int(any(verdict is not Verdict.CAUGHT for _, verdict in found))


def _left(tried: Iterable[Mutant], before: dict[str, Any], found: Found) -> Iterator[Mutant]:
    """Those that were not caught before, or were not there; of the others the verdict stands."""
    named: dict[str, set[str]] = {}
    for _, name, verdict in before.get("mutants", []):
        named.setdefault(name, set()).add(verdict)
    for one in tried:
        if named.get(one.name) == {Verdict.CAUGHT}:
            found.append((one, Verdict.CAUGHT))
        else:
            yield one


def _tell(mutant: Mutant, verdict: Verdict) -> None:
    if verdict is not Verdict.CAUGHT:
        print(verdict, mutant.name, flush=True)  # noqa: T201


def _report(found: Found, seconds: float, one_in: int) -> dict[str, Any]:
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

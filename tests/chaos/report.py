"""``python -m tests.chaos.report FILE...``: what ``scripts/chaos --json`` counted, as a page for people.

Several files are the parts of one release, run one after the other or side by side; one may have run again.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.chaos import points

WANTED = 50
"""Kills of each point that a release asks for."""

WRONG = ("lost", "doubled", "ghosts", "altered", "unhealed")
"""The kinds of things that may be wrong in a part."""

_HEAD = ("part", "kills", "seconds", "recorded", "refused", "died unanswered", *WRONG, "healed in s")


def render(reports: list[dict[str, Any]]) -> str:
    """The page."""
    parts = {}
    for report in reports:
        for name, part in report["parts"].items():
            parts[f"{name} at {report['commit']}" if name in parts else name] = part
    run = {name: part for name, part in parts.items() if "skipped" not in part}
    kills = Counter[str]()
    for part in run.values():
        kills.update(part.get("by_point", {}))
    commits = ", ".join(sorted({str(report["commit"]) for report in reports}))
    loads = ", ".join(format(report["load"], ".0f") for report in reports)
    lines = [
        "# Kills",
        "",
        f"{kills.total()} kills of real processes, {_bad(run)} things wrong. Made by `scripts/chaos`; see",
        "[what it does](../reference/chaos.md).",
        "",
        f"Commit {commits}. {reports[0]['machine']}; other work on it, load average at the end {loads}.",
        "SIGKILL leaves the page cache alone: this says nothing of power cuts, which the simulation does.",
        "",
        f"| {' | '.join(_HEAD)} |",
        "| --- " * len(_HEAD) + "|",
        *(_part(name, part) for name, part in run.items()),
        *(f"| {name} | skipped: {part['skipped']} |" for name, part in parts.items() if "skipped" in part),
        "",
        "## By crash point",
        "",
        f"A release asks for {WANTED} each.",
        "",
        "| point | kills |",
        "| --- | --- |",
        *(
            f"| `{name}` | {kills[name]}{'' if kills[name] >= WANTED else ' (fewer)'} |"
            for name in points.ALL
        ),
        *(f"| {name} | {count} |" for name, count in kills.most_common() if name not in points.ALL),
        "",
        "## Faults beside kills",
        "",
        *(_faults(name, part) for name, part in run.items() if part.get("faults") or part.get("sometimes")),
    ]
    return "\n".join(lines) + "\n"


def _bad(run: dict[str, Any]) -> int:
    return sum(len(part.get(kind, ())) for part in run.values() for kind in WRONG)


def _part(name: str, part: dict[str, Any]) -> str:
    attempts = part.get("attempts", {})
    told = [str(attempts.get(outcome, 0)) for outcome in ("ok", "fail", "info")]
    wrong = [str(len(part.get(kind, ()))) for kind in WRONG]
    cells = [
        name,
        str(part["kills"]),
        f"{part['seconds']:.0f}",
        *told,
        *wrong,
        str(part.get("healed_in_s", "")),
    ]
    return f"| {' | '.join(cells)} |"


def _faults(name: str, part: dict[str, Any]) -> str:
    counted = {**part.get("faults", {}), **part.get("sometimes", {})}
    return f"- {name}: " + ", ".join(f"{what} {count}" for what, count in sorted(counted.items()) if count)


if __name__ == "__main__":
    sys.stdout.write(render([json.loads(Path(name).read_text()) for name in sys.argv[1:]]))

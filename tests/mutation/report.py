"""``python -m tests.mutation.report FILE...``: what ``scripts/mutants --json`` found, as a page for people.

Why a change may stay unnoticed stands in ``explained.toml``; what is not there is listed as unexplained, and
a reason for a mutant that was caught is refused. Several files are the parts of one run.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from tests.mutation.judge import Verdict

EXPLAINED = Path(__file__).parent / "explained.toml"


def render(reports: list[dict[str, Any]], groups: list[dict[str, Any]]) -> str:
    """The page.

    Raises:
        ValueError: a reason is given for what was caught.
    """
    mutants = [mutant for report in reports for mutant in report["mutants"]]
    left = Counter(name for _, name, verdict in mutants if verdict != Verdict.CAUGHT)
    reasoned = {name for group in groups for name in group["mutants"]}
    explained = reasoned & set(left)
    if idle := sorted(reasoned & {name for _, name, _ in mutants} - explained):
        raise ValueError(f"explained, but caught: {idle}")
    bare = sorted(name for name in left if name not in explained)
    caught = _caught(mutants)
    reasons, none = (sum(left[name] for name in names) for names in (explained, bare))
    lines = [
        "# Mutants of the rules",
        "",
        "Every small change of `cloud/rules` that mutmut's operators make, tried with the golden cases and",
        f"the unit tests: {len(mutants)} changes, {caught} caught ({caught / len(mutants):.1%}).",
        f"Of the {left.total()} others {reasons} have a reason below, {none} have none yet.",
        "",
        "In the lists a line stands once for all equal changes of it.",
        "",
        *_about(reports),
        "",
        *_table(reports),
    ]
    for group in groups:
        if found := [name for name in group["mutants"] if name in left]:
            lines += ["", f"## {group['title']}", "", group["reason"].strip(), "", *_list(found)]
    if bare:
        lines += [
            "",
            "## Unexplained",
            "",
            "Nobody has looked at these, or they want a case.",
            "",
            *_list(bare),
        ]
    return "\n".join(lines) + "\n"


def _caught(mutants: list[list[str]]) -> int:
    return sum(verdict == Verdict.CAUGHT for *_, verdict in mutants)


def _about(reports: list[dict[str, Any]]) -> list[str]:
    commits = ", ".join(sorted({report["commit"] for report in reports}))
    minutes = sum(report["seconds"] for report in reports) / 60
    loads = ", ".join(f"{report['load']:.0f}" for report in reports)
    return [
        f"Commit {commits}; {reports[0]['machine']}; load average {loads}; {minutes:.0f} min.",
        "",
        "Made by `scripts/mutants --json FILE` and `python -m tests.mutation.report FILE`. A mutant is",
        "caught when a test fails or it does not end; unreached when no test runs its statement. Properties",
        "and what stands outside functions (constants, fields of data classes) are not changed.",
    ]


def _table(reports: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| module | tried | mutants | caught | survived | unreached | score |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for report in reports:
        for module in sorted({module for module, *_ in report["mutants"]}):
            found = Counter(verdict for of, _, verdict in report["mutants"] if of == module)
            counts = " | ".join(str(found[verdict]) for verdict in Verdict)
            score = found[Verdict.CAUGHT] / found.total()
            lines.append(f"| `{module}` | {report['tried']} | {found.total()} | {counts} | {score:.1%} |")
    return lines


def _list(names: list[str]) -> list[str]:
    return [f"- `` {name} ``" for name in names]


def main() -> None:
    """Print the page."""
    reports = [json.loads(Path(file).read_text(encoding="utf-8")) for file in sys.argv[1:]]
    groups = tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))["group"]
    sys.stdout.write(render(reports, groups))


if __name__ == "__main__":
    main()

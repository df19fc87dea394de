"""``scripts/simulate --release FILE``: the long run, whose report is kept in docs/reports."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import structlog

from tests.simulation import planted, powercuts
from tests.simulation.options import ALL, draw
from tests.simulation.totals import SOMETIMES, Totals
from tests.simulation.world import Site

SEEDS, FAULTS, IMAGES = 10_000, 1_000_000, 100_000
_IMAGES_A_PART = 250
_SEEDS_A_PART = 25


@dataclass(slots=True)
class Report:
    """What is known so far; written again after each part, so that a run cut short says how far it came."""

    file: Path
    commit: str
    begun: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)
    planted: list[str] = field(default_factory=list)
    missed: int = 0
    cuts: powercuts.Cuts = field(default_factory=powercuts.Cuts)
    controls: dict[str, powercuts.Cuts] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)

    def write(self) -> None:
        """The page as it stands."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text("\n".join(self._lines()) + "\n", encoding="utf-8")

    @property
    def has_seeds(self) -> bool:
        """Whether there were enough seeds, and faults in them."""
        return self.totals.seeds >= SEEDS and sum(self.totals.faults.values()) >= FAULTS

    @property
    def is_done(self) -> bool:
        """Whether all figures were reached."""
        return self.has_seeds and self.cuts.images >= IMAGES

    def _lines(self) -> Iterator[str]:
        totals, cuts = self.totals, self.cuts
        faults = sum(totals.faults.values())
        minutes, cpu = (time.perf_counter() - self.begun) / 60, (time.process_time() - self.cpu) / 60
        yield "# The simulation's release run\n"
        yield "Written by `scripts/simulate --release`; see [how it works](../explanation/simulation.md).\n"
        yield f"- Commit `{self.commit}`, {platform.machine()}, {os.cpu_count()} cores, other work beside,"
        yield f"  one process, Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}."
        done = "Complete." if self.is_done else "NOT complete."
        yield f"- {minutes:.0f} minutes, {cpu:.0f} of them CPU. {done}\n"
        yield "| what | wanted | reached | bad |"
        yield "| --- | ---: | ---: | ---: |"
        yield f"| seeds | {SEEDS:,} | {totals.seeds:,} | {len(totals.failed):,} |"
        yield f"| faults injected | {FAULTS:,} | {faults:,} | |"
        yield f"| power-cut images | {IMAGES:,} | {cuts.images:,} | {cuts.bad:,} |"
        caught = len(self.planted) - self.missed
        yield f"| planted bugs caught | {len(planted.BUGS)} | {caught} | {self.missed} |\n"
        yield f"{totals.punches:,} punches recorded in {totals.virtual_ms / 3_600_000:,.0f} virtual hours and"
        yield f"{totals.events:,} events; each seed ended with all punches made and stored compared.\n"
        yield f"Power cuts: {cuts.text()}"
        for name, control in self.controls.items():
            yield f"- control, {name} (must be bad): {control.text()}"
        yield "\n## Faults by kind\n\n| fault | times |\n| --- | ---: |"
        for kind in ALL:
            yield f"| {kind} | {totals.faults[kind]:,} |"
        yield "\n## Rare paths taken\n\n| path | times |\n| --- | ---: |"
        for name in sorted(set(SOMETIMES) | {name for name, count in totals.reached.items() if count}):
            yield f"| {name} | {totals.reached[name]:,} |"
        yield "\n## Where processes died\n\n| step | times |\n| --- | ---: |"
        for name, count in sorted(totals.died_at.items()):
            yield f"| {name} | {count:,} |"
        yield "\n## Planted bugs\n\n```"
        yield from self.planted
        yield "```\n\n## Seeds that failed\n"
        for result in totals.failed:
            yield f"- {result.violation}\n  `{result.options.describe()}`"
        if not totals.failed:
            yield "None."


def main(file: Path) -> int:
    """Exit 1 unless every figure was reached and nothing was bad."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
    )
    report = Report(file, commit.stdout.strip())
    with Site() as site:
        _run(site, report)
        found = [(bug, planted.hunt(site, bug)) for bug in planted.BUGS]
    report.planted = planted.table(found)
    report.missed = sum(result is None for _, result in found)
    report.write()
    return 0 if report.is_done and not (report.totals.failed or report.cuts.bad or report.missed) else 1


def _run(site: Site, report: Report) -> None:
    """Seeds and power cuts in turn, so that a run cut short has some of both."""
    bench = powercuts.Bench()
    report.controls = powercuts.controls(bench, 0)
    seed = part = 0
    while not report.is_done:
        for _ in range(_SEEDS_A_PART):
            if not report.has_seeds:
                report.totals.add(site.run(draw(seed)))
                seed += 1
        if report.cuts.images < IMAGES:
            report.cuts.add(bench.run(_IMAGES_A_PART, part * _IMAGES_A_PART))
            part += 1
        report.write()
    bench.close()

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

from tests.simulation import planted, powercuts
from tests.simulation.options import ALL, Options, draw
from tests.simulation.pool import CORES, Pool
from tests.simulation.powercuts import AS_IT_IS, Cuts, Part
from tests.simulation.totals import SOMETIMES, Totals
from tests.simulation.world import Result, Site

SEEDS, FAULTS, IMAGES = 10_000, 1_000_000, 100_000
_SEEDS_A_ROUND, _IMAGES_A_ROUND = 200, 2_000


@dataclass(slots=True)
class Report:
    """What is known so far; written again after each part, so that a run cut short says how far it came."""

    file: Path
    commit: str
    pool: Pool
    begun: float = field(default_factory=time.perf_counter)
    planted: list[Result | None] = field(default_factory=list)
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

    @property
    def is_good(self) -> bool:
        """Whether nothing went wrong, and all that had to go wrong did."""
        return not (
            self.totals.failed
            or self.totals.never()
            or self.cuts.bad
            or None in self.planted
            or not powercuts.are_good(self.controls)
        )

    def _lines(self) -> Iterator[str]:
        totals, cuts = self.totals, self.cuts
        faults = sum(totals.faults.values())
        minutes, cpu = (time.perf_counter() - self.begun) / 60, self.pool.cpu_s / 60
        yield "# The simulation's release run\n"
        yield "Written by `scripts/simulate --release`; see [how it works](../explanation/simulation.md).\n"
        yield f"- Commit `{self.commit}`, {platform.machine()}, {CORES} cores, {self.pool.jobs} processes,"
        yield f"  Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}."
        yield f"  Load when written: {os.getloadavg()[1]:.1f}."
        done = "Complete." if self.is_done else "NOT complete: this is how far it came."
        yield f"- {minutes:.0f} minutes in all, {cpu:.0f} minutes of CPU. {done}\n"
        yield "| what | wanted | reached | bad |"
        yield "| --- | ---: | ---: | ---: |"
        yield f"| seeds | {SEEDS:,} | {totals.seeds:,} | {len(totals.failed):,} |"
        yield f"| faults injected | {FAULTS:,} | {faults:,} | |"
        yield f"| power-cut images | {IMAGES:,} | {cuts.images:,} | {cuts.bad:,} |"
        missed = self.planted.count(None)
        yield f"| planted bugs caught | {len(planted.BUGS)} | {len(self.planted) - missed} | {missed} |\n"
        yield f"{totals.punches:,} punches recorded in {totals.virtual_ms / 3_600_000:,.0f} virtual hours and"
        yield f"{totals.events:,} events; each seed ended with all punches made and stored compared.\n"
        yield f"Power cuts: {cuts.text()}"
        for what, control in self.controls.items():
            yield f"- control, {what} (must be bad): {control.text()}"
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
        yield from planted.table(self.planted)
        yield "```\n\n## Seeds that failed\n"
        for result in totals.failed:
            yield f"- {result.violation}\n  `{result.options.describe()}`"
        if not totals.failed:
            yield "None."


def main(pool: Pool, file: Path) -> int:
    """Exit 1 unless every figure was reached and nothing was bad."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, check=True
    )
    report = Report(file, commit.stdout.strip(), pool)
    report.planted = list(pool.map(planted.hunt, planted.BUGS))
    controls = powercuts.controls(0)
    report.controls = powercuts.add_up(controls, pool.map(powercuts.run, controls))
    report.write()
    while not report.is_done:
        _go_on(report)
        report.write()
    print(f"release: {'good' if report.is_good else 'BAD'}, see {file}")
    return 0 if report.is_good else 1


def _go_on(report: Report) -> None:
    """One round of seeds and power cuts together, so that a run cut short has some of both."""
    seeds = range(report.totals.seeds, report.totals.seeds + _SEEDS_A_ROUND)
    wanted: list[Options | Part] = [] if report.has_seeds else [draw(seed) for seed in seeds]
    if report.cuts.images < IMAGES:
        wanted += powercuts.parts(AS_IT_IS, _IMAGES_A_ROUND, report.cuts.images)
    for done in report.pool.map(_one, wanted):
        if isinstance(done, Result):
            report.totals.add(done)
        else:
            report.cuts.add(done)


def _one(site: Site, wanted: Options | Part) -> Result | Cuts:
    return site.run(wanted) if isinstance(wanted, Options) else powercuts.run(site, wanted)

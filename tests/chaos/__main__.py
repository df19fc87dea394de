"""``scripts/chaos``: kill real processes, break networks and disks; then nothing may be lost or doubled."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from scripts.story.processes import dying_with_us
from tests.chaos import disk_faults, door_kills, migration_kills, nth_call, site_faults, site_kills
from tests.chaos.checker import Verdict
from tests.chaos.door_kills import Tally
from tests.chaos.report import WRONG
from tests.chaos.servers import Missing
from tests.chaos.site_kills import SiteTally

_MEMORY = Path("/dev/shm")  # noqa: S108 - SIGKILL cannot tell a disk from memory
_AT_A_TIME = 2
_WITHOUT_PEOPLE = ("migration",)
_ROOT = Path(__file__).parents[2]


@dataclass
class Part:
    """What one part of the suite did and found."""

    name: str
    kills: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    figures: dict[str, object] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)
    unhealed: list[str] = field(default_factory=list)
    skipped: str = ""
    seconds: float = 0.0

    @property
    def bad(self) -> int:
        """How many things are wrong."""
        return self.verdict.bad + len(self.unhealed)


Run = Callable[[Path, Part], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of each part."""

    door: int
    migration: int
    site: int
    seed: int


CI = Plan(door=400, migration=10, site=30, seed=1)
RELEASE = Plan(door=9_000, migration=120, site=600, seed=1)
SITES = (("mosquitto", "postgresql"), ("mosquitto", "sqlite"), ("embedded", "sqlite"))


def main() -> int:
    """Run the parts, two at a time; exit code 1 if anything is wrong."""
    given = _parser().parse_args()
    plan = _plan(given)
    parts = _parts(plan)
    names = given.part or list(parts)
    began = time.perf_counter()
    if len(names) == 1:
        ran = [_run(names[0], parts[names[0]])]
    else:
        with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:
            ran = list(pool.map(partial(_apart, given=given, began=began), names))
    report = _report(ran, time.perf_counter() - began)
    last = {key: report[key] for key in ("kills", "bad", "skipped", "seconds")}
    sys.stdout.write(json.dumps({**last, "ok": not report["bad"]}) + "\n")
    if given.json:
        given.json.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if report["bad"] else 0


def _apart(name: str, given: argparse.Namespace, began: float) -> dict[str, Any]:
    """One part, run by a process of its own: they fork, and half of their time they wait."""
    if given.seconds and time.perf_counter() - began > given.seconds:
        return {name: {"skipped": f"{given.seconds:g} s were over"}}
    with tempfile.NamedTemporaryFile(suffix=".json") as told:
        command = [sys.executable, "-m", "tests.chaos", "--part", name, "--json", told.name]
        command += ["--seed", str(given.seed), *(["--release"] if given.release else [])]
        command += ["--kills", str(given.kills)] if given.kills else []
        subprocess.run(dying_with_us(command), cwd=_ROOT, stdout=subprocess.DEVNULL, check=False)
        report = told.read()
    if not report:
        return {name: {"unhealed": ["it broke off"]}}
    found: dict[str, Any] = json.loads(report)["parts"]
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--kills", type=int, metavar="N", help="about so many in all, instead of 500")
    parser.add_argument("--seconds", type=float, metavar="N", help="begin no further part after so long")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another run of luck")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was counted")
    parser.add_argument("--release", action="store_true", help="more than 10,000 kills")
    parser.add_argument("--part", action="append", metavar="NAME", help="only this part; may be repeated")
    return parser


def _plan(given: argparse.Namespace) -> Plan:
    plan = RELEASE if given.release else CI
    share = given.kills / (plan.door + plan.migration + len(SITES) * plan.site) if given.kills else 1
    door, migration, site = (max(1, round(n * share)) for n in (plan.door, plan.migration, plan.site))
    return Plan(door, migration, site, given.seed)


def _parts(plan: Plan) -> dict[str, Run]:
    seed, sites = plan.seed, {}
    for broker, database in SITES:
        sites[f"{broker}+{database}"] = _of_site(
            partial(site_kills.run, broker=broker, database=database, kills=plan.site, seed=seed)
        )
    return {
        "door": _of_door(partial(door_kills.run, kills=plan.door, seed=seed)),
        "migration": _of_door(partial(migration_kills.run, kills=plan.migration, seed=seed)),
        "nth-call": _nth_call,
        "io-errors": _of_door(partial(disk_faults.under_errors, sessions=4, seed=seed)),
        "full-disk": _of_door(disk_faults.on_a_full_disk),
        **sites,
        "full-cloud": _of_site(site_faults.cloud_disk_full),
        "restored-postgresql": _of_site(
            partial(site_faults.database_restored, broker="mosquitto", database="postgresql", seed=seed)
        ),
        "restored-sqlite": _of_site(
            partial(site_faults.database_restored, broker="embedded", database="sqlite", seed=seed)
        ),
    }


def _of_door(run: Callable[[Path], Tally]) -> Run:
    def part(folder: Path, part: Part) -> None:
        tally = run(folder)
        part.kills, part.verdict, part.attempts = tally.kills, tally.verdict, tally.outcomes
        part.figures = {"sometimes": dict(tally.sometimes)}

    return part


def _of_site(run: Callable[[Path], SiteTally]) -> Run:
    def part(folder: Path, part: Part) -> None:
        tally = run(folder)
        part.kills, part.verdict, part.unhealed = tally.kills, tally.verdict, tally.unhealed
        part.attempts = tally.outcomes
        part.figures = {
            "faults": dict(tally.faults),
            "gave_up_and_were_started_again": dict(tally.gave_up),
            **tally.figures,
            "healed_in_s": round(tally.heal_s, 1),
        }

    return part


def _nth_call(folder: Path, part: Part) -> None:
    loop = nth_call.run(folder)
    part.verdict, part.attempts = loop.verdict, loop.outcomes
    part.figures = {"faults": dict(loop.faults)}


def _run(name: str, run: Run) -> dict[str, Any]:
    part = Part(name)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(
        prefix="kaoqin-chaos-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None
    ) as folder:
        try:
            run(Path(folder), part)
        except Missing as missing:
            part.skipped = str(missing)
    if not part.skipped and name not in _WITHOUT_PEOPLE and not part.attempts.get("ok"):
        part.unhealed.append("nobody was told that a punch is recorded: nothing was tested")
    part.seconds = time.perf_counter() - began
    _tell(part)
    return {name: _section(part)}


def _tell(part: Part) -> None:
    if part.skipped:
        _say(f"{part.name}: skipped, {part.skipped}")
        return
    _say(f"{part.name}: {part.kills.total()} kills in {part.seconds:.0f} s, {part.bad} bad")
    for kind, sentences in {**part.verdict.kinds(), "unhealed": part.unhealed}.items():
        for sentence in sentences:
            _say(f"  {kind}: {sentence}")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _report(ran: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    parts = {name: part for one in ran for name, part in one.items()}
    kills: Counter[str] = Counter()
    for part in parts.values():
        kills.update(part.get("by_point", {}))
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=_ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "commit": commit,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}",
        "load": os.getloadavg()[0],
        "seconds": round(seconds, 1),
        "kills": kills.total(),
        "by_point": dict(kills.most_common()),
        "bad": sum(len(part.get(kind, ())) for part in parts.values() for kind in WRONG),
        "skipped": [name for name, part in parts.items() if "skipped" in part],
        "parts": parts,
    }


def _section(part: Part) -> dict[str, Any]:
    if part.skipped:
        return {"skipped": part.skipped}
    return {
        "kills": part.kills.total(),
        "by_point": dict(part.kills.most_common()),
        "seconds": round(part.seconds, 1),
        "attempts": dict(part.attempts),
        **part.figures,
        **part.verdict.kinds(),
        "unhealed": part.unhealed,
    }


if __name__ == "__main__":
    sys.exit(main())

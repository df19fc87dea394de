"""What befalls a site once in its life: the cloud's disk is full, its database an older copy of itself.

Terminals keep what nobody acknowledged, and say so; what was acknowledged and is gone from the cloud is on
the terminals still, and comes back from there by itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

from tests.chaos.checker import Outcome
from tests.chaos.disk_faults import NO_MOUNT, fill_up, in_a_namespace
from tests.chaos.people import Passer
from tests.chaos.site import Site
from tests.chaos.site_kills import Everybody, SiteTally, hold

_ROOM = "24m"
_PATIENCE_S = 240.0
_SOME = 40


def cloud_disk_full(folder: Path) -> SiteTally:
    """A site whose cloud has no room, in a mount namespace of its own.

    Raises:
        Missing: mounting is not allowed here.
    """
    return SiteTally.read(in_a_namespace("tests.chaos.site_faults", folder))


def database_restored(folder: Path, broker: str, database: str, seed: int) -> SiteTally:
    """The cloud goes on from an older copy of its database, and everything since is on the terminals only.

    Raises:
        Missing: a program is not installed.
    """
    tally = SiteTally()
    with Site(folder, broker, database, 2, Random(seed), armed=False) as site:
        everybody = Everybody()
        _start(site)
        passers = _some_punch(site, everybody, tally)
        _until(site, site.drained, "the first punches", tally)
        with _cloud_down(site):
            site.copy_database()
        passers += _some_punch(site, everybody, tally)
        _until(site, site.drained, "the punches since", tally)
        with _cloud_down(site):
            site.restore_database()
        tally.faults["database restored"] += 1
        lacking = partial(_lacking, site)
        tally.figures["punches the copy lacked"] = lacking()
        began = time.perf_counter()
        passers += _some_punch(site, everybody, tally)
        _until(site, lambda: not lacking(), "healing", tally)
        tally.heal_s = time.perf_counter() - began
        hold(site, passers, tally)
    return tally


def _lacking(site: Site) -> int:
    return len(site.at_the_doors()) - len(site.in_the_cloud()[0])


def _start(site: Site) -> None:
    site.start_all()
    site.wait_until_ready()


def _some_punch(site: Site, everybody: Everybody, tally: SiteTally) -> list[Passer]:
    """People at every door until so many were told "recorded"."""
    passers = [Passer(site.terminal(place), site.kiosks[place], everybody) for place in range(site.terminals)]
    for passer in passers:
        passer.start()
    _until(site, lambda: _recorded(passers) >= _SOME, "punches", tally)
    for passer in passers:
        passer.stop()
    return passers


@contextmanager
def _cloud_down(site: Site) -> Iterator[None]:
    for name in ("service", "worker-1", "worker-2", "database"):
        if name in site.roles:
            site.kill(name)
    site.database_is_gone()
    yield
    site.start_all()
    site.database_is_back()


def _recorded(passers: list[Passer]) -> int:
    return sum(attempt.outcome is Outcome.OK for passer in passers for attempt in passer.attempts)


def _until(site: Site, true: Callable[[], bool], what: str, tally: SiteTally) -> None:
    patience = time.perf_counter() + _PATIENCE_S
    while not true():
        if time.perf_counter() > patience:
            tally.unhealed.append(f"{what}: not within {_PATIENCE_S:g} s")
            return
        site.bury()
        site.start_all()
        time.sleep(0.2)


def _full(folder: Path) -> SiteTally:
    tally = SiteTally()
    disk = folder / "cloud"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_ROOM}", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, stdout=subprocess.DEVNULL).returncode:
        raise SystemExit(NO_MOUNT)
    with Site(folder, "mosquitto", "sqlite", 2, Random(1), armed=False) as site:
        everybody = Everybody()
        _start(site)
        passers = _some_punch(site, everybody, tally)
        fill_up(disk / "filler")
        passers += _some_punch(site, everybody, tally)
        tally.figures["waiting while the cloud was full"] = site.waiting()
        if not site.waiting():
            tally.unhealed.append("the cloud was never full")
        _acknowledged_in_vain(site, tally)
        (disk / "filler").unlink()
        began = time.perf_counter()
        _until(site, site.drained, "healing", tally)
        tally.heal_s = time.perf_counter() - began
        hold(site, passers, tally)
    return tally


def _acknowledged_in_vain(site: Site, tally: SiteTally) -> None:
    stored = {(row.terminal, row.stream, row.seq) for row in site.in_the_cloud()[0]}
    tally.verdict.lost += [
        f"cloud: {row} was acknowledged and is not there"
        for row in site.acknowledged()
        if (row.terminal, row.stream, row.seq) not in stored
    ]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_full(Path(sys.argv[1])).told()) + "\n")

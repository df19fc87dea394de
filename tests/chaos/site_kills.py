"""Kill loop on a whole site: people punch, everything dies in turn, networks fail; then it must heal."""

from __future__ import annotations

import itertools
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Self

from tests.chaos.checker import Verdict, copies, promises
from tests.chaos.people import Passer
from tests.chaos.proxy import FAIR, Proxy, Way, Weather
from tests.chaos.site import PEOPLE, Site

HEAL_S = 240.0
_GOOD_ENDS = (0, -signal.SIGTERM)
"""... the second one of a process that was told to end before it had begun."""
_VICTIMS = (1, 1, 1, 2, 3, 9)
_HALF, _SELDOM = 0.5, 0.04
_STEP_S = 0.02
_PATIENCE_S = 0.8
_WEATHER, _WEATHER_S = 0.4, 1.5
_BAD_DAYS = (
    ("latency", Weather(latency_s=0.2, jitter_s=0.15), ()),
    ("bandwidth", Weather(bytes_per_s=2_000), ()),
    ("slicer", Weather(slice_bytes=7, latency_s=0.001), ()),
    ("stall", Weather(stalled=True), ()),
    ("one way there", Weather(stalled=True), (Way.THERE,)),
    ("one way back", Weather(stalled=True), (Way.BACK,)),
    ("limit", Weather(limit_bytes=1_500), ()),
    ("slow close", Weather(slow_close_s=1.0), ()),
    ("refused", Weather(refused=True), ()),
)


@dataclass
class SiteTally:
    """What a run did and found."""

    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    gave_up: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    figures: dict[str, int] = field(default_factory=dict)
    heal_s: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)
    unhealed: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """As JSON can say it."""
        return {**vars(self), "verdict": self.verdict.kinds()}

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        """What :meth:`told` said."""
        counters = {name: Counter(told[name]) for name in ("kills", "faults", "gave_up", "outcomes")}
        return cls(**{**told, **counters, "verdict": Verdict(**told["verdict"])})


def run(folder: Path, broker: str, database: str, kills: int, seed: int, terminals: int = 3) -> SiteTally:
    """Kill ``kills`` processes of a site made in ``folder``, heal it, and hold everything against everything.

    Raises:
        SiteFailed: it did not come to life.
        Missing: a program is not installed.
    """
    luck = Random(f"site {seed} {broker} {database}")
    tally = SiteTally()
    with Site(folder, broker, database, terminals, luck) as site:
        numbers = Everybody()
        passers = [Passer(site.terminal(place), site.kiosks[place], numbers) for place in range(terminals)]
        site.start_all()
        site.wait_until_ready()
        for passer in passers:
            passer.start()
        _shake(site, kills // 2, passers, luck, tally, at_random=_HALF)
        # Who is killed at random seldom gets to a point that is late on the way.
        _shake(site, kills, passers, luck, tally, at_random=_SELDOM)
        for passer in passers:
            passer.stop()
        _heal(site, tally)
        hold(site, passers, tally)
    return tally


def hold(site: Site, passers: list[Passer], tally: SiteTally) -> None:
    """Hold what people were told, what the doors have and what the cloud has against each other."""
    tally.kills, tally.gave_up = site.kills, site.gave_up
    attempts = [attempt for passer in passers for attempt in passer.attempts]
    tally.outcomes.update(attempt.outcome for attempt in attempts)
    at_the_doors = site.at_the_doors()
    in_the_cloud, aside = site.in_the_cloud()
    tally.figures["punches"] = len(in_the_cloud)
    tally.verdict.add(promises(attempts, at_the_doors, "door"))
    tally.verdict.add(promises(attempts, in_the_cloud, "cloud"))
    tally.verdict.add(copies(at_the_doors, in_the_cloud))
    tally.verdict.altered += [f"put aside: {thing}" for thing in aside]
    tally.verdict.altered += [f"the chain is broken: {fault}" for fault in site.faults()]


class Everybody(Iterator[tuple[str, str]]):
    """Everybody once, shared by all doors, so that a person tells an attempt."""

    def __init__(self) -> None:
        self._next = itertools.count()

    def __next__(self) -> tuple[str, str]:
        number = next(self._next)
        if number >= PEOPLE:
            raise StopIteration
        return str(number), f"p-{number}"


def _shake(
    site: Site, kills: int, passers: Sequence[Passer], luck: Random, tally: SiteTally, *, at_random: float
) -> None:
    storms: dict[Proxy, float] = {}
    while site.kills.total() < kills:
        if all(passer.is_through for passer in passers):
            tally.unhealed.append(f"everybody has punched after {site.kills.total()} kills")
            break
        _let_live(site, passers, luck)
        now = time.perf_counter()
        for proxy, until in list(storms.items()):
            if now >= until:
                proxy.set(FAIR)
                del storms[proxy]
        if luck.random() < _WEATHER * at_random:
            proxy = luck.choice([each for each in (site.uplink, site.trunk) if each])
            kind, weather, ways = luck.choice(_BAD_DAYS)
            proxy.set(FAIR)
            proxy.set(weather, *ways)
            tally.faults[kind] += 1
            storms[proxy] = now + luck.uniform(0, 2 * _WEATHER_S)
        elif luck.random() < at_random:
            _kill_somebody(site, luck, tally)
        site.start_all()
    for proxy in storms:
        proxy.set(FAIR)


def _let_live(site: Site, passers: Sequence[Passer], luck: Random) -> None:
    """Until somebody has died by a point, a few people have punched, or nothing moves any more."""
    enough = _made(passers) + luck.randint(0, 6)
    patience = time.perf_counter() + _PATIENCE_S
    while _made(passers) < enough and time.perf_counter() < patience:
        if site.bury():
            return
        time.sleep(_STEP_S)
    site.bury()


def _made(passers: Sequence[Passer]) -> int:
    return sum(len(passer.attempts) for passer in passers)


def _kill_somebody(site: Site, luck: Random, tally: SiteTally) -> None:
    """One of them, some, or all at once, as when the power goes."""
    alive = [name for name, role in site.roles.items() if role.pid is not None]
    for name in luck.sample(alive, min(len(alive), luck.choice(_VICTIMS))):
        site.kill(name)
        if name == "broker" and luck.random() < _HALF:
            site.broker.forget()
            tally.faults["broker without state"] += 1


def _heal(site: Site, tally: SiteTally) -> None:
    """No more faults: everything is started anew, and the site has to come to rest by itself."""
    began = time.perf_counter()
    site.bury()
    site.armed = False
    before = site.kills.copy()
    for name, role in site.roles.items():
        if role.points and role.pid is not None:
            site.kill(name)
    site.kills = before
    while not site.drained():
        if time.perf_counter() - began > HEAL_S:
            tally.unhealed.append(f"not drained within {HEAL_S:g} s")
            tally.unhealed += [f"{name}: {site.tail(name, 5)}" for name in site.roles]
            break
        site.bury()
        site.start_all()
        time.sleep(0.2)
    tally.heal_s = time.perf_counter() - began
    for name, code in site.stop_ours().items():
        if code not in _GOOD_ENDS:
            tally.unhealed.append(f"{name} ended with exit code {code}: {site.tail(name, 60)}")

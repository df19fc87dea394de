"""What one seed does: drawn here, printed with the seed, narrowed to shrink a failure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from random import Random

from tests.simulation.loop import HOUR, MINUTE, SECOND, split

NETWORK = ("loss", "duplicate", "delay", "reorder", "hold", "partition", "oneway")
BROKER = ("broker_restart", "broker_wipe", "broker_drop")
CLOUD = ("worker_kill", "db_error", "db_slow", "db_rollback")
TERMINAL = ("kill", "power_cut", "io_error", "torn_write", "disk_full")
REST = ("clock_jump", "no_battery", "clone", "restore", "old_version", "poison")
ALL = (*NETWORK, *BROKER, *CLOUD, *TERMINAL, *REST)
"""Every kind of fault, in the order in which the report lists them."""

_TERMINALS = (range(1, 2), range(2, 3), range(3, 4), range(4, 13), range(50, 51))
_OF_1000 = (850, 120, 22, 6, 2)
"""How many worlds of a thousand have about so many terminals."""


@dataclass(frozen=True, slots=True)
class Options:
    """The whole option set of a seed; ``seed`` also feeds the randomness of each part.

    Attributes:
        rate: how often packets are touched by each fault of the network that is on.
        actions: how many other faults there are, more or less.
        state_ms: how often terminals report their state.
        patience_h: virtual hours after the heal in which everything must have arrived.
    """

    seed: int
    people: int
    terminals: int
    brokers: int
    workers: int
    hours: int
    faults: tuple[str, ...]
    rate: float
    actions: int
    latency_ms: int
    commit_ms: int
    state_ms: int
    reconnect_ms: int
    patience_h: int = 48

    def describe(self) -> str:
        """One line that says everything."""
        return " ".join(
            f"{name}={','.join(value) if isinstance(value, tuple) else value}"
            for name, value in asdict(self).items()
        )


def draw(
    seed: int,
    *,
    people: int | None = None,
    terminals: int | None = None,
    days: int | None = None,
    faults: tuple[str, ...] | None = None,
) -> Options:
    """The options of ``seed``; what is given is not drawn, but the rest is drawn as if it were."""
    random = split(seed, "options")
    drawn = _draw(seed, random)
    changes: dict[str, object] = {}
    if people is not None:
        changes["people"] = people
    if terminals is not None:
        changes["terminals"] = terminals
    if days is not None:
        changes["hours"] = 24 * days
    if faults is not None:
        changes["faults"] = faults
    return replace(drawn, **changes)  # type: ignore[arg-type]


def _draw(seed: int, random: Random) -> Options:
    """Mostly small and short worlds: a CPU second of them reaches more rare paths than of large ones."""
    terminals = random.choice(random.choices(_TERMINALS, _OF_1000)[0])
    many = random.random() < 0.8
    chosen = [name for name in ALL if random.random() < (0.55 if many else 0.12)]
    return Options(
        seed=seed,
        people=max(2, terminals * random.randint(1, 4)) if terminals < 50 else 60,
        terminals=terminals,
        brokers=random.choice((1, 1, 2)),
        workers=random.choice((1, 1, 2, 3)),
        hours=random.choices((1, 2, 4, 8, 30), (66, 18, 10, 4, 2))[0],
        faults=tuple(chosen) or (random.choice(ALL),),
        rate=random.choice((0.03, 0.1, 0.2, 0.2, 0.3, 0.3)),
        actions=random.choice((12, 30)),
        latency_ms=random.choice((5, 40, 400)),
        commit_ms=random.choice((20, SECOND, 4 * SECOND, 10 * SECOND)),
        state_ms=random.choice((3, 8)) * HOUR,
        reconnect_ms=random.choice((10, 30, 60)) * MINUTE,
    )

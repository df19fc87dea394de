"""One seed, from the first punch to the last check: safety (faults on), heal (faults off), liveness."""

from __future__ import annotations

import shutil
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

import structlog

from cloud import backoff as cloud_backoff
from cloud.ingest import core as ingest_core
from cloud.ingest import worker as ingest_worker
from cloud.ingest.inbox import Listener
from edge import backoff as edge_backoff
from edge.backoff import Backoff
from edge.roster import core as roster_core
from edge.sync import links as edge_links
from edge.sync import uplink as edge_uplink
from tests.simulation.broker import Broker
from tests.simulation.cloud import Cloud, terminal_name
from tests.simulation.disk import Disk, DiskVfs
from tests.simulation.history import OK, Attempt, Failed, History, Violation
from tests.simulation.links import SimHttpsLink, SimMqttLink
from tests.simulation.loop import HOUR, MINUTE, SECOND, Loop, split
from tests.simulation.nemesis import Nemesis
from tests.simulation.network import Network
from tests.simulation.office import Office
from tests.simulation.options import Options
from tests.simulation.people import People
from tests.simulation.terminal import Terminal
from tests.simulation.worker import SimBrokerLink, WorkerProcess

RAISED = "raised"
"""The invariant that the product's loops catch what their parts raise."""

_CLOCK_OFF_MS = 5 * SECOND
"""A punch that says its clock was right may be so far off: what counts as agreeing, and the drift since."""


@dataclass(slots=True)
class Result:
    """What one seed came to."""

    options: Options
    trace: str
    events: int
    punches: int
    faults: Counter[str]
    reached: Counter[str]
    died_at: Counter[str]
    virtual_ms: int
    violation: Violation | None = None
    story: list[str] = field(default_factory=list)


class Site:
    """What seeds of one process share, because it is dear to make: the database's file and the VFS.

    Nothing of a seed is left for the next: a seed comes to the same in any site.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cloud = Cloud(self.folder)
        self.vfs = DiskVfs("kaoqin-simulation")

    def close(self) -> None:
        """Let go of its files."""
        self.cloud.close()
        self.vfs.unregister()

    def run(self, options: Options, *, tell: bool = False) -> Result:
        """Run one seed."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        self.cloud.reset()
        world = World(options, self.cloud, self.vfs, folder, tell=tell)
        violation = None
        try:
            with _wired(world):
                world.run()
        except Failed as failed:
            violation = failed.violation
        except Exception as error:  # noqa: BLE001 - whatever the product raises is a finding
            violation = Violation(RAISED, "".join(traceback.format_exception(error)[-3:]))
        finally:
            world.power_off()
            shutil.rmtree(folder, ignore_errors=True)
        history = world.history
        return Result(
            options,
            world.loop.trace,
            world.loop.events,
            sum(attempt.outcome == OK for attempt in history.attempts.values()),
            world.network.faults,
            history.reached,
            world.died_at,
            world.loop.now,
            violation,
            world.loop.story or [],
        )


class World:
    """Everything of one seed."""

    def __init__(
        self, options: Options, cloud: Cloud, vfs: DiskVfs, folder: Path, *, tell: bool = False
    ) -> None:
        self.options = options
        self.cloud = cloud
        self.folder = folder
        self.loop = Loop(tell=tell)
        self.history = History()
        self.died_at: Counter[str] = Counter()
        self.network = Network(self.loop, self.random("network"), options, Counter())
        self.brokers = [
            Broker(f"b{number}", self.loop, self.network, self.random(f"b{number}"), options)
            for number in range(options.brokers)
        ]
        self.workers = [
            WorkerProcess(self, f"w{number}", self.brokers[number % options.brokers])
            for number in range(max(options.workers, options.brokers))
        ]
        self.office = Office(self, self.random("office"))
        self.terminals: dict[str, Terminal] = {}
        self.connecting: WorkerProcess | None = None
        self._vfs = vfs
        self._choices = self.random("choices")
        for number in range(options.terminals):
            self._add_terminal(number)
        self.people = People(self, self.random("people"))
        self.nemesis = Nemesis(self, self.random("nemesis"))

    def random(self, part: str) -> Random:
        """The randomness of one part."""
        return split(self.options.seed, part)

    def _add_terminal(self, number: int) -> None:
        node, faults = f"t{number}", self.options.faults
        self.terminals[node] = Terminal(
            self,
            node,
            terminal_name(number),
            self._disk(node),
            self._vfs,
            battery="no_battery" not in faults or self._choices.random() < 0.4,
            old="old_version" in faults and self._choices.random() < 0.5,
        )

    def _disk(self, node: str) -> Disk:
        folder = self.folder / node
        folder.mkdir()
        return Disk(folder)

    # -- for the parts ---------------------------------------------------------------------------------------

    def pick_broker(self, node: str) -> Broker | None:
        """A broker that answers ``node``."""
        there = [each for each in self.brokers if each.up and not self.network.is_cut(node, each.node)]
        return self._choices.choice(there) if there else None

    def pick_worker(self) -> WorkerProcess | None:
        """A worker that runs."""
        there = [each for each in self.workers if each.ingest is not None]
        return self._choices.choice(there) if there else None

    def vanished(self, node: str, *, at_once: bool) -> None:
        """The connections of ``node`` are dead: its kernel said so, or somebody will notice."""
        for broker in self.brokers:
            for session in [each for each in broker.sessions.values() if each.peer.node == node]:
                if at_once:
                    broker.end(session.number, "closed")
                else:
                    broker.vanish(session.number)

    def clone(self, terminal: Terminal) -> Terminal | None:
        """A copy of the card starts in another machine under the same identity, unless there is one."""
        node = f"{terminal.node}c"
        if node in self.terminals or terminal.node.endswith("c"):
            return None
        folder = self._disk(node).folder
        copy = Terminal(
            self,
            node,
            terminal.terminal_id,
            terminal.disk.copy(folder),
            self._vfs,
            battery=terminal.battery,
            old=terminal.old,
        )
        self.terminals[node] = copy
        copy.power_on(rebooted=True)
        return copy

    # -- the phases ------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Safety, heal, liveness; raises Failed at the first broken promise."""
        for worker in self.workers:
            worker.start()
        for terminal in list(self.terminals.values()):
            terminal.power_on(rebooted=True)
        self.people.start()
        self.office.start()
        self.nemesis.start()
        self.loop.run(self.options.hours * HOUR)
        self.heal()
        for _ in range(self.options.patience_h):
            self.loop.run(self.loop.now + HOUR)
            if self._is_quiet():
                break
        else:
            self.history.fail("not healed", self._what_is_left())
        self.history.reached["held message came after the heal"] += self.network.release_all()
        self.office.network.release_all()
        # What a held message told of is explained, at the latest, by the next state of its terminal.
        self.loop.run(self.loop.now + self.options.state_ms * 2 + 10 * MINUTE)
        self.check()

    def heal(self) -> None:
        """From now on nothing breaks."""
        self.loop.note("heal")
        self.network.faulty = False
        self.office.heal()
        self.network.blocked.clear()
        for broker in self.brokers:
            broker.up = True
        for worker in self.workers:
            worker.doom = None
            worker.start()
        for terminal in list(self.terminals.values()):
            terminal.full = False
            terminal.plan = terminal.doom = None
            terminal.clock.synchronise()
            terminal.update()
            terminal.power_on(rebooted=False)
            terminal.poke()

    def _is_quiet(self) -> bool:
        self._retire_clones()
        return (
            not self._missing()
            and not any(each.waiting() for each in self.terminals.values())
            and self.office.is_known_everywhere()
        )

    def _retire_clones(self) -> None:
        """A copied card that has told everything is taken away: two of one name disturb each other."""
        needed = {each.card for each in self._missing()}
        for node in [name for name in self.terminals if name.endswith("c") and name not in needed]:
            if not self.terminals[node].waiting():
                self.terminals[node].check_card()
                self.terminals.pop(node).unplug()

    def _missing(self) -> list[Attempt]:
        stored = {punch_id for _, punch_id, _ in self.cloud.rows()}
        return [
            each
            for each in self.history.attempts.values()
            if each.outcome == OK and not each.destroyed and each.punch_id not in stored
        ]

    def _what_is_left(self) -> str:
        waiting = {node: each.waiting() for node, each in self.terminals.items()}
        missing = [each.punch_id.hex() for each in self._missing()]
        rosters = {node: each.roster_version for node, each in self.terminals.items()}
        return (
            f"after {self.options.patience_h} h waiting {waiting}, missing in the cloud {missing}, "
            f"rosters {rosters} of {self.office.version}"
        )

    def check(self) -> None:
        """Everything has arrived: compare."""
        rows = self.cloud.rows()
        self.history.in_cloud(rows)
        self._check_gaps()
        self._check_clocks()
        self.office.check()
        for terminal in self.terminals.values():
            terminal.check_card()
        for code, count in sorted(self.cloud.put_aside().items()):
            self.history.reached[f"put aside: {code}"] += count

    def _check_gaps(self) -> None:
        gaps = self.cloud.gaps()
        explained = "restore" in self.network.faults
        if gaps and not explained and "clone" not in self.network.faults:
            self.history.fail("false gap", f"{sorted(gaps)}: nothing was destroyed")
        for terminal_id, stream_id, contiguous, highest in self.cloud.holes():
            if not explained or (terminal_id, stream_id) not in gaps:
                where = f"{terminal_id} stream {bytes(stream_id).hex()}"
                self.history.fail("gap unexplained", f"{where}: {contiguous} of {highest}")

    def _check_clocks(self) -> None:
        for attempt in self.history.attempts.values():
            made = attempt.made
            if made is not None and made.clock == 2 and abs(made.wall_ms - attempt.true_ms) > _CLOCK_OFF_MS:
                off = made.wall_ms - attempt.true_ms
                self.history.fail("clock", f"{attempt} says its clock was right; it was {off} ms off")

    def power_off(self) -> None:
        """Let go of every file."""
        for terminal in self.terminals.values():
            terminal.discard()


def _broker_link(world: World, _address: object, listener: Listener) -> SimBrokerLink:
    """The link of the worker that is connecting right now."""
    assert world.connecting is not None
    return SimBrokerLink(world.connecting, listener)


def _backoff(
    random: Random, first_s: float, last_s: float, *more: Callable[[float, float], float]
) -> Backoff:
    return Backoff(first_s, last_s, *(more or (random.uniform,)))


@contextmanager
def _wired(world: World) -> Iterator[None]:
    """The product's names for what is outside stand for this world's while it runs."""
    options, random = world.options, world.random("jitter")
    jitter = partial(random.uniform, 0.8, 1.2)
    names: list[tuple[object, str, object]] = [
        (edge_links, "MqttLink", partial(SimMqttLink, world)),
        (edge_links, "HttpsLink", partial(SimHttpsLink, world)),
        (edge_backoff, "_RANDOM", random),
        (edge_links, "Backoff", partial(_backoff, random)),
        # A database as slow as some are here would never answer one of two copies of a card before the other
        # takes the connection: as in life, that wait is longer than an answer takes, a few commits.
        (edge_links, "RECONNECT_LOST_S", max(edge_links.RECONNECT_LOST_S, options.commit_ms / 250)),
        (edge_links, "RECONNECT_LAST_S", options.reconnect_ms / 1000),
        (edge_uplink, "jitter", jitter),
        (edge_uplink, "STATE_EVERY_MS", options.state_ms),
        (roster_core, "EVERY_MS", HOUR),
        (ingest_worker, "BrokerLink", partial(_broker_link, world)),
        (ingest_worker, "jitter", jitter),
        (cloud_backoff, "_RANDOM", random),
        (ingest_worker, "_RECONNECT_LAST_MS", options.reconnect_ms),
        (ingest_core, "GROUP_MAX", 64),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in names]
    for module, name, value in names:
        setattr(module, name, value)
    try:
        with quiet():
            yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


@contextmanager
def quiet() -> Iterator[None]:
    """What the product logs of all that breaks is nobody's news here."""
    logging = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield
    finally:
        structlog.configure(**logging)

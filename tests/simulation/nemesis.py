"""Who makes the faults that are not the network's: kills, cuts, rollbacks, clocks, cards, rubbish."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import msgspec

from models.wire import topics
from models.wire.topics import Channel
from tests.simulation import terminal as terminals
from tests.simulation import worker as workers
from tests.simulation.cloud import person_name
from tests.simulation.disk import Disk
from tests.simulation.loop import DAY, HOUR, MINUTE, SECOND
from tests.simulation.network import KEEPALIVE_MS

if TYPE_CHECKING:
    from tests.simulation.terminal import Terminal
    from tests.simulation.world import World

_JUMPS_MS = (-400 * DAY, -HOUR, -MINUTE, 31 * SECOND, HOUR, 3 * DAY, 4000 * DAY, 73 * 365 * DAY)


class Nemesis:
    """One for a world; it stops with the heal."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self._random = random
        self._actions = {
            "partition": self._partition,
            "oneway": self._oneway,
            "broker_restart": self._broker_restart,
            "broker_wipe": self._broker_wipe,
            "worker_kill": self._worker_kill,
            "db_rollback": self._db_rollback,
            "kill": self._kill,
            "power_cut": self._power_cut,
            "io_error": self._io_error,
            "torn_write": self._torn_write,
            "disk_full": self._disk_full,
            "clock_jump": self._clock_jump,
            "clone": self._clone,
            "restore": self._restore,
            "poison": self._poison,
        }
        self._wanted = [name for name in world.options.faults if name in self._actions]
        self._once = {"clone": 1, "restore": 2, "db_rollback": 2}
        self._again = 2
        self._copies = 0
        self._while_ms = min(HOUR, world.options.hours * HOUR // 4)
        """Of what is done with cards one thing follows from another: a short world has time for all of it."""

    def start(self) -> None:
        """Begin."""
        if self._wanted:
            self._plan()

    def _plan(self) -> None:
        options = self.world.options
        pause = self._random.expovariate(options.actions / (options.hours * HOUR))
        self.world.loop.after(pause, self._act)

    def _act(self) -> None:
        if not self.world.network.faulty:
            return
        name = self._random.choice(self._wanted)
        if self._once.get(name, 1) > 0:
            if name in self._once:
                self._once[name] -= 1
            self.world.loop.note("fault", name)
            self._actions[name]()
        self._plan()

    def _fault(self, name: str) -> None:
        self.world.network.faults[name] += 1

    # -- network and broker ----------------------------------------------------------------------------------

    def _pair(self) -> tuple[str, str]:
        world = self.world
        broker = self._random.choice(world.brokers)
        if self._random.random() < 0.7:
            return self._random.choice(list(world.terminals)), broker.node
        worker = self._random.choice(world.workers)
        return worker.node, worker.broker.node

    def _partition(self) -> None:
        one, other = self._pair()
        self._block({(one, other), (other, one)}, one, self._cut_ms())
        self._fault("partition")

    def _oneway(self) -> None:
        one, other = self._pair()
        self._block({self._random.choice(((one, other), (other, one)))}, one, self._cut_ms())
        self._fault("oneway")

    def _cut_ms(self) -> int:
        return self._random.choice((20 * SECOND, 3 * MINUTE, 10 * MINUTE, HOUR))

    def _block(self, pairs: set[tuple[str, str]], client: str, for_ms: int) -> None:
        network, loop = self.world.network, self.world.loop
        network.blocked |= pairs
        loop.after(KEEPALIVE_MS, self._starve, pairs, client)
        loop.after(for_ms, self._unblock, pairs)

    def _starve(self, pairs: set[tuple[str, str]], client: str) -> None:
        if pairs & self.world.network.blocked:
            self.world.vanished(client, at_once=True)

    def _unblock(self, pairs: set[tuple[str, str]]) -> None:
        self.world.network.blocked -= pairs

    def _broker_restart(self) -> None:
        self._fault("broker_restart")
        self._random.choice(self.world.brokers).restart(self._down_ms(), keep_state=True)

    def _broker_wipe(self) -> None:
        self._fault("broker_wipe")
        self._random.choice(self.world.brokers).restart(self._down_ms(), keep_state=False)

    def _down_ms(self) -> int:
        return self._random.choice((SECOND, 30 * SECOND, 20 * MINUTE))

    # -- the cloud -------------------------------------------------------------------------------------------

    def _worker_kill(self) -> None:
        worker = self._random.choice(self.world.workers)
        if self._random.random() < 0.2:
            worker.kill()
        else:
            worker.doom = self._random.choice(workers.STEPS)

    def _db_rollback(self) -> None:
        self._copies += 1
        copy = self.world.folder / f"copy-{self._copies}.db"
        self.world.cloud.save(copy)
        self.world.loop.after(self._random.randint(10 * SECOND, 10 * MINUTE), self._fall_back, copy)

    def _fall_back(self, copy: Path) -> None:
        if not self.world.network.faulty:
            return
        before = len(self.world.cloud.rows())
        self.world.cloud.restore(copy)
        lost = before - len(self.world.cloud.rows())
        self.world.loop.note("fault", "rolled back", lost)
        self.world.history.reached["rollback that lost punches"] += lost > 0
        self._fault("db_rollback")

    # -- terminals -------------------------------------------------------------------------------------------

    def _terminal(self) -> Terminal:
        return self._random.choice(list(self.world.terminals.values()))

    def _doom(self, how: str) -> None:
        terminal = self._terminal()
        chance = self._random.random()
        if chance < 0.15:
            self._fault(how)
            terminal.stop(how)
        elif chance < 0.4:
            self._fault(how)
            terminal.doom = (self._random.choice(terminals.STEPS), how)
        else:
            terminal.plan = (self._random.randint(0, 30), how)

    def _kill(self) -> None:
        self._doom(terminals.KILL)

    def _power_cut(self) -> None:
        self._doom(terminals.CUT)

    def _io_error(self) -> None:
        self._terminal().plan = (self._random.randint(0, 30), terminals.IO_ERROR)

    def _torn_write(self) -> None:
        self._terminal().plan = (self._random.randint(0, 30), terminals.TORN)

    def _disk_full(self) -> None:
        terminal = self._terminal()
        terminal.full = True
        self.world.loop.after(self._random.choice((MINUTE, 10 * MINUTE, HOUR)), self._make_room, terminal)

    def _make_room(self, terminal: Terminal) -> None:
        terminal.full = False

    def _clock_jump(self) -> None:
        self._fault("clock_jump")
        self._terminal().clock.jump(self._random.choice(_JUMPS_MS))

    def _clone(self) -> None:
        self._clone_of(self._terminal())

    def _clone_of(self, terminal: Terminal) -> None:
        copy = self.world.clone(terminal) if self.world.network.faulty else None
        if copy is not None:
            self._fault("clone")
            self._try_out(copy)
            # Two of one name push each other off the broker: somebody pulls one plug until the heal.
            self.world.loop.after(self._random.randint(2 * MINUTE, 20 * MINUTE), self._unplug, copy)

    def _unplug(self, terminal: Terminal) -> None:
        if self.world.network.faulty:
            terminal.unplug()

    def _restore(self) -> None:
        self._copy_of(self._terminal(), self._random.randint(MINUTE, 3 * self._while_ms))

    def _copy_of(self, terminal: Terminal, for_ms: int) -> None:
        copy = terminal.disk.copy(terminal.disk.folder)
        known = {each.punch_id for each in self.world.history.attempts.values() if each.card == terminal.card}
        self.world.loop.after(for_ms, self._put_back, terminal, copy, known)

    def _copy_again(self, terminal: Terminal) -> None:
        """Who put a card back does it again, when a stream that it began since has grown."""
        self._copy_of(terminal, self._random.randint(self._while_ms // 4, self._while_ms))
        self._try_out(terminal)

    def _put_back(self, terminal: Terminal, copy: Disk, known: set[bytes]) -> None:
        if not self.world.network.faulty:
            return
        self._fault("restore")
        terminal.replace_card(copy, known)
        random = self._random
        if random.random() < 0.6:
            # Nobody tells it that it is an older copy before it makes punches under numbers the cloud knows.
            self._cut_off(terminal, random.choice((self._while_ms // 6, self._while_ms)))
        self._try_out(terminal)
        chance = random.random()
        if chance < 0.4 and self._again > 0:
            self._again -= 1
            soon_ms = random.randint(self._while_ms // 4, self._while_ms * 2 // 3)
            self.world.loop.after(soon_ms, self._copy_again, terminal)
        elif chance < 0.7 and "clone" in self._wanted:
            # What it made is then in two machines before either has delivered it.
            self.world.loop.after(random.randint(MINUTE, self._while_ms // 3), self._clone_of, terminal)

    def _cut_off(self, terminal: Terminal, for_ms: int) -> None:
        world = self.world
        there = [*(each.node for each in world.brokers), *(each.node for each in world.workers)]
        pairs = {pair for node in there for pair in ((terminal.node, node), (node, terminal.node))}
        self._block(pairs, terminal.node, for_ms)

    def _try_out(self, terminal: Terminal) -> None:
        """Who has changed a card or a machine punches a few times, to see whether it works."""
        for _ in range(3):
            self.world.loop.after(self._random.randint(10 * SECOND, 10 * MINUTE), self._punch, terminal)

    def _punch(self, terminal: Terminal) -> None:
        if self.world.network.faulty:
            terminal.punch(person_name(self._random.randrange(self.world.options.people)))

    # -- rubbish ---------------------------------------------------------------------------------------------

    def _poison(self) -> None:
        random = self._random
        victim, other = self._terminal(), self._terminal()
        channel = random.choice((Channel.UP, Channel.STATE))
        topic = random.choice(
            (
                topics.topic(victim.terminal_id, channel),
                f"kaoqin/v1/t-nobody/{channel}",
                topics.topic(victim.terminal_id, Channel.UP),
            )
        )
        sample = msgspec.msgpack.encode([1, other.terminal_id, b"x" * 16, 1, 1, 1, 1, 1, [[1, b"y" * 16]]])
        payload = random.choice(
            (
                random.randbytes(random.randint(0, 300)),
                b"[" * 5_000,
                b"\x91" * 5_000,
                bytes(70_000),
                sample,
                sample[: random.randint(1, len(sample))],
                b'{"terminal_id": "\\u0000"}',
            )
        )
        self._fault("poison")
        broker = random.choice(self.world.brokers)
        for _ in range(random.randint(1, 4)):
            broker.publish(0, topic, payload, 0, retain=False)

"""People come and go: every terminal must end with the newest roster, and never go back to an older one."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING

from edge.roster.core import Announced, Answered, Ask, Event, NotAnswered, RosterCore, Take, Tick
from models.wire.messages import Roster
from tests.simulation.loop import HOUR, SECOND
from tests.simulation.network import Network

if TYPE_CHECKING:
    from tests.simulation.terminal import Terminal
    from tests.simulation.world import World

NODE = "office"
_TIMEOUT_MS = 30 * SECOND
_CHANGES = 6


class Office:
    """The cloud's side: publishes versions, announces them, answers with the newest.

    Attributes:
        network: its own, so that what is drawn here changes nothing for punches; cut where theirs is cut.
    """

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.version = 1
        self.network = Network(world.loop, random, world.options, world.network.faults)
        self.network.blocked = world.network.blocked
        self._random = random
        self.jitter = partial(random.uniform, 0.8, 1.2)

    def start(self) -> None:
        """Somebody is hired or leaves every now and then."""
        for _ in range(_CHANGES):
            self.world.loop.after(self._random.randint(0, self.world.options.hours * HOUR), self._publish)

    def _publish(self) -> None:
        self.version += 1
        self.world.loop.note(NODE, self.version)
        for terminal in list(self.world.terminals.values()):
            self.network.send(NODE, terminal.node, announced, terminal, self.version)

    def asked(self, desk: RosterDesk, question: int, known: str) -> None:
        """A question arrived."""
        newest = f"v{self.version}"
        answer = None if known == newest else Roster(newest, "HQ", "Asia/Shanghai", ())
        self.network.send(NODE, desk.terminal.node, desk.answered, question, answer)

    def heal(self) -> None:
        """From now on nothing gets lost."""
        self.network.faulty = False

    def is_known_everywhere(self) -> bool:
        """Whether all terminals have the newest roster."""
        return all(each.roster_version == self.version for each in self.world.terminals.values())

    def check(self) -> None:
        """Everything has healed."""
        for node, terminal in self.world.terminals.items():
            if terminal.roster_version != self.version:
                detail = f"{node} has v{terminal.roster_version}, the cloud v{self.version}"
                self.world.history.fail("old roster", detail)


def announced(terminal: Terminal, version: int) -> None:
    """An announcement arrived, at whoever is there now."""
    if terminal.roster is not None:
        terminal.roster.happens(Announced(f"v{version}"))


class RosterDesk:
    """The terminal's side for one life of it: the product's core, and the file it keeps."""

    def __init__(self, terminal: Terminal, office: Office) -> None:
        self.terminal = terminal
        self._office = office
        self._life = terminal.life
        self._question = 0
        self._core = RosterCore(f"v{terminal.roster_version}", office.jitter)
        self.happens(Tick())

    def happens(self, event: Event) -> None:
        """Something did; the process may have died since it was meant for it."""
        if not self.terminal.alive or self.terminal.life != self._life:
            return
        for effect in self._core.on(event, self.terminal.clock.monotonic_ms()):
            if isinstance(effect, Ask):
                self._ask(effect.version)
            elif isinstance(effect, Take):
                self._take(effect.roster)

    def _ask(self, known: str) -> None:
        self._question += 1
        office, node = self._office, self.terminal.node
        office.network.send(node, NODE, office.asked, self, self._question, known)
        self.terminal.world.loop.after(_TIMEOUT_MS, self._time_out, self._question)

    def answered(self, question: int, roster: Roster | None) -> None:
        """An answer arrived; one that is late or repeated belongs to a connection that is closed."""
        if question == self._question:
            self._end(Answered(roster))

    def _time_out(self, question: int) -> None:
        if question == self._question:
            self._end(NotAnswered("no answer"))

    def _end(self, event: Event) -> None:
        self._question += 1
        self.happens(event)
        wait_ms = max(1, self._core.due_ms() - self.terminal.clock.monotonic_ms())
        self.terminal.world.loop.after(wait_ms, self.happens, Tick())

    def _take(self, roster: Roster) -> None:
        version = int(roster.version.removeprefix("v"))
        if version <= self.terminal.roster_version:
            detail = f"{self.terminal.node} went from v{self.terminal.roster_version} to {roster.version}"
            self.terminal.world.history.fail("old roster", detail)
        self.terminal.roster_version = version
        self.terminal.world.history.reached["another roster was taken"] += 1

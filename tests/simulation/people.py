"""The people: they come in waves, tap twice, try again when told to, and walk away."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from models.ids import PersonId
from tests.simulation.cloud import person_name
from tests.simulation.history import FAIL, OK
from tests.simulation.loop import HOUR, MINUTE, SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World

_TRIES = 4


class People:
    """Everybody of one world."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random

    def start(self) -> None:
        """Decide who comes when."""
        options, random = self._world.options, self._random
        waves = max(3, options.hours // 6)
        for wave in range(waves):
            begin = int(options.hours * HOUR * (wave + random.random()) / waves)
            for number in range(options.people):
                if random.random() < 0.8:
                    at = max(0, begin + int(random.gauss(0, 8 * MINUTE)))
                    self._world.loop.after(at, self._come, person_name(number), 1)

    def _come(self, person: PersonId, tries: int) -> None:
        random, world = self._random, self._world
        if not world.network.faulty:
            return
        outcome = random.choice(list(world.terminals.values())).punch(person)
        if outcome == OK:
            if random.random() < 0.15:
                world.loop.after(random.randint(SECOND, 5 * SECOND), self._come, person, _TRIES)
        elif tries < _TRIES and random.random() < (0.7 if outcome == FAIL else 0.5):
            world.loop.after(random.randint(5 * SECOND, 3 * MINUTE), self._come, person, tries + 1)
        else:
            world.history.reached["walked away"] += outcome != OK

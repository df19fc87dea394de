"""When the roster is asked for, and what becomes of the answer: events in, effects out.

The roster is pulled, never pushed. An announcement only says that asking is worth while: one that comes late,
twice or never costs a question or a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from models.wire.messages import Roster

EVERY_MS = 60_000


@dataclass(frozen=True, slots=True)
class Announced:
    """The cloud says which version this terminal should have; empty: it does not say."""

    version: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The cloud answered :class:`Ask`; None: the roster here is the newest."""

    roster: Roster | None


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """It did not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went by; see :meth:`RosterCore.due_ms`."""


Event = Announced | Answered | NotAnswered | Tick


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the cloud for the roster, unless it is that of ``version``; one question at a time."""

    version: str


@dataclass(frozen=True, slots=True)
class Take:
    """This is the roster from now on."""

    roster: Roster


@dataclass(frozen=True, slots=True)
class Tell:
    """The cloud can no longer be asked (``reason``), or again (None); said once."""

    reason: str | None


Effect = Ask | Take | Tell


class RosterCore:
    """The decisions of a terminal that has the roster ``version``; ``jitter`` gives each wait's factor."""

    def __init__(self, version: str, jitter: Callable[[], float]) -> None:
        self._version = version
        self._jitter = jitter
        self._due_ms = 0
        self._asking = False
        self._ask_again = False
        self._away = False

    def due_ms(self) -> int:
        """The monotonic time of the next question, unless one is under way."""
        return self._due_ms

    def on(self, event: Event, now_ms: int) -> tuple[Effect, ...]:
        """What to do about ``event``, in this order. ``now_ms`` is monotonic."""
        match event:
            case Announced(version):
                return self._announced(version)
            case Answered(roster):
                return self._answered(roster, now_ms)
            case NotAnswered(reason):
                self._rest(now_ms)
                told = () if self._away else (Tell(reason),)
                self._away = True
                return told
            case Tick():
                return self._ask() if now_ms >= self._due_ms and not self._asking else ()
            case _:
                assert_never(event)

    def _announced(self, version: str) -> tuple[Effect, ...]:
        if not version or version == self._version:
            return ()
        if self._asking:
            # The answer under way may have been made before there was this version.
            self._ask_again = True
            return ()
        return self._ask()

    def _answered(self, roster: Roster | None, now_ms: int) -> tuple[Effect, ...]:
        effects: tuple[Effect, ...] = (Tell(None),) if self._away else ()
        self._away = False
        if roster is not None:
            self._version = roster.version
            effects += (Take(roster),)
        again = self._ask_again
        self._rest(now_ms)
        return effects + self._ask() if again else effects

    def _ask(self) -> tuple[Effect, ...]:
        self._asking = True
        return (Ask(self._version),)

    def _rest(self, now_ms: int) -> None:
        self._asking = self._ask_again = False
        self._due_ms = now_ms + int(EVERY_MS * self._jitter())

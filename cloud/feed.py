"""What just happened, for the pages open now. Nothing is kept: a page that reloads reads the database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

from models.ids import PersonId, TerminalId

_BACKLOG = 1_000


@dataclass(frozen=True, slots=True)
class PunchStored:
    """A punch is committed."""

    terminal_id: TerminalId
    person_id: PersonId
    at_ms: int
    method: int


@dataclass(frozen=True, slots=True)
class DayJudged:
    """A stored day has a new result."""

    person_id: PersonId
    date: date


@dataclass(frozen=True, slots=True)
class TerminalChanged:
    """A terminal came, went or reported something new."""

    terminal_id: TerminalId


Happening = PunchStored | DayJudged | TerminalChanged


class Feed:
    """Happenings of this process, from any thread to every listener.

    A listener that lags more than 1,000 happenings behind loses the oldest: pages re-read on reconnect.
    """

    def __init__(self) -> None:
        self.punched = threading.Event()
        """Set with every punch; who waits for it clears it."""
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Queue[Happening]]] = set()

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens now."""
        return bool(self._listeners)

    def publish(self, happening: Happening) -> None:
        """Tell every listener; callable from any thread, never blocks."""
        if isinstance(happening, PunchStored):
            self.punched.set()
        for loop, queue in list(self._listeners):
            if not loop.is_closed():
                loop.call_soon_threadsafe(_put, queue, happening)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[asyncio.Queue[Happening]]:
        """A queue of what happens from now on."""
        queue: asyncio.Queue[Happening] = asyncio.Queue(_BACKLOG)
        entry = (asyncio.get_running_loop(), queue)
        self._listeners.add(entry)
        try:
            yield queue
        finally:
            self._listeners.discard(entry)


def _put(queue: asyncio.Queue[Happening], happening: Happening) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(happening)

"""Keeps the roster fresh: asks every minute, and at once when the cloud announces another version."""

from __future__ import annotations

import queue
import threading
from collections import deque

import structlog

from edge.backoff import jitter
from edge.errors import CloudUnavailable
from edge.roster.cloud import Unchanged, fetch_roster
from edge.roster.core import (
    Announced,
    Answered,
    Ask,
    Effect,
    Event,
    NotAnswered,
    RosterCore,
    Take,
    Tell,
    Tick,
)
from edge.roster.identity import Identity
from edge.roster.store import RosterStore
from models.clock import Clock

_JOIN_S = 40.0  # longer than one question may take

log = structlog.get_logger(__name__)


class RosterRefresher:
    """Asks the cloud from :meth:`start` until :meth:`stop`; the thread around a :class:`RosterCore`."""

    def __init__(self, store: RosterStore, identity: Identity, clock: Clock) -> None:
        self._store = store
        self._identity = identity
        self._clock = clock
        self._core = RosterCore(store.current.version, jitter)
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="roster", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._events.put(None)
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def announced(self, version: str) -> None:
        """The cloud says which version this terminal should have."""
        self._events.put(Announced(version))

    def _run(self) -> None:
        event: Event | None = Tick()
        while event is not None:
            self._handle(event)
            event = self._next()

    def _next(self) -> Event | None:
        wait_ms = self._core.due_ms() - self._clock.monotonic_ms()
        try:
            return self._events.get(timeout=max(0, wait_ms) / 1000)
        except queue.Empty:
            return Tick()

    def _handle(self, event: Event) -> None:
        """Do what comes of ``event``, and of what that brings."""
        events = deque([event])
        while events:
            for effect in self._core.on(events.popleft(), self._clock.monotonic_ms()):
                answer = self._do(effect)
                if answer is not None:
                    events.append(answer)

    def _do(self, effect: Effect) -> Event | None:
        match effect:
            case Ask(version):
                return self._ask(version)
            case Take(roster):
                taken = self._store.replace(roster)
                log.info("roster_replaced", people=len(taken.people), version=taken.version)
            case Tell(None):
                log.info("roster_reachable_again")
            case Tell(reason):
                log.warning("roster_not_refreshed", reason=reason)
        return None

    def _ask(self, version: str) -> Event:
        identity = self._identity
        try:
            found = fetch_roster(identity.cloud_url, identity.claimed.token, version)
        except CloudUnavailable as error:
            return NotAnswered(str(error))
        return Answered(None if isinstance(found, Unchanged) else found)

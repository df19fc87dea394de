"""Keeps the roster fresh: asks every minute, and at once when the cloud announces another version."""

from __future__ import annotations

import threading

import structlog

from edge.backoff import jitter
from edge.errors import CloudUnavailable
from edge.roster.cloud import Unchanged, fetch_roster
from edge.roster.identity import Identity
from edge.roster.store import RosterStore

EVERY_S = 60.0
_JOIN_S = 40.0  # longer than one question may take

log = structlog.get_logger(__name__)


class RosterRefresher:
    """Asks the cloud from :meth:`start` until :meth:`stop`."""

    def __init__(self, store: RosterStore, identity: Identity) -> None:
        self._store = store
        self._identity = identity
        self._wake = threading.Event()
        self._stopping = False
        self._away = False
        self._thread = threading.Thread(target=self._run, name="roster", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def announced(self, version: str) -> None:
        """The cloud says which version this terminal should have."""
        if version and version != self._store.current.version:
            self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self.refresh()
            self._wake.wait(EVERY_S * jitter())

    def refresh(self) -> None:
        """Ask once, now."""
        identity = self._identity
        try:
            found = fetch_roster(identity.cloud_url, identity.claimed.token, self._store.current.version)
        except CloudUnavailable as error:
            if not self._away:
                log.warning("roster_not_refreshed", reason=str(error))
            self._away = True
            return
        if self._away:
            log.info("roster_reachable_again")
        self._away = False
        if isinstance(found, Unchanged):
            return
        roster = self._store.replace(found)
        log.info("roster_replaced", people=len(roster.people), version=roster.version)

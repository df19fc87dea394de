"""Tells every terminal, by its retained ``want``, which roster it should have."""

from __future__ import annotations

import threading
from datetime import date
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from cloud.db.engine import Database
from cloud.db.tables import terminals
from cloud.terminals.roster import people_changed, roster
from models.clock import Clock, from_ms
from models.ids import TerminalId
from models.wire.codec import encode
from models.wire.messages import VERSION, DesiredState
from models.wire.topics import Channel

_LOOK_S = 2.0

log = structlog.get_logger()


class Telling(Protocol):
    """The way to the terminals; ``sessions`` grows with each new connection to the broker."""

    sessions: int

    def tell(self, terminal: TerminalId, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        """Publish; whether there was a broker to take it."""
        ...


class Signpost:
    """Looks every two seconds whether people or terminals changed, by whichever process."""

    def __init__(self, database: Database, telling: Telling, clock: Clock, zone: ZoneInfo) -> None:
        self._database = database
        self._telling = telling
        self._clock = clock
        self._zone = zone
        self._seen: tuple[object, ...] | None = None
        self._told: dict[TerminalId, tuple[int, str]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="signpost", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            try:
                self.look()
            except DBAPIError as error:
                log.warning("signpost_read_failed", error=type(error.orig).__name__)

    def look(self) -> None:
        """Tell the terminals whose roster is another than they were told in this session."""
        with self._database.read() as connection:
            doors = [
                (TerminalId(terminal), site)
                for terminal, site in connection.execute(
                    select(terminals.c.terminal_id, terminals.c.site).where(terminals.c.revoked_ms.is_(None))
                )
            ]
            seen = (people_changed(connection), tuple(doors), self._today(), self._telling.sessions)
            if seen == self._seen:
                return
            sites = sorted({site for _, site in doors})
            versions = {
                site: roster(connection, site, self._zone.key, self._today()).version for site in sites
            }
        told = [self._point(terminal, versions[site]) for terminal, site in doors]
        if all(told):
            self._seen = seen

    def _point(self, terminal: TerminalId, version: str) -> bool:
        want = (self._telling.sessions, version)
        if self._told.get(terminal) == want:
            return True
        payload = encode(DesiredState(VERSION, version))
        if not self._telling.tell(terminal, Channel.WANT, payload, retain=True):
            return False
        self._told[terminal] = want
        return True

    def _today(self) -> date:
        return from_ms(self._clock.wall_ms()).astimezone(self._zone).date()

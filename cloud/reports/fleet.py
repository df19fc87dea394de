"""Terminals as HR sees them: which report, which do not, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import msgspec
from sqlalchemy import Connection, func, select

from cloud.attendance.facts import complete_until
from cloud.db.tables import certificates, terminals
from models.ids import TerminalId
from models.punch import ClockQuality
from models.wire.messages import Part, TerminalState

SILENT_AFTER_MS = 180_000
"""A terminal speaks every minute; three misses and it counts as silent."""

_CLOCK_OFF_MS = 30_000
_LONG_WAIT_MS = 600_000
_CERTIFICATE_LATE = 5 / 6
"""Of its life. A terminal renews at two thirds; one that has not by now cannot."""


class Standing(IntEnum):
    """How a terminal stands, worst first."""

    SILENT = 0
    AILING = 1
    WELL = 2


@dataclass(frozen=True, slots=True)
class Door:
    """One terminal.

    Attributes:
        silent: it has not spoken for three minutes; ``silent_since_ms`` is when it last did.
        watermark_ms: every punch before it has arrived; 0 if none ever did.
        state: what it said of itself last.
        certificate_ends_ms: when it can no longer log in to the broker, if it should have renewed long ago.
    """

    terminal_id: TerminalId
    name: str
    site: str
    silent: bool
    silent_since_ms: int | None
    watermark_ms: int
    standing: Standing
    state: TerminalState | None
    certificate_ends_ms: int | None = None

    def part(self, name: str) -> Part | None:
        """Health of its camera or sensor."""
        parts = () if self.state is None else self.state.parts
        return next((part for part in parts if part.name == name), None)

    def concerns(self, site: str | None) -> bool:
        """Whether people of ``site`` punch here; people without a site may punch anywhere."""
        return site is None or site == self.site


def list_doors(connection: Connection, now_ms: int) -> list[Door]:
    """All terminals in use, worst first."""
    table = terminals.c
    ending = _ending(connection, now_ms)
    rows = connection.execute(
        select(
            table.terminal_id,
            table.name,
            table.site,
            table.online,
            table.last_seen_ms,
            table.watermark_ms,
            table.state,
        ).where(table.revoked_ms.is_(None))
    )
    doors = []
    for terminal_id, name, site, online, last_seen_ms, watermark_ms, state_json in rows:
        state = None if state_json is None else msgspec.json.decode(state_json, type=TerminalState)
        ends_ms = ending.get(terminal_id)
        silent = not online or last_seen_ms is None or now_ms - last_seen_ms > SILENT_AFTER_MS
        doors.append(
            Door(
                terminal_id=TerminalId(terminal_id),
                name=name,
                site=site,
                silent=silent,
                silent_since_ms=last_seen_ms if silent else None,
                watermark_ms=watermark_ms,
                standing=_standing(state, now_ms, silent=silent, ends=ends_ms is not None),
                state=state,
                certificate_ends_ms=ends_ms,
            )
        )
    return sorted(doors, key=lambda door: (door.standing, door.silent_since_ms or 0, door.name))


def silent_doors(doors: Sequence[Door], before_ms: int) -> list[Door]:
    """Terminals that do not speak and may still hold punches made before ``before_ms``."""
    return [door for door in doors if door.silent and door.watermark_ms < before_ms]


@dataclass(frozen=True, slots=True)
class Awaited:
    """A terminal that has told everything only until an instant."""

    name: str
    until_ms: int


def awaited_doors(connection: Connection, end_ms: int) -> list[Awaited]:
    """Terminals in use that may still hold punches made before ``end_ms`` (S2), the furthest behind first."""
    until = complete_until()
    rows = connection.execute(
        select(terminals.c.name, until)
        .where(terminals.c.revoked_ms.is_(None), until < end_ms)
        .order_by(until, terminals.c.name)
    )
    return [Awaited(name, until_ms) for name, until_ms in rows]


def door_names(connection: Connection) -> dict[str, str]:
    """Names by terminal id, of revoked terminals too: their punches stay."""
    rows = connection.execute(select(terminals.c.terminal_id, terminals.c.name))
    return {row.terminal_id: row.name for row in rows}


def _ending(connection: Connection, now_ms: int) -> dict[str, int]:
    """Terminals whose newest certificate should have been renewed by now, and when it ends."""
    rows = connection.execute(
        select(
            certificates.c.terminal_id,
            func.max(certificates.c.issued_ms),
            func.max(certificates.c.not_after_ms),
        )
        .where(certificates.c.revoked_ms.is_(None))
        .group_by(certificates.c.terminal_id)
    )
    return {
        terminal: ends_ms
        for terminal, issued_ms, ends_ms in rows
        if now_ms - issued_ms > (ends_ms - issued_ms) * _CERTIFICATE_LATE
    }


def _standing(state: TerminalState | None, now_ms: int, *, silent: bool, ends: bool) -> Standing:
    if silent:
        return Standing.SILENT
    if state is None:
        return Standing.AILING
    ails = (
        ends
        or any(part.health == "away" for part in state.parts)
        or abs(state.clock_offset_ms or 0) > _CLOCK_OFF_MS
        or state.clock == ClockQuality.UNTRUSTED
        or (state.oldest_waiting_ms is not None and now_ms - state.oldest_waiting_ms > _LONG_WAIT_MS)
    )
    return Standing.AILING if ails else Standing.WELL

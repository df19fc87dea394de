"""All terminals, as people manage them."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, Row, select, update

from cloud.db.tables import streams, terminals
from cloud.terminals.certificates import revoke_all
from cloud.terminals.secret import hash_secret
from models.ids import TerminalId
from models.wire.messages import TerminalState


@dataclass(frozen=True, slots=True)
class Terminal:
    """A claimed terminal.

    Attributes:
        watermark_ms: every punch it made before this instant has been received.
        missing: punches it spoke of that have not arrived.
        state: the newest it reported, None if it never did.
    """

    terminal_id: TerminalId
    name: str
    site: str
    claimed_ms: int
    revoked_ms: int | None
    online: bool
    last_seen_ms: int | None
    watermark_ms: int
    missing: int
    state: TerminalState | None


def all_terminals(connection: Connection, *, revoked: bool = False) -> list[Terminal]:
    """Terminals by site and name; revoked ones only if asked for."""
    query = select(terminals).order_by(terminals.c.site, terminals.c.name)
    if not revoked:
        query = query.where(terminals.c.revoked_ms.is_(None))
    missing: dict[str, int] = {}
    for terminal, highest, contiguous in connection.execute(
        select(streams.c.terminal_id, streams.c.highest, streams.c.contiguous)
    ):
        missing[terminal] = missing.get(terminal, 0) + highest - contiguous
    return [_terminal(row, missing.get(row.terminal_id, 0)) for row in connection.execute(query)]


def by_token(connection: Connection, token: str) -> Terminal | None:
    """The terminal whose secret this is, if it is not revoked."""
    row = connection.execute(
        select(terminals).where(
            terminals.c.token_hash == hash_secret(token), terminals.c.revoked_ms.is_(None)
        )
    ).first()
    return _terminal(row, 0) if row is not None else None


def revoke(connection: Connection, name_or_id: str, now_ms: int) -> list[TerminalId]:
    """Shut out the terminals of this id or name and revoke their certificates; punches stay.

    Empty if there is none in use.
    """
    found = [
        TerminalId(terminal)
        for terminal in connection.execute(
            select(terminals.c.terminal_id).where(
                (terminals.c.terminal_id == name_or_id) | (terminals.c.name == name_or_id),
                terminals.c.revoked_ms.is_(None),
            )
        ).scalars()
    ]
    connection.execute(
        update(terminals).where(terminals.c.terminal_id.in_(found)).values(revoked_ms=now_ms, online=False)
    )
    revoke_all(connection, found, now_ms)
    return found


def _terminal(row: Row[tuple[object, ...]], missing: int) -> Terminal:
    state = msgspec.json.decode(row.state, type=TerminalState) if row.state else None
    return Terminal(
        TerminalId(row.terminal_id),
        row.name,
        row.site,
        row.claimed_ms,
        row.revoked_ms,
        row.online,
        row.last_seen_ms,
        row.watermark_ms,
        missing,
        state,
    )

"""What terminals say of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, update

from cloud.db.tables import terminals
from models.wire.messages import TerminalState


def record_states(connection: Connection, states: Sequence[tuple[TerminalState, bool]], now_ms: int) -> None:
    """Keep the newest state of each terminal; the flag says that the broker had retained it.

    A will says only that the terminal is gone: what it reported last stays.
    """
    for state, retained in states:
        seen_ms = min(state.at_ms, now_ms) if retained else now_ms
        values: dict[str, object] = {"online": state.online}
        if state.online:
            values |= {"last_seen_ms": seen_ms, "state": msgspec.json.encode(state).decode()}
        connection.execute(
            update(terminals).where(terminals.c.terminal_id == state.terminal_id).values(values)
        )


def record_seen(connection: Connection, spoke: Iterable[str], now_ms: int) -> None:
    """Note that these terminals have just sent punches."""
    rows = [{"terminal": terminal} for terminal in sorted(set(spoke))]
    if rows:
        connection.execute(
            update(terminals)
            .where(terminals.c.terminal_id == bindparam("terminal"))
            .values(last_seen_ms=now_ms),
            rows,
        )

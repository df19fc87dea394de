"""What terminals say of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, update

from cloud.db.tables import terminals
from models.wire.messages import TerminalState

_ONE = update(terminals).where(terminals.c.terminal_id == bindparam("terminal"))
_SEEN = _ONE.values(last_seen_ms=bindparam("now"))
_GONE = _ONE.values(online=False)
_TOLD = _ONE.values(online=True, last_seen_ms=bindparam("now"), state=bindparam("told"))


def record_states(connection: Connection, states: Sequence[tuple[TerminalState, bool]], now_ms: int) -> None:
    """Keep the newest state of each terminal; the flag says that the broker had retained it.

    A will says only that the terminal is gone: what it reported last stays.
    """
    # By terminal, so that two workers cannot block each other for ever; of each the order stays.
    for state, retained in sorted(states, key=lambda one: one[0].terminal_id):
        if not state.online:
            connection.execute(_GONE, {"terminal": state.terminal_id})
            continue
        seen_ms = min(state.at_ms, now_ms) if retained else now_ms
        told = msgspec.json.encode(state).decode()
        connection.execute(_TOLD, {"terminal": state.terminal_id, "now": seen_ms, "told": told})


def record_seen(connection: Connection, spoke: Iterable[str], now_ms: int) -> None:
    """Note that these terminals have just sent punches."""
    rows = [{"terminal": terminal, "now": now_ms} for terminal in sorted(set(spoke))]
    if rows:
        connection.execute(_SEEN, rows)

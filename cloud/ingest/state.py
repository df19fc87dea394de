"""What terminals say of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection

from cloud.db import direct
from models.wire.messages import TerminalState

_SEEN = "UPDATE terminals SET last_seen_ms = ? WHERE terminal_id = ?"
_GONE = "UPDATE terminals SET online = FALSE WHERE terminal_id = ?"
_TOLD = "UPDATE terminals SET online = TRUE, last_seen_ms = ?, state = ? WHERE terminal_id = ?"


def record_states(connection: Connection, states: Sequence[tuple[TerminalState, bool]], now_ms: int) -> None:
    """Keep the newest state of each terminal; the flag says that the broker had retained it.

    A will says only that the terminal is gone: what it reported last stays.
    """
    # By terminal, so that two workers cannot block each other for ever; of each the order stays.
    for state, retained in sorted(states, key=lambda one: one[0].terminal_id):
        if not state.online:
            direct.run(connection, _GONE, (state.terminal_id,))
            continue
        seen_ms = min(state.at_ms, now_ms) if retained else now_ms
        told = msgspec.json.encode(state).decode()
        direct.run(connection, _TOLD, (seen_ms, told, state.terminal_id))


def record_seen(connection: Connection, spoke: Iterable[str], now_ms: int) -> None:
    """Note that these terminals have just sent punches."""
    direct.run_each(connection, _SEEN, [(now_ms, terminal) for terminal in sorted(set(spoke))])

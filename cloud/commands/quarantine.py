"""``quarantine``: input that was put aside, and gaps, in lines."""

from __future__ import annotations

import json
from dataclasses import asdict
from zoneinfo import ZoneInfo

from cloud.commands.console import say
from cloud.db.engine import Database
from cloud.reports.aside import list_aside
from models.clock import from_ms


def list_quarantine(database: Database, limit: int, zone: ZoneInfo, *, as_json: bool) -> int:
    """A line each; 1 if there is any."""
    with database.read() as connection:
        found = list_aside(connection, limit)
    for one in found:
        since = from_ms(one.since_ms).astimezone(zone).isoformat(sep=" ", timespec="seconds")
        line = f"{since}  {one.terminal}  {one.code}{f' seq {one.seq}' if one.seq else ''}: {one.reason}"
        say(json.dumps(asdict(one), ensure_ascii=False) if as_json else line)
    return 1 if found else 0

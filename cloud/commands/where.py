"""``where``: the way of a punch, in lines."""

from __future__ import annotations

import json
from datetime import datetime
from zoneinfo import ZoneInfo

from cloud.commands.console import say
from cloud.db.engine import Database
from cloud.ingest.quarantine import Code
from cloud.reports.where import Quiet, Stop, Trace, plain, where
from models.clock import from_ms, to_ms

_SAID = {
    Stop.JUDGED: "it was judged",
    Stop.NOT_JUDGED: "it was received and is about to be judged",
    Stop.UNKNOWN_PERSON: "it was received, but nobody has this person id",
    Stop.PUT_ASIDE: "it was received, but put aside",
    Stop.PERHAPS_WAITING: "it is not here; it may wait at a terminal that has not told everything yet",
    Stop.NOT_MADE: "no terminal has made it: all have told everything up to a later time",
}


def show_where(database: Database, person: str, at: datetime, zone: ZoneInfo, *, as_json: bool) -> int:
    """Say where the punch is; 1 if it was not judged."""
    instant = at if at.tzinfo is not None else at.replace(tzinfo=zone)
    with database.read() as connection:
        found = where(connection, person, to_ms(instant), zone)
    if as_json:
        say(json.dumps(plain(found, zone), ensure_ascii=False))
    else:
        say(f"{found.name or found.person_id}: {_SAID[found.stop]}")
        for one in found.traces:
            say(f"  {_line(one, zone)}")
        for door in found.quiet:
            say(f"  {_quiet(door, zone)}")
    return 0 if found.stop is Stop.JUDGED else 1


def _line(one: Trace, zone: ZoneInfo) -> str:
    made = f"made {_time(one.wall_ms, zone)} at {one.terminal} (seq {one.seq})"
    if one.at_ms != one.wall_ms:
        made += f", taken for {_time(one.at_ms, zone)}"
    way = f"{made} -> received {_time(one.received_ms, zone)}"
    if one.code == Code.ALREADY_STORED:
        return f"{way} -> another copy of a punch that is counted once"
    if one.code:
        return f"{way} -> put aside: {one.code}"
    if one.day is None or one.result is None:
        return f"{way} -> not judged yet"
    verdict = ", ".join(one.result.findings) or "nothing to remark"
    return f"{way} -> judged into {one.day}: {one.result.state}, {verdict}"


def _quiet(one: Quiet, zone: ZoneInfo) -> str:
    told = f"told everything up to {_time(one.told_ms, zone)}" if one.told_ms else "has told nothing yet"
    seen = f", last seen {_time(one.seen_ms, zone)}" if one.seen_ms else ""
    return f"{one.terminal} {told}{seen}"


def _time(at_ms: int, zone: ZoneInfo) -> str:
    return from_ms(at_ms).astimezone(zone).isoformat(sep=" ", timespec="seconds")

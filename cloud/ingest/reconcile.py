"""Whether the cloud still has what terminals were told it has: by stream and UTC day, count and digest.

The terminal keeps every punch 90 days after the cloud's word. A database that was restored from a copy,
failed over, or lost rows, is so healed from the terminals: what is missing is asked for again.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from cloud.db import direct
from cloud.ingest import gaps
from cloud.ingest.ledger import WIRE, with_ids
from cloud.ingest.opening import Opened
from cloud.ingest.quarantine import Code
from cloud.ingest.streams import StreamKey
from models.chain import day_digest, day_of
from models.ids import StreamId
from models.ranges import Ranges
from models.wire.codec import Malformed, decode
from models.wire.messages import DayCount, WirePunch

_REFUSED = (Code.MALFORMED, Code.KEY_CONFLICT, Code.ID_CONFLICT)
_SPAN = "terminal_id = ? AND stream_id = ? AND seq BETWEEN ? AND ?"
_STORED = f"SELECT {', '.join(WIRE)} FROM punches WHERE {_SPAN} ORDER BY seq"  # noqa: S608 - names of ours
_CODES = ", ".join(f"'{code.value}'" for code in (*_REFUSED, Code.ALREADY_STORED))
_ASIDE = f"SELECT seq, code, payload FROM quarantine WHERE {_SPAN} AND code IN ({_CODES})"  # noqa: S608 - the same


def compare(connection: Connection, opened: Sequence[Opened]) -> dict[StreamKey, Ranges]:
    """What is to be sent again of the days that states told of: what is missing, and days that differ.

    A day that differs is put aside as well. Those of its punches that are here are acknowledged once more;
    those under whose numbers there are others are refused, and come back under numbers of their own.
    """
    lost: dict[StreamKey, Ranges] = {}
    for one in opened:
        if one.state is None or one.message.retained:
            continue
        keys = sorted({StreamKey(one.state.terminal_id, day.stream_id) for day in one.state.days})
        # A day that is told of is kept: what seemed lost, by the word of a copy of the card, is not.
        known = gaps.load_final(connection, keys)
        for day in one.state.days:
            key = StreamKey(one.state.terminal_id, day.stream_id)
            missing = _compare(connection, one, key, day, known.get(key, Ranges()))
            if missing:
                lost[key] = lost.get(key, Ranges()) | missing
    return lost


def _compare(
    connection: Connection, one: Opened, key: StreamKey, day: DayCount, known_gaps: Ranges
) -> Ranges:
    span = (*key, day.first_seq, day.last_seq)
    by_seq = {seq: WirePunch(seq, *rest) for seq, *rest in direct.rows(connection, _STORED, span)}
    aside = Ranges()
    for seq, code, payload in direct.rows(connection, _ASIDE, span):
        if code != Code.ALREADY_STORED:
            aside |= Ranges.single(seq)
        elif seq not in by_seq and (punch := _stored_elsewhere(connection, key, bytes(payload))):
            by_seq[seq] = punch
    stored = [by_seq[seq] for seq in sorted(by_seq)]
    there = Ranges.of((seq, seq) for seq in by_seq)
    all_of_it = Ranges.of([(day.first_seq, day.last_seq)])
    missing = all_of_it - there - aside - known_gaps
    # Where some were refused or are gone, the digests stand for different punches.
    if not missing and not aside and not all_of_it & known_gaps and not _is_same(day, stored):
        what = f"{day.day} {day.digest.hex()}".encode()
        reason = f"punches {day.first_seq} to {day.last_seq} differ from those of the terminal"
        one.put_aside(Code.DAY_DIFFERS, reason, what)
        return all_of_it
    return missing


def _stored_elsewhere(connection: Connection, key: StreamKey, payload: bytes) -> WirePunch | None:
    """The punch put aside because another key has it, if that is still so: rows get lost, notes too."""
    punch = decode(payload, WirePunch)
    if isinstance(punch, Malformed) or not with_ids(connection, [(punch.punch_id, key.terminal_id)]):
        return None
    return punch


def _is_same(day: DayCount, stored: Sequence[WirePunch]) -> bool:
    """Whether the punches stored for the day are the terminal's."""
    of_day = [punch for punch in stored if day_of(punch.wall_ms) == day.day]
    return len(of_day) == day.count and day.digest == day_digest(StreamId(day.stream_id), day.day, of_day)

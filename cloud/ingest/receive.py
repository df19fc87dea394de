"""Messages of terminals into the database, and the answers: the core of the ingest.

Everything happens in one transaction of the caller, who sends the answers only after it has committed.
Nothing here raises for what a message says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct, structs
from sqlalchemy import Connection

from cloud.attendance import stale
from cloud.db import direct
from cloud.db.bulk import those_in
from cloud.ingest import ledger, reconcile, redate
from cloud.ingest.acks import ack
from cloud.ingest.hearing import heard, present
from cloud.ingest.ledger import Arrived, Stored, arrived_of
from cloud.ingest.opening import Message, Opened, open_message
from cloud.ingest.quarantine import Code, PutAside, put_aside
from cloud.ingest.redate import Boot, Moved
from cloud.ingest.state import record_seen, record_states
from cloud.ingest.streams import Advanced, StreamKey, advance
from models.clock import from_ms
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality
from models.wire import topics
from models.wire.codec import encode
from models.wire.messages import PunchAck

_TERMINALS = "SELECT terminal_id, revoked_ms FROM terminals WHERE"
_OWNERS = "SELECT terminal_id, stream_id FROM streams WHERE"
_QUARTER_MS = 900_000
_UNTRUSTED = int(ClockQuality.UNTRUSTED)
_FUTURE_MS = 2 * 86_400_000
"""No clock that anybody set is further ahead than this."""


class Received(Struct, frozen=True):
    """What became of a message.

    Attributes:
        ack: answer for the terminal's ``ack`` topic, to be sent after the commit; None where there is nobody
            to answer or nothing to say.
        stored: punches that were not known before.
        quarantined: how many things were put aside.
        terminal_id: the known terminal that spoke.
    """

    ack: PunchAck | None = None
    stored: tuple[Arrived, ...] = ()
    quarantined: int = 0
    terminal_id: TerminalId | None = None


def receive(connection: Connection, topic: str, payload: bytes, now_ms: int, zone: ZoneInfo) -> Received:
    """Take one message; see ``receive_all``."""
    return receive_all(connection, [Message(topic, payload)], now_ms, zone)[0]


def receive_all(
    connection: Connection, messages: Sequence[Message], now_ms: int, zone: ZoneInfo
) -> list[Received]:
    """Take a group of messages in one transaction; an answer for each, in their order.

    ``zone`` is where dates are local: the person-days that a punch can change are marked to be judged again.
    """
    known = _terminals(connection, messages)
    opened = [open_message(message, known) for message in messages]
    _give_to_owners(connection, opened)
    dated, moved = _date(connection, opened, now_ms)
    stored = ledger.store(connection, [one for punches in dated for one in punches])
    new = [_new(one, punches, stored) for one, punches in zip(opened, dated, strict=True)]
    _mark_days(connection, opened, new, moved, now_ms, zone)
    states = [(one.state, one.message.retained) for one in opened if one.state is not None]
    record_states(connection, states, now_ms)
    record_seen(connection, _spoke(opened), now_ms)
    advanced = advance(connection, heard(opened, now_ms), present(opened), now_ms)
    _flag_copies(opened, advanced)
    lost = reconcile.compare(connection, opened)
    put_aside(connection, [thing for one in opened for thing in one.aside], now_ms)
    return [
        Received(
            ack(one, advanced, lost, now_ms),
            tuple(punches),
            len(one.aside),
            one.terminal_id,
        )
        for one, punches in zip(opened, new, strict=True)
    ]


def _terminals(connection: Connection, messages: Sequence[Message]) -> dict[str, bool]:
    """The known terminals that the topics name, and whether each is revoked."""
    named = {parsed.terminal_id for message in messages if (parsed := topics.parse(message.topic))}
    rows = direct.rows_of(connection, _TERMINALS, ("terminal_id",), [(each,) for each in sorted(named)])
    return {terminal: revoked is not None for terminal, revoked in rows}


def _give_to_owners(connection: Connection, opened: Sequence[Opened]) -> None:
    """A stream belongs to one ledger: if that was claimed anew, its older streams stay those of its older id.

    Else a punch that was stored under the one and sent again under the other would count twice.
    """
    named = {one.batch.stream_id for one in opened if one.batch is not None and one.accepted}
    owners: dict[bytes, set[str]] = {}
    for terminal, stream in direct.rows_of(connection, _OWNERS, ("stream_id",), [(each,) for each in named]):
        owners.setdefault(stream, set()).add(terminal)
    for one in opened:
        if one.batch is not None and one.accepted:
            known = owners.get(one.batch.stream_id, set())
            if known and one.batch.terminal_id not in known:
                one.batch = structs.replace(one.batch, terminal_id=min(known))


def _date(
    connection: Connection, opened: Sequence[Opened], now_ms: int
) -> tuple[list[list[Arrived]], list[Moved]]:
    """The punches of each message with their instants, and stored ones that got another instant."""
    batches = [one.batch for one in opened if one.batch is not None and one.accepted]
    offsets = redate.learn(connection, batches, now_ms)
    moved = redate.redate(connection, offsets.fresh)
    return [_rows(one, offsets.all, now_ms) for one in opened], moved


def _rows(one: Opened, offsets: Mapping[Boot, int], now_ms: int) -> list[Arrived]:
    """The punches of a message as rows."""
    if one.batch is None or not one.punches:
        return []
    terminal, stream = one.batch.terminal_id, one.batch.stream_id
    known = {boot: offsets.get(Boot(terminal, stream, boot)) for boot in {each.boot for each in one.punches}}
    return [
        arrived_of((terminal, stream, *structs.astuple(each), at_ms, now_ms))
        for each, at_ms in zip(one.punches, redate.instants(one.punches, known), strict=True)
    ]


def _new(one: Opened, punches: list[Arrived], stored: Stored) -> list[Arrived]:
    """The punches of a message that are stored now; the others are compared with what is there."""
    if stored.is_all_new:
        return punches
    new: list[Arrived] = []
    for punch in punches:
        if stored.new.get(punch.key) is punch:
            new.append(punch)
        else:
            _compare(one, punch, stored)
    return new


def _compare(one: Opened, punch: Arrived, stored: Stored) -> None:
    """A punch that was not stored must be a repeat: else it is put aside, and not acknowledged."""
    key, wire = punch.key, punch.wire
    twin, elsewhere = stored.elsewhere.get(key, (key, wire))
    there = stored.new[key].wire if key in stored.new else stored.held.get(key)
    there = there or structs.replace(elsewhere, seq=key.seq)
    if there.punch_id != wire.punch_id:
        reason = "another punch has this stream and seq: the outbox was copied or rebuilt"
        one.put_aside(Code.KEY_CONFLICT, reason, encode(wire), key.seq)
    elif there != wire:
        reason = f"seq {twin.seq} of stream {twin.stream_id.hex()} has this id, and says something else"
        one.put_aside(Code.ID_CONFLICT, reason, encode(wire), key.seq)
    elif twin != key:
        reason = f"counted as seq {twin.seq} of stream {twin.stream_id.hex()}: the outbox was copied"
        one.note(Code.ALREADY_STORED, reason, encode(wire), key.seq)


def _mark_days(
    connection: Connection,
    opened: Sequence[Opened],
    new: Sequence[Sequence[Arrived]],
    moved: Sequence[Moved],
    now_ms: int,
    zone: ZoneInfo,
) -> None:
    """Mark what the punches can change, and list those that wait for a person or a possible time."""
    dates = _Dates(now_ms, zone)
    around = {(punch.person_id, dates[punch.at_ms // _QUARTER_MS]) for punches in new for punch in punches}
    for who, *instants in moved:
        around |= {(who, dates[at_ms // _QUARTER_MS]) for at_ms in instants}
    named = {person for person, _ in around}
    known = _people(connection, named)
    if named != known or None in dates.values():
        for one, punches in zip(opened, new, strict=True):
            _list_strange(one, punches, known, now_ms)
    # A punch of a clock that was not set shows on the day it was received (T5).
    today = dates[now_ms // _QUARTER_MS]
    around |= {(punch.person_id, today) for punches in new for punch in punches if punch.clock == _UNTRUSTED}
    days = {
        (PersonId(person), day)
        for person, date_of_it in around
        if date_of_it is not None and person in known
        for day in _near(date_of_it)
    }
    stale.mark(connection, days, "punch", now_ms)


class _Dates(dict[int, date | None]):
    """The local date of each quarter of an hour since 1970; None: a time that cannot be."""

    def __init__(self, now_ms: int, zone: ZoneInfo) -> None:
        super().__init__()
        self._now_ms = now_ms
        self._zone = zone

    def __missing__(self, quarter: int) -> date | None:
        is_impossible = _is_impossible(quarter * _QUARTER_MS, self._now_ms)
        found = self[quarter] = None if is_impossible else _date_of(quarter, self._zone)
        return found


@lru_cache(maxsize=4096)
def _date_of(quarter: int, zone: ZoneInfo) -> date:
    # Offsets of zones are whole quarters of an hour, so no date begins inside one.
    return from_ms(quarter * _QUARTER_MS).astimezone(zone).date()


@lru_cache(maxsize=512)
def _near(day: date) -> list[date]:
    return stale.around(day, day)


def _list_strange(one: Opened, new: Iterable[Arrived], known: set[str], now_ms: int) -> None:
    """A punch of somebody unknown, or of a time that cannot be, is stored and waits where people see it."""
    for punch in new:
        place = (one.message.topic, one.terminal_id, punch.stream_id, punch.seq, punch.person_id)
        if punch.person_id not in known:
            reason = "nobody has this person id"
            one.aside.append(PutAside(Code.UNKNOWN_PERSON, reason, encode(punch.wire), *place))
        if _is_impossible(punch.at_ms, now_ms):
            reason = "a time that cannot be: the terminal's clock is wrong"
            one.aside.append(PutAside(Code.IMPOSSIBLE_TIME, reason, encode(punch.wire), *place))


def _is_impossible(at_ms: int, now_ms: int) -> bool:
    """By whole quarters of an hour, as days are marked."""
    return not 0 <= at_ms // _QUARTER_MS <= (now_ms + _FUTURE_MS) // _QUARTER_MS


def _people(connection: Connection, named: set[str]) -> set[str]:
    return those_in(connection, "people", "person_id", sorted(named)) if named else set()


def _spoke(opened: Sequence[Opened]) -> list[TerminalId]:
    """The terminals that have just sent punches; what is retained says nothing about now."""
    return [
        one.terminal_id for one in opened if one.accepted and one.terminal_id and not one.message.retained
    ]


def _flag_copies(opened: Sequence[Opened], advanced: dict[StreamKey, Advanced]) -> None:
    """A terminal that once had more than it has now: somebody put an older copy of its card back."""
    for one in opened:
        state = one.state
        for kept in state.kept if state is not None else ():
            stream = advanced.get(StreamKey(one.terminal_id or "", kept.stream_id))
            if stream is not None and stream.behind is not None:
                known = stream.progress.highest
                reason = f"its ledger ends at {stream.behind}, {known} is known: an older copy was put back"
                one.put_aside(Code.OLDER_COPY, reason, f"{kept.stream_id.hex()} {known}".encode())

"""A message that no transaction takes, punch by punch: what cannot be stored is put aside, the rest taken."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from cloud.ingest.answers import merged
from cloud.ingest.batch import Batch, read
from cloud.ingest.opening import Message
from cloud.ingest.quarantine import Code, PutAside, put_aside
from cloud.ingest.receive import Received, receive_all
from models.ids import TerminalId
from models.wire import topics
from models.wire.codec import Malformed, encode
from models.wire.messages import VERSION, PunchAck, PunchBatch, Refusal, WirePunch
from models.wire.topics import Channel

_REASON = "it cannot be stored"


def receive_apart(connection: Connection, message: Message, now_ms: int, zone: ZoneInfo) -> Received:
    """Take ``message``, each of its punches under a savepoint of its own; see ``receive_all``.

    A database that fails raises: it says nothing about the punch.
    """
    batch, topic = read(message.payload), topics.parse(message.topic)
    if isinstance(batch, Malformed) or topic is None or topic.channel is not Channel.UP:
        return _whole(connection, message, now_ms, zone)
    taken = [_one(connection, message, batch, punch, now_ms, zone) for punch in batch.punches]
    acks = merged((topic.terminal_id, one.ack) for one in taken if one.ack is not None)
    return Received(
        acks[0][1] if acks else None,
        tuple(punch for one in taken for punch in one.stored),
        sum(one.quarantined for one in taken),
        topic.terminal_id,
    )


def _whole(connection: Connection, message: Message, now_ms: int, zone: ZoneInfo) -> Received:
    """A message that is no batch: that it came here may have been the database's fault, not its own."""
    try:
        with connection.begin_nested():
            return receive_all(connection, [message], now_ms, zone)[0]
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # noqa: BLE001  whatever it is about this message, the others must not wait for it
        put_aside(connection, [PutAside(Code.MALFORMED, _REASON, message.payload, message.topic)], now_ms)
        return Received(quarantined=1)


def _one(
    connection: Connection, message: Message, batch: Batch, punch: WirePunch, now_ms: int, zone: ZoneInfo
) -> Received:
    try:
        with connection.begin_nested():
            alone = Message.of(message.topic, _alone(batch, punch), retained=message.retained)
            return receive_all(connection, [alone], now_ms, zone)[0]
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # noqa: BLE001  whatever it is about this punch, the others must not wait for it
        return _refused(connection, message, batch, punch, now_ms)


def _alone(batch: Batch, punch: WirePunch) -> bytes:
    return encode(
        PunchBatch(
            VERSION,
            batch.terminal_id,
            batch.stream_id,
            batch.boot,
            batch.sent_ms,
            batch.sent_monotonic_ms,
            batch.lowest,
            batch.highest,
            (punch,),
            batch.sender,
        )
    )


def _refused(
    connection: Connection, message: Message, batch: Batch, punch: WirePunch, now_ms: int
) -> Received:
    where = message.topic, batch.terminal_id, batch.stream_id, punch.seq
    put_aside(connection, [PutAside(Code.MALFORMED, _REASON, msgspec.msgpack.encode(punch), *where)], now_ms)
    ack = PunchAck(
        VERSION,
        batch.stream_id,
        (),
        (),
        (Refusal(punch.seq, Code.MALFORMED.value),),
        now_ms,
        batch.sent_monotonic_ms,
        sender=batch.sender,
    )
    return Received(ack, quarantined=1, terminal_id=TerminalId(batch.terminal_id))

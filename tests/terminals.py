"""A terminal as the cloud sees it: makes punches, sends batches and states, reads acks."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Connection, insert

from cloud.db.tables import departments, people, terminals
from cloud.terminals.secret import hash_secret
from models.ids import TerminalId
from models.wire import topics
from models.wire.codec import encode
from models.wire.messages import PunchAck, PunchBatch, TerminalState, WirePunch
from models.wire.topics import Channel

NOW_MS = 1_795_000_000_000  # 2026-11-18 19:06:40 in Shanghai


def add_terminal(connection: Connection, terminal_id: str, *, revoked_ms: int | None = None) -> None:
    connection.execute(
        insert(terminals).values(
            terminal_id=terminal_id,
            name=f"door {terminal_id}",
            site="HQ",
            token_hash=hash_secret(f"token of {terminal_id}"),
            claimed_ms=0,
            revoked_ms=revoked_ms,
        )
    )


def add_person(connection: Connection, person_id: str) -> None:
    if connection.execute(departments.select()).first() is None:
        connection.execute(insert(departments).values(department_id="d", name="研发部"))
    connection.execute(
        insert(people).values(
            person_id=person_id,
            employee_no=person_id,
            name=f"person {person_id}",
            department_id="d",
            updated_ms=0,
        )
    )


@dataclass
class Door:
    """One outbox of one terminal."""

    terminal_id: str = "t-1"
    stream_id: bytes = b"stream-1........"
    boot: int = 1
    lowest: int = 1
    sent_ms: int = NOW_MS
    sent_monotonic_ms: int = 1_000_000
    made: dict[int, WirePunch] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        return topics.topic(TerminalId(self.terminal_id), Channel.UP)

    @property
    def state_topic(self) -> str:
        return topics.topic(TerminalId(self.terminal_id), Channel.STATE)

    def punch(
        self,
        seq: int,
        person: str = "p-1",
        *,
        at_ms: int | None = None,
        clock: int = 2,
        boot: int | None = None,
        monotonic_ms: int | None = None,
        salt: int = 0,
    ) -> WirePunch:
        wall = NOW_MS - 60_000 + seq if at_ms is None else at_ms
        made = WirePunch(
            seq,
            bytes([salt]) + self.stream_id[:7] + seq.to_bytes(8, "big"),
            person,
            wall,
            wall - NOW_MS + 1_000_000 if monotonic_ms is None else monotonic_ms,
            self.boot if boot is None else boot,
            clock,
            1,
        )
        self.made[seq] = made
        return made

    def batch(self, *punches: WirePunch, highest: int | None = None) -> PunchBatch:
        return PunchBatch(
            1,
            self.terminal_id,
            self.stream_id,
            self.boot,
            self.sent_ms,
            self.sent_monotonic_ms,
            self.lowest,
            max(self.made, default=1) if highest is None else highest,
            punches,
        )

    def payload(self, *punches: WirePunch, highest: int | None = None) -> bytes:
        return encode(self.batch(*punches, highest=highest))

    def state(self, *, at_ms: int = NOW_MS, highest: int = 0, online: bool = True, clock: int = 2) -> bytes:
        return encode(
            TerminalState(
                1,
                self.terminal_id,
                online,
                at_ms,
                self.boot,
                self.stream_id,
                highest,
                clock=clock,
                app_version="1.0",
            )
        )


def read_ack(ack: PunchAck | bytes | None) -> PunchAck:
    assert ack is not None
    return ack if isinstance(ack, PunchAck) else msgspec.msgpack.decode(ack, type=PunchAck)


def committed(ack: PunchAck) -> set[int]:
    return {seq for first, last in ack.committed for seq in range(first, last + 1)}

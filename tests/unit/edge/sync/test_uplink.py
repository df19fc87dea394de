"""The uplink without its thread: what it makes of what it hears."""

from __future__ import annotations

from pathlib import Path

from edge.health.machine import Machine
from edge.punch.ledger import Ledger
from edge.sync.link import Login
from edge.sync.links import Heard
from edge.sync.uplink import Uplink
from edge.sync.ways import Way
from models.ids import TerminalId
from models.wire.codec import encode
from models.wire.messages import VERSION, PunchAck
from models.wire.topics import Channel

TERMINAL = TerminalId("t-0000000000000001")
NOON_MS = 1_795_000_000_000


class SetClock:
    """A clock that is set by hand; the monotonic one goes on."""

    def __init__(self) -> None:
        self.wall = NOON_MS
        self.monotonic = 50_000

    def wall_ms(self) -> int:
        return self.wall

    def monotonic_ms(self) -> int:
        return self.monotonic


def test_what_the_cloud_said_of_the_time_outlives_a_clock_that_is_set(tmp_path: Path):
    """Found by the simulation: punches after a jump were called synchronised until the next answer."""
    clock = SetClock()
    with Ledger(tmp_path / "p.db", TERMINAL, Machine("m", "b")) as ledger:
        uplink = Uplink(ledger, Login(TERMINAL, "", "mqtt://localhost"), clock)
        answer = PunchAck(VERSION, ledger.stream.stream_id, (), (), (), NOON_MS + 100, 50_000)
        uplink._hear(Heard(Way.MQTT, Channel.ACK, encode(answer)), 50_000)
        assert uplink.offset_ms == 100

        clock.wall -= 3_600_000
        clock.monotonic += 60_000
        clock.wall += 60_000

        assert uplink.offset_ms == 100 + 3_600_000

"""The real driver joined to the emulated module's line in memory, in virtual time."""

from __future__ import annotations

from pathlib import Path

from firmware_bridge.driver import Driver
from firmware_bridge.emulator.faults import FaultPlan
from firmware_bridge.emulator.library import Library
from firmware_bridge.emulator.line import Line
from firmware_bridge.emulator.sensor import EmulatedSensor
from firmware_bridge.errors import LinkLost
from firmware_bridge.profiles import R307
from firmware_bridge.sensor import Sensor


class VirtualClock:
    def __init__(self) -> None:
        self.now_ms = 0

    def monotonic_ms(self) -> int:
        return self.now_ms


class NullModem:
    """A link whose waiting moves the virtual clock instead of lasting."""

    def __init__(self, line: Line, clock: VirtualClock) -> None:
        self._line = line
        self._clock = clock
        self.arrived = b""
        self.sent: list[bytes] = []
        self.closed = False

    def send(self, data: bytes) -> None:
        if self._line.unplugged:
            raise LinkLost("unplugged")
        self.sent.append(data)
        self.arrived += self._line.answer(data)

    def receive(self, timeout_ms: int) -> bytes:
        if not self.arrived:
            self._clock.now_ms += timeout_ms
        arrived, self.arrived = self.arrived, b""
        return arrived

    def discard_input(self) -> None:
        self.arrived = b""

    def close(self) -> None:
        self.closed = True


class Bench:
    """An emulated module and the means to talk to it."""

    def __init__(self, folder: Path | None = None, *, password: int = 0) -> None:
        self.clock = VirtualClock()
        self.faults = FaultPlan()
        self.library = Library(folder, capacity=R307.capacity, template_bytes=R307.template_bytes)
        self.module = EmulatedSensor(R307, self.library, self.clock, password)
        self.line = Line(self.module, self.faults)
        self.modem = NullModem(self.line, self.clock)

    def driver(self, password: int = 0) -> Driver:
        return Driver(self.modem, self.clock, password=password)

    def sensor(self) -> Sensor:
        return Sensor(self.driver(), R307)

    def press(self, finger: str, quality: float = 0.8, ms: int = 900) -> None:
        self.module.press(finger, ms, quality)

    def commands(self) -> list[int]:
        """Opcodes of the commands sent so far."""
        return [frame[9] for frame in self.modem.sent if frame[6] == 1]

"""An emulated sensor behind its wire, without input or output: bytes in, bytes out, faults on the way."""

from __future__ import annotations

from firmware_bridge.deframer import Damaged, Deframer
from firmware_bridge.emulator.faults import Fault, FaultPlan, spoil
from firmware_bridge.emulator.sensor import EmulatedSensor
from firmware_bridge.packets import DEFAULT_ADDRESS, Packet, PacketId


class Line:
    """The module's end of the wire.

    Attributes:
        unplugged: the UNPLUG fault struck; nothing more is answered until :meth:`plug`.
    """

    def __init__(self, sensor: EmulatedSensor, faults: FaultPlan) -> None:
        self._sensor = sensor
        self._faults = faults
        self._deframer = Deframer(DEFAULT_ADDRESS, {PacketId.COMMAND, PacketId.DATA, PacketId.END_OF_DATA})
        self._late = b""
        self.unplugged = False

    @property
    def partial(self) -> bool:
        """Whether a packet has begun and not ended."""
        return self._deframer.partial

    def plug(self) -> None:
        """Begin as after power-up."""
        self._deframer.clear()
        self._late = b""
        self._sensor.power_on()
        self.unplugged = False

    def answer(self, data: bytes) -> bytes:
        """What the module sends after these bytes."""
        self._deframer.feed(data)
        return self._answer_packets()

    def pause(self) -> bytes:
        """What the module sends once it sees that the packet begun will not end."""
        self._deframer.abandon()
        return self._answer_packets()

    def _answer_packets(self) -> bytes:
        sent = b""
        while not self.unplugged and (packet := self._deframer.next_packet()) is not None:
            answer = self._sensor.damaged() if isinstance(packet, Damaged) else self._sensor.handle(packet)
            if answer:
                sent += self._spoilt(answer)
        return sent

    def _spoilt(self, answer: list[Packet]) -> bytes:
        data = b"".join(packet.encode() for packet in answer)
        fault = self._faults.draw()
        late, self._late = self._late, b""
        if fault is Fault.LATE:
            self._late = data
        self.unplugged = fault is Fault.UNPLUG
        return b"" if self.unplugged else late + spoil(fault, data)

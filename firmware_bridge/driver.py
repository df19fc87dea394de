"""pyfingerprint with another transport under it.

pyfingerprint 1.5 knows the instructions but reads byte by byte without a deadline, never gets back in step
after a stray byte, and reports everything as ``Exception``. All its methods go through ``__writePacket``
and ``__readPacket``; replacing those two keeps its protocol layer and gives every command one write, one
deadline, resynchronisation and typed errors.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from pyfingerprint.pyfingerprint import PyFingerprint

from firmware_bridge.confirmation import Confirmation, describe
from firmware_bridge.deadline import Clock, Deadline
from firmware_bridge.deframer import Damaged, Deframer
from firmware_bridge.errors import LinkLost, ProtocolViolation, SensorRefused
from firmware_bridge.instructions import (
    INSTRUCTIONS,
    READ_SYS_PARA,
    TEMPLETE_NUM,
    VFY_PWD,
    DataPhase,
    Instruction,
)
from firmware_bridge.link import ByteLink
from firmware_bridge.packets import DEFAULT_ADDRESS, Packet, PacketId
from firmware_bridge.profiles import packet_bytes

log = logging.getLogger(__name__)

FRAME_GAP_MS = 100
"""A packet that pauses this long was cut or never was one: 267 bytes last 46 ms at 57 600 baud."""

DRAIN_MS = 300
"""How long a late answer is waited for, at most, before the handshake."""

HANDSHAKE_MS = DRAIN_MS + VFY_PWD.deadline_ms + READ_SYS_PARA.deadline_ms + TEMPLETE_NUM.deadline_ms
"""What getting back in step may add to the next call after a failed one."""

_MAX_PACKET_CODE = 3

# A damaged command, or a sensor that restarted behind our back: the handshake mends both.
_OUT_OF_STEP = (Confirmation.PACKET_ERROR, Confirmation.PASSWORD_REQUIRED)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What ReadSysPara tells. Source: ZFM-20 user manual, section "System configuration parameter"."""

    status: int
    system_id: int
    capacity: int
    security_level: int
    address: int
    packet_code: int
    baud_n: int


class _Exchange:
    """One command on its way: what it is, how long it may take, whether it was acknowledged."""

    def __init__(self, instruction: Instruction, clock: Clock) -> None:
        self.instruction = instruction
        self.deadline = Deadline(clock, instruction.deadline_ms)
        self.acknowledged = False


class Driver(PyFingerprint):  # type: ignore[misc]  # pyfingerprint ships no types
    """The instructions of pyfingerprint, each bounded by its deadline in the instruction table.

    One thread at a time. A call that follows a failed one first gets back in step (:data:`HANDSHAKE_MS` at
    most), so a late answer is never taken for another command's.

    Raises (from every instruction):
        LinkLost: no usable answer in time, or the port died.
        SensorRefused: a code that is not an outcome by the instruction table.
        ProtocolViolation: well-formed answers that the data sheet does not allow.
    """

    def __init__(
        self, link: ByteLink, clock: Clock, *, password: int = 0, address: int = DEFAULT_ADDRESS
    ) -> None:
        # PyFingerprint.__init__ is left out on purpose: it opens the port without a lock, twice.
        self._PyFingerprint__address = address
        self._PyFingerprint__password = password
        self._link = link
        self._clock = clock
        self._password = password
        self._address = address
        self._deframer = Deframer(address, {PacketId.ACK, PacketId.DATA, PacketId.END_OF_DATA})
        self._exchange: _Exchange | None = None
        self._in_step = False
        self._parameters: Parameters | None = None

    def close(self) -> None:
        """Give the port back."""
        self._link.close()

    @property
    def parameters(self) -> Parameters:
        """The parameters as of the last handshake; asks for them when there was none yet."""
        known = self._parameters
        return known if known is not None and self._in_step else self._get_in_step()

    def getStorageCapacity(self) -> int:  # noqa: N802 - upstream's name
        """Slots of the library; spares upstream a ReadSysPara before every search, load and delete."""
        return self.parameters.capacity

    def getMaxPacketSize(self) -> int:  # noqa: N802 - upstream's name
        """Content bytes of a data packet."""
        return packet_bytes(self.parameters.packet_code)

    def _PyFingerprint__writePacket(self, pid: int, content: Sequence[int]) -> None:  # noqa: N802 - upstream's
        if pid == PacketId.COMMAND:
            if not self._in_step:
                self._get_in_step()
            self._begin(INSTRUCTIONS[content[0]])
        try:
            self._link.send(Packet(PacketId(pid), bytes(content), self._address).encode())
        except LinkLost:
            self._in_step = False
            raise

    def _PyFingerprint__readPacket(self) -> tuple[int, list[int]]:  # noqa: N802 - upstream's name
        exchange = self._exchange
        if exchange is None:
            raise ProtocolViolation("an answer was read before a command was sent")
        try:
            packet = self._await_data(exchange) if exchange.acknowledged else self._await_ack(exchange)
        except LinkLost:
            self._in_step = False
            raise
        return int(packet.pid), list(packet.content)

    def _begin(self, instruction: Instruction) -> _Exchange:
        self._link.discard_input()
        self._deframer.clear()
        self._exchange = _Exchange(instruction, self._clock)
        return self._exchange

    def _await_ack(self, exchange: _Exchange) -> Packet:
        """The acknowledgement; data packets and acks too short for this instruction are not its answer."""
        instruction = exchange.instruction
        while True:
            packet = self._receive(exchange)
            if packet.pid is not PacketId.ACK:
                continue
            code = packet.content[0]
            if code in _OUT_OF_STEP:
                raise LinkLost(f"{instruction.name} was not carried out: {describe(code)}")
            if code != Confirmation.OK and code not in instruction.expected:
                raise SensorRefused(instruction.name, code)
            if code == Confirmation.OK and len(packet.content) != 1 + instruction.reply_bytes:
                continue
            exchange.acknowledged = True
            return packet

    def _await_data(self, exchange: _Exchange) -> Packet:
        if exchange.instruction.data is not DataPhase.TO_HOST:
            raise ProtocolViolation(f"{exchange.instruction.name} has one answer only")
        while True:
            packet = self._receive(exchange)
            if packet.pid is not PacketId.ACK:
                return packet

    def _receive(self, exchange: _Exchange) -> Packet:
        while True:
            match self._deframer.next_packet():
                case Packet() as packet:
                    return packet
                case Damaged():
                    if exchange.acknowledged:
                        raise LinkLost(f"data of {exchange.instruction.name} came damaged")
                case None:
                    self._fill(exchange)

    def _fill(self, exchange: _Exchange) -> None:
        left_ms = exchange.deadline.left_ms()
        if left_ms == 0:
            raise LinkLost(
                f"no answer to {exchange.instruction.name} within {exchange.instruction.deadline_ms} ms"
            )
        partial = self._deframer.partial
        data = self._link.receive(min(left_ms, FRAME_GAP_MS) if partial else left_ms)
        if data:
            self._deframer.feed(data)
        elif partial:
            self._deframer.abandon()

    def _get_in_step(self) -> Parameters:
        """Make sure that the next acknowledgement belongs to the next command.

        Answers come in the order of commands. An answer to ReadSysPara can be told from all others by its
        length, and one to TempleteNum from those that may still be behind it; after both came, nothing is
        under way.
        """
        self._drain()
        self._verify_password()
        content = self._hunt(READ_SYS_PARA)
        fields = []
        at = 1
        for field in READ_SYS_PARA.reply:
            fields.append(int.from_bytes(content[at : at + field.size], "big"))
            at += field.size
        parameters = Parameters(*fields)
        if parameters.packet_code > _MAX_PACKET_CODE:
            raise ProtocolViolation(
                f"packet size code {parameters.packet_code} is not 0 to {_MAX_PACKET_CODE}"
            )
        self._hunt(TEMPLETE_NUM)
        self._parameters = parameters
        self._in_step = True
        log.debug("sensor_in_step")
        return parameters

    def _drain(self) -> None:
        deadline = Deadline(self._clock, DRAIN_MS)
        while (left_ms := deadline.left_ms()) > 0:
            if not self._link.receive(min(left_ms, FRAME_GAP_MS)):
                return

    def _verify_password(self) -> None:
        exchange = self._send(VFY_PWD, self._password.to_bytes(4, "big"))
        while True:
            packet = self._receive(exchange)
            if packet.pid is PacketId.ACK:
                # Other codes may be a late answer; a refused password shows in what follows.
                if packet.content[0] == Confirmation.WRONG_PASSWORD:
                    raise SensorRefused(VFY_PWD.name, Confirmation.WRONG_PASSWORD)
                return

    def _hunt(self, instruction: Instruction) -> bytes:
        """Content of the first answer that can only be this instruction's."""
        exchange = self._send(instruction, b"")
        while True:
            packet = self._receive(exchange)
            content = packet.content
            if (
                packet.pid is PacketId.ACK
                and content[0] == Confirmation.OK
                and len(content) == 1 + instruction.reply_bytes
            ):
                return content

    def _send(self, instruction: Instruction, parameters: bytes) -> _Exchange:
        exchange = self._begin(instruction)
        command = bytes([instruction.opcode]) + parameters
        self._link.send(Packet(PacketId.COMMAND, command, self._address).encode())
        return exchange

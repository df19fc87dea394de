"""What the module does with a command: image buffer, character buffers, library, status register.

Source: ZFM-20 user manual, "Module instruction system" and "System resources". Answers come at once: a real
module takes 0.2 to 1 s to image and search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware_bridge.confirmation import Confirmation
from firmware_bridge.deadline import Clock, Deadline
from firmware_bridge.emulator import fingers
from firmware_bridge.emulator.library import Library
from firmware_bridge.instructions import (
    DELET_CHAR,
    DOWN_CHAR,
    EMPTY,
    GEN_IMG,
    IMG_2_TZ,
    INSTRUCTIONS,
    LOAD_CHAR,
    MATCH,
    READ_CON_LIST,
    READ_SYS_PARA,
    REG_MODEL,
    SEARCH,
    SLOTS_PER_INDEX_PAGE,
    STORE,
    TEMPLETE_NUM,
    UP_CHAR,
    VFY_PWD,
    Instruction,
)
from firmware_bridge.packets import DEFAULT_ADDRESS, Packet, PacketId, data_packets
from firmware_bridge.profiles import Profile, packet_bytes

_STATUS_MATCHED = 1 << 1
_STATUS_VERIFIED = 1 << 2
_STATUS_IMAGE = 1 << 3


@dataclass(frozen=True, slots=True)
class _Press:
    finger: str
    quality: float
    until: Deadline


@dataclass(frozen=True, slots=True)
class _Image:
    finger: str
    quality: float
    number: int


class EmulatedSensor:
    """One module: packets in, packets out.

    Args:
        password: anything but 0 locks every instruction until it was verified.
    """

    def __init__(self, profile: Profile, library: Library, clock: Clock, password: int = 0) -> None:
        self.profile = profile
        self.library = library
        self._clock = clock
        self._password = password
        self._press: _Press | None = None
        self._images_taken = 0
        self._instructions: dict[Instruction, Callable[..., list[Packet]]] = {
            GEN_IMG: self._gen_img,
            IMG_2_TZ: self._img_2_tz,
            MATCH: self._match,
            SEARCH: self._search,
            REG_MODEL: self._reg_model,
            STORE: self._store,
            LOAD_CHAR: self._load_char,
            UP_CHAR: self._up_char,
            DOWN_CHAR: self._down_char,
            DELET_CHAR: self._delet_char,
            EMPTY: self._empty,
            READ_SYS_PARA: self._read_sys_para,
            VFY_PWD: self._vfy_pwd,
            TEMPLETE_NUM: self._templete_num,
            READ_CON_LIST: self._read_con_list,
        }
        self.power_on()

    def power_on(self) -> None:
        """Start as after power-up: the library stays, everything else is gone."""
        self._image: _Image | None = None
        self._buffers: dict[int, bytes] = {}
        self._receiving: tuple[int, bytearray] | None = None
        self._matched = False
        self._verified = False

    def press(self, finger: str, ms: int, quality: float) -> None:
        """Lay a finger on the sensor for ``ms``."""
        self._press = _Press(finger, quality, Deadline(self._clock, ms))

    def lift(self) -> None:
        """Take the finger away."""
        self._press = None

    def damaged(self) -> list[Packet]:
        """The answer to a packet whose sum was wrong."""
        return _ack(Confirmation.PACKET_ERROR)

    def handle(self, packet: Packet) -> list[Packet]:
        """The answer to one packet; data packets have none."""
        if packet.pid is not PacketId.COMMAND:
            self._receive_data(packet)
            return []
        self._receiving = None
        instruction = INSTRUCTIONS.get(packet.content[0])
        if instruction is None:
            return _ack(Confirmation.UNDEFINED)
        if len(packet.content) != 1 + instruction.parameter_bytes:
            return _ack(Confirmation.PACKET_ERROR)
        if self._password and not self._verified and instruction is not VFY_PWD:
            return _ack(Confirmation.PASSWORD_REQUIRED)
        return self._instructions[instruction](*_parameters(instruction, packet.content[1:]))

    # Each instruction: its parameters by the table, its answer.

    def _gen_img(self) -> list[Packet]:
        press = self._press
        if press is None or press.until.left_ms() == 0:
            self._press = None
            return _ack(Confirmation.NO_FINGER)
        self._images_taken += 1
        self._image = _Image(press.finger, press.quality, self._images_taken)
        return _ack(Confirmation.OK)

    def _img_2_tz(self, buffer: int) -> list[Packet]:
        image = self._image
        if not self._is_buffer(buffer):
            return _ack(Confirmation.PACKET_ERROR)
        if image is None:
            return _ack(Confirmation.NO_IMAGE)
        if image.quality < fingers.FEW_FEATURES_BELOW:
            return _ack(Confirmation.TOO_FEW_FEATURES)
        if image.quality < fingers.MESSY_BELOW:
            return _ack(Confirmation.TOO_MESSY)
        self._buffers[buffer] = fingers.features(
            image.finger, image.number, image.quality, self.profile.template_bytes
        )
        return _ack(Confirmation.OK)

    def _match(self) -> list[Packet]:
        likeness = self._likeness_of_buffers()
        self._matched = fingers.matches(likeness, self.profile.security_level)
        if not self._matched:
            return _ack(Confirmation.NO_MATCH, bytes(MATCH.reply_bytes))
        return _ack(Confirmation.OK, fingers.score(likeness).to_bytes(2, "big"))

    def _search(self, buffer: int, start: int, count: int) -> list[Packet]:
        probe = self._buffers.get(buffer)
        found = self._best(probe, range(start, start + count)) if probe is not None else None
        self._matched = found is not None
        if found is None:
            return _ack(Confirmation.NOT_FOUND, bytes(SEARCH.reply_bytes))
        slot, likeness = found
        return _ack(Confirmation.OK, slot.to_bytes(2, "big") + fingers.score(likeness).to_bytes(2, "big"))

    def _reg_model(self) -> list[Packet]:
        if not fingers.matches(self._likeness_of_buffers(), self.profile.security_level):
            return _ack(Confirmation.COMBINE_FAILED)
        template = fingers.combined(self._buffers[1], self._buffers[2])
        self._buffers = {1: template, 2: template}
        return _ack(Confirmation.OK)

    def _store(self, buffer: int, slot: int) -> list[Packet]:
        template = self._buffers.get(buffer)
        if not self._is_slot(slot):
            return _ack(Confirmation.PAGE_OUT_OF_RANGE)
        if template is None:
            return _ack(Confirmation.FLASH_ERROR)
        try:
            self.library.write(slot, template)
        except OSError:
            return _ack(Confirmation.FLASH_ERROR)
        return _ack(Confirmation.OK)

    def _load_char(self, buffer: int, slot: int) -> list[Packet]:
        template = self.library.read(slot)
        if not self._is_slot(slot):
            return _ack(Confirmation.PAGE_OUT_OF_RANGE)
        if template is None or not self._is_buffer(buffer):
            return _ack(Confirmation.TEMPLATE_INVALID)
        self._buffers[buffer] = template
        return _ack(Confirmation.OK)

    def _up_char(self, buffer: int) -> list[Packet]:
        data = self._buffers.get(buffer)
        if data is None:
            return _ack(Confirmation.UPLOAD_FAILED)
        return _ack(Confirmation.OK) + data_packets(data, packet_bytes(self.profile.packet_code))

    def _down_char(self, buffer: int) -> list[Packet]:
        if not self._is_buffer(buffer):
            return _ack(Confirmation.CANNOT_RECEIVE)
        self._receiving = (buffer, bytearray())
        return _ack(Confirmation.OK)

    def _delet_char(self, slot: int, count: int) -> list[Packet]:
        if not (self._is_slot(slot) and slot + count <= self.profile.capacity):
            return _ack(Confirmation.DELETE_FAILED)
        try:
            for each in range(slot, slot + count):
                self.library.delete(each)
        except OSError:
            return _ack(Confirmation.DELETE_FAILED)
        return _ack(Confirmation.OK)

    def _empty(self) -> list[Packet]:
        try:
            for slot in self.library.slots():
                self.library.delete(slot)
        except OSError:
            return _ack(Confirmation.EMPTY_FAILED)
        return _ack(Confirmation.OK)

    def _read_sys_para(self) -> list[Packet]:
        profile = self.profile
        status = (
            _STATUS_MATCHED * self._matched
            | _STATUS_VERIFIED * self._verified
            | _STATUS_IMAGE * (self._image is not None)
        )
        values = (
            status,
            profile.system_id,
            profile.capacity,
            profile.security_level,
            DEFAULT_ADDRESS,
            profile.packet_code,
            profile.baud_n,
        )
        content = b"".join(
            value.to_bytes(field.size, "big")
            for field, value in zip(READ_SYS_PARA.reply, values, strict=True)
        )
        return _ack(Confirmation.OK, content)

    def _vfy_pwd(self, password: int) -> list[Packet]:
        self._verified = password == self._password
        return _ack(Confirmation.OK if self._verified else Confirmation.WRONG_PASSWORD)

    def _templete_num(self) -> list[Packet]:
        return _ack(Confirmation.OK, len(self.library).to_bytes(2, "big"))

    def _read_con_list(self, page: int) -> list[Packet]:
        first = page * SLOTS_PER_INDEX_PAGE
        if not self._is_slot(first):
            return _ack(Confirmation.PAGE_OUT_OF_RANGE)
        # Bit 0 of byte 0 is the first slot: little-endian, against the rest of the protocol.
        bitmap = sum(1 << at for at in range(SLOTS_PER_INDEX_PAGE) if first + at in self.library)
        return _ack(Confirmation.OK, bitmap.to_bytes(READ_CON_LIST.reply_bytes, "little"))

    def _receive_data(self, packet: Packet) -> None:
        if self._receiving is None:
            return
        buffer, received = self._receiving
        received += packet.content
        if packet.pid is PacketId.END_OF_DATA:
            self._receiving = None
            self._buffers.pop(buffer, None)
            if len(received) == self.profile.template_bytes:
                self._buffers[buffer] = bytes(received)

    def _best(self, probe: bytes, slots: range) -> tuple[int, float] | None:
        number = int.from_bytes(probe, "big")
        size = self.profile.template_bytes
        candidates = [
            (fingers.similarity(number, other, size), -slot)
            for slot, other in self.library.numbers()
            if slot in slots
        ]
        if not candidates:
            return None
        likeness, negative_slot = max(candidates)
        return (-negative_slot, likeness) if fingers.matches(likeness, self.profile.security_level) else None

    def _likeness_of_buffers(self) -> float:
        if not {1, 2} <= self._buffers.keys():
            return 0
        one, other = (int.from_bytes(self._buffers[buffer], "big") for buffer in (1, 2))
        return fingers.similarity(one, other, self.profile.template_bytes)

    def _is_buffer(self, buffer: int) -> bool:
        return 1 <= buffer <= self.profile.buffers

    def _is_slot(self, slot: int) -> bool:
        return 0 <= slot < self.profile.capacity


def _parameters(instruction: Instruction, content: bytes) -> list[int]:
    values = []
    at = 0
    for field in instruction.parameters:
        values.append(int.from_bytes(content[at : at + field.size], "big"))
        at += field.size
    return values


def _ack(code: Confirmation, content: bytes = b"") -> list[Packet]:
    return [Packet(PacketId.ACK, bytes([code]) + content)]

"""The instruction set as one table: driver, emulator, tests and docs/reference/uart.md all read it.

Names are the data sheet's own, misspellings included, so that a reader can find them there. Source: ZFM-20
user manual, section "Module instruction system"; R305/R307 data sheet. ReadConList is in the later manuals
only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from firmware_bridge.confirmation import Confirmation as C  # noqa: N817 - one letter keeps the table a table


class DataPhase(Enum):
    """Whether data packets follow the acknowledgement, and which way they go."""

    NONE = "none"
    TO_HOST = "to host"
    TO_SENSOR = "to sensor"


@dataclass(frozen=True, slots=True)
class Field:
    """A big-endian number (or, above 4 bytes, a bit string) inside a packet."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        parameters: what follows the opcode.
        reply: what follows the confirmation code OK.
        expected: codes that are an outcome of the day's work; every other one but OK is a refusal.
        refusals: the other codes its data sheet lists, PACKET_ERROR apart (any instruction may give that).
        deadline_ms: from sending the command to the last byte of the answer, data included.
    """

    opcode: int
    name: str
    meaning: str
    parameters: tuple[Field, ...] = ()
    reply: tuple[Field, ...] = ()
    expected: tuple[C, ...] = ()
    refusals: tuple[C, ...] = ()
    data: DataPhase = DataPhase.NONE
    deadline_ms: int = 1000

    @property
    def parameter_bytes(self) -> int:
        """Bytes after the opcode."""
        return sum(field.size for field in self.parameters)

    @property
    def reply_bytes(self) -> int:
        """Bytes after the confirmation code OK."""
        return sum(field.size for field in self.reply)


_BUFFER = Field("buffer", 1)
_SLOT = Field("slot", 2)
_COUNT = Field("count", 2)
_SCORE = Field("score", 2)
_POOR = (C.TOO_MESSY, C.TOO_FEW_FEATURES)

GEN_IMG = Instruction(
    0x01, "GenImg", "take an image of the finger", expected=(C.NO_FINGER,), refusals=(C.CAPTURE_FAILED,)
)
IMG_2_TZ = Instruction(
    0x02, "Img2Tz", "image to features in a buffer", (_BUFFER,), refusals=(*_POOR, C.NO_IMAGE)
)
MATCH = Instruction(0x03, "Match", "compare buffers 1 and 2", reply=(_SCORE,), expected=(C.NO_MATCH,))
SEARCH = Instruction(
    0x04,
    "Search",
    "search the library for a buffer",
    (_BUFFER, Field("start", 2), _COUNT),
    (_SLOT, _SCORE),
    expected=(C.NOT_FOUND,),
    deadline_ms=3000,
)
REG_MODEL = Instruction(0x05, "RegModel", "combine the buffers into a template", expected=(C.COMBINE_FAILED,))
STORE = Instruction(
    0x06,
    "Store",
    "buffer to slot",
    (_BUFFER, _SLOT),
    refusals=(C.PAGE_OUT_OF_RANGE, C.FLASH_ERROR),
)
LOAD_CHAR = Instruction(
    0x07,
    "LoadChar",
    "slot to buffer",
    (_BUFFER, _SLOT),
    refusals=(C.PAGE_OUT_OF_RANGE, C.TEMPLATE_INVALID),
)
UP_CHAR = Instruction(
    0x08,
    "UpChar",
    "buffer to host",
    (_BUFFER,),
    refusals=(C.UPLOAD_FAILED,),
    data=DataPhase.TO_HOST,
    deadline_ms=2000,
)
DOWN_CHAR = Instruction(
    0x09,
    "DownChar",
    "host to buffer",
    (_BUFFER,),
    refusals=(C.CANNOT_RECEIVE,),
    data=DataPhase.TO_SENSOR,
    deadline_ms=2000,
)
DELET_CHAR = Instruction(0x0C, "DeletChar", "delete slots", (_SLOT, _COUNT), refusals=(C.DELETE_FAILED,))
EMPTY = Instruction(0x0D, "Empty", "delete the whole library", refusals=(C.EMPTY_FAILED,), deadline_ms=5000)
READ_SYS_PARA = Instruction(
    0x0F,
    "ReadSysPara",
    "read the parameters",
    reply=(
        Field("status", 2),
        Field("system id", 2),
        Field("capacity", 2),
        Field("security level", 2),
        Field("address", 4),
        Field("packet code", 2),
        Field("baud N", 2),
    ),
    deadline_ms=300,
)
VFY_PWD = Instruction(
    0x13,
    "VfyPwd",
    "verify the password",
    (Field("password", 4),),
    refusals=(C.WRONG_PASSWORD,),
    deadline_ms=300,
)
TEMPLETE_NUM = Instruction(0x1D, "TempleteNum", "count the templates", reply=(_COUNT,), deadline_ms=300)
READ_CON_LIST = Instruction(
    0x1F,
    "ReadConList",
    "which of 256 slots are used",
    (Field("page", 1),),
    (Field("bitmap", 32),),
    deadline_ms=300,
)

INSTRUCTIONS = {
    instruction.opcode: instruction
    for instruction in (
        GEN_IMG,
        IMG_2_TZ,
        MATCH,
        SEARCH,
        REG_MODEL,
        STORE,
        LOAD_CHAR,
        UP_CHAR,
        DOWN_CHAR,
        DELET_CHAR,
        EMPTY,
        READ_SYS_PARA,
        VFY_PWD,
        TEMPLETE_NUM,
        READ_CON_LIST,
    )
}
SLOTS_PER_INDEX_PAGE = 256

"""What a capture or a search may come to: values, because each is part of the day's work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from firmware_bridge.confirmation import Confirmation


class PoorReason(Enum):
    """Why no features could be had from a press; each calls for another hint to the person."""

    CAPTURE_FAILED = Confirmation.CAPTURE_FAILED
    MESSY = Confirmation.TOO_MESSY
    TOO_FEW_FEATURES = Confirmation.TOO_FEW_FEATURES
    NO_IMAGE = Confirmation.NO_IMAGE


@dataclass(frozen=True, slots=True)
class NoFinger:
    """Nothing lies on the sensor."""


@dataclass(frozen=True, slots=True)
class PoorImage:
    """A finger lies there, but its image gives no features."""

    reason: PoorReason


@dataclass(frozen=True, slots=True)
class NotMatched:
    """The finger is not in the library."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The finger is the one in ``slot``. ``score``: 0 to 65535, comparable within one model only."""

    slot: int
    score: int


@dataclass(frozen=True, slots=True)
class Captured:
    """The features of the finger are in the buffer that was asked for."""


Identification = NoFinger | PoorImage | NotMatched | Matched
Capture = NoFinger | PoorImage | Captured

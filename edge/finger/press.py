"""From the looks at one press of a finger to one statement. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_bridge.outcomes import Identification as Look
from firmware_bridge.outcomes import Matched, NoFinger, NotMatched, PoorImage

_LOOKS = 3
"""A finger is often laid down in a hurry: the second or third image is the good one."""

_LIFTED = 2
"""Looks without a finger before it counts as lifted; one is a hole in the image."""


@dataclass(frozen=True, slots=True)
class Found:
    """The finger in ``slot``; ``score`` is the sensor's own."""

    slot: int
    score: int


@dataclass(frozen=True, slots=True)
class NotFound:
    """A clear finger that is not in the library."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """No image of it gave enough to search for."""


Statement = Found | NotFound | Unclear


class Press:
    """Follows presses one after the other: each gives one statement, however long the finger lies there."""

    def __init__(self) -> None:
        self._looks = 0
        self._saw_clearly = False
        self._empty = _LIFTED
        self._is_settled = False

    @property
    def is_settled(self) -> bool:
        """The finger that lies there has been dealt with: it is enough to ask whether it is still there."""
        return self._is_settled

    def saw(self, look: Look) -> Statement | None:
        """Take in one look at the sensor; what can be said of this press now, once."""
        match look:
            case NoFinger():
                return self._saw_nothing()
            case Matched(slot, score):
                return self._settle(Found(slot, score))
            case NotMatched():
                self._saw_clearly = True
            case PoorImage():
                pass
        self._empty = 0
        self._looks += 1
        return self._give_up() if self._looks >= _LOOKS else None

    def _saw_nothing(self) -> Statement | None:
        self._empty = min(_LIFTED, self._empty + 1)
        if self._empty < _LIFTED:
            return None
        said = self._give_up() if self._looks else None
        self._looks, self._saw_clearly, self._is_settled = 0, False, False
        return said

    def _give_up(self) -> Statement | None:
        return self._settle(NotFound() if self._saw_clearly else Unclear())

    def _settle(self, statement: Statement) -> Statement | None:
        self._empty = 0
        if self._is_settled:
            return None
        self._is_settled = True
        return statement

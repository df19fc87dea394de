r"""Enrolment of one finger: two captures with a lift between, combined, stored.

::

    FIRST --captured--> LIFT --no finger--> SECOND --combined--> DONE
      ^  \--in another slot--> DONE            |
      +------------- captures differ ----------+
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from firmware_bridge.outcomes import Captured, Matched, NoFinger, PoorImage
from firmware_bridge.sensor import Sensor


class Stage(Enum):
    """What the person is asked to do next."""

    FIRST = "press"
    LIFT = "lift"
    SECOND = "press again"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing new: the person has not yet done what ``stage`` asks."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class Advanced:
    """A step was done; ``stage`` is what to ask for now."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class CapturesDiffer:
    """The two presses are not of one finger: begin again with the first."""


@dataclass(frozen=True, slots=True)
class AlreadyEnrolled:
    """The finger is in the library, in another slot; nothing was stored."""

    slot: int
    score: int


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The finger is stored in ``slot``."""

    slot: int


Progress = Waiting | Advanced | PoorImage | CapturesDiffer | AlreadyEnrolled | Enrolled


class Enrolment:
    """Enrols one finger into ``slot``, replacing what the slot holds.

    The owner calls :meth:`step` until :attr:`stage` is DONE, or drops the object to give up: nothing is
    stored before the last step. After ``LinkLost`` the same step may be called again.
    """

    def __init__(self, sensor: Sensor, slot: int) -> None:
        sensor.check_slot(slot)
        self._sensor = sensor
        self._slot = slot
        self.stage = Stage.FIRST

    def step(self) -> Progress:
        """Look at the sensor once.

        Raises:
            RuntimeError: the enrolment is done.
        """
        match self.stage:
            case Stage.FIRST:
                return self._first()
            case Stage.LIFT:
                return self._lift()
            case Stage.SECOND:
                return self._second()
            case Stage.DONE:
                raise RuntimeError("this enrolment is done")

    def _first(self) -> Progress:
        match self._sensor.capture(1):
            case NoFinger():
                return Waiting(self.stage)
            case PoorImage() as poor:
                return poor
            case Captured():
                found = self._sensor.search()
                if isinstance(found, Matched) and found.slot != self._slot:
                    self.stage = Stage.DONE
                    return AlreadyEnrolled(found.slot, found.score)
                return self._advance(Stage.LIFT)

    def _lift(self) -> Progress:
        if self._sensor.finger_present():
            return Waiting(self.stage)
        return self._advance(Stage.SECOND)

    def _second(self) -> Progress:
        match self._sensor.capture(2):
            case NoFinger():
                return Waiting(self.stage)
            case PoorImage() as poor:
                return poor
            case Captured():
                if not self._sensor.combine():
                    self.stage = Stage.FIRST
                    return CapturesDiffer()
                self._sensor.store(self._slot)
                self.stage = Stage.DONE
                return Enrolled(self._slot)

    def _advance(self, stage: Stage) -> Advanced:
        self.stage = stage
        return Advanced(stage)

"""Taking a new finger: press, lift, press again. The sensor's port must be free."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from edge.finger.errors import SensorUnavailable
from firmware_bridge.enrolment import Advanced, AlreadyEnrolled, CapturesDiffer, Enrolled, Enrolment, Stage
from firmware_bridge.errors import BridgeError
from firmware_bridge.outcomes import PoorImage, PoorReason
from firmware_bridge.sensor import Sensor, open_sensor
from models.clock import Clock

_POLL_S = 0.05


class Hint(StrEnum):
    """What to tell the person; the value is the English of it."""

    PRESS = "press the finger"
    LIFT = "lift it"
    PRESS_AGAIN = "press the same finger again"
    DIFFERENT = "those were two fingers: begin again, press the finger"
    RETRY = "the image could not be taken: press again"
    MESSY = "the image is unclear: dry the finger and press again"
    LITTLE = "too little of the finger is seen: lay it flat and press harder"


_STAGES = {Stage.FIRST: Hint.PRESS, Stage.LIFT: Hint.LIFT, Stage.SECOND: Hint.PRESS_AGAIN}
_POOR = {
    PoorReason.CAPTURE_FAILED: Hint.RETRY,
    PoorReason.NO_IMAGE: Hint.RETRY,
    PoorReason.MESSY: Hint.MESSY,
    PoorReason.TOO_FEW_FEATURES: Hint.LITTLE,
}


@dataclass(frozen=True, slots=True)
class FingerTaken:
    """The finger is in ``slot`` of the sensor. ``data``: its template; ``profile``: the sensor's model."""

    slot: int
    profile: str
    data: bytes


@dataclass(frozen=True, slots=True)
class FingerKnown:
    """The finger is enrolled already, in ``slot``; nothing was stored."""

    slot: int


@dataclass(frozen=True, slots=True)
class SensorFull:
    """No slot is free; nothing was stored."""


@dataclass(frozen=True, slots=True)
class NobodyCame:
    """The presses were not finished in time; nothing was stored."""


Taking = FingerTaken | FingerKnown | SensorFull | NobodyCame


class FingerDesk:
    """The sensor on ``port``, held for one enrolment; a context manager.

    Raises:
        SensorUnavailable: from every method, when the sensor cannot be opened or is lost.
    """

    def __init__(self, port: str, clock: Clock) -> None:
        self._clock = clock
        try:
            self._sensor: Sensor = open_sensor(port, clock)
        except BridgeError as error:
            raise SensorUnavailable(str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sensor.close()

    def take(
        self, enrolled: Collection[int], slot: int | None, say: Callable[[Hint], None], patience_ms: int
    ) -> Taking:
        """Guide one finger into ``slot``, or into a free one.

        ``enrolled``: the slots the gallery knows. A finger found in another slot is a leftover of an
        enrolment that was cut off: it is deleted, and the person begins again.
        """
        try:
            return self._take(enrolled, slot, say, patience_ms)
        except BridgeError as error:
            raise SensorUnavailable(str(error)) from error

    def clear(self, slots: Collection[int]) -> frozenset[int]:
        """Delete ``slots``; those of them that the sensor then proves empty."""
        try:
            for slot in slots:
                self._sensor.delete(slot)
            return frozenset(slots) - self._sensor.occupied()
        except BridgeError as error:
            raise SensorUnavailable(str(error)) from error

    def _take(
        self, enrolled: Collection[int], slot: int | None, say: Callable[[Hint], None], patience_ms: int
    ) -> Taking:
        chosen = slot if slot is not None else self._free_slot(enrolled)
        if chosen is None:
            return SensorFull()
        end_ms = self._clock.monotonic_ms() + patience_ms
        enrolment = Enrolment(self._sensor, chosen)
        say(Hint.PRESS)
        pause = threading.Event()
        told: Hint | None = None
        while self._clock.monotonic_ms() < end_ms:
            hint: Hint | None = None
            match enrolment.step():
                case Enrolled(at):
                    return FingerTaken(at, self._sensor.profile.name, self._sensor.read_template(at) or b"")
                case AlreadyEnrolled(at) if at in enrolled:
                    return FingerKnown(at)
                case AlreadyEnrolled(at):
                    self._sensor.delete(at)
                    enrolment, hint = Enrolment(self._sensor, chosen), Hint.RETRY
                case Advanced(stage):
                    hint = _STAGES[stage]
                case PoorImage(reason):
                    hint = _POOR[reason]
                case CapturesDiffer():
                    hint = Hint.DIFFERENT
                case _:
                    pause.wait(_POLL_S)
            if hint is not None and hint != told:
                say(hint)
                told = hint
        return NobodyCame()

    def _free_slot(self, enrolled: Collection[int]) -> int | None:
        taken = self._sensor.occupied() | set(enrolled)
        return next((slot for slot in range(self._sensor.parameters.capacity) if slot not in taken), None)

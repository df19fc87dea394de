"""Fingers at the door, in a thread of its own: sensor -> slot -> person -> one statement per press.

The sensor going away is part of the day: it is reopened, audited anew and only then trusted again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

import structlog

from edge.finger.audit import Audit, audit
from edge.finger.press import Found, NotFound, Press, Statement, Unclear
from edge.identification import Identification, Identified, Unknown, Unsure
from firmware_bridge.errors import BridgeError
from firmware_bridge.outcomes import Identification as Look
from firmware_bridge.outcomes import NoFinger, PoorImage, PoorReason
from firmware_bridge.sensor import Sensor, open_sensor
from models.clock import Clock
from models.ids import PersonId
from models.punch import Method
from models.template import Template
from models.wire.messages import Part

NONE = "none"
"""The port of a terminal without a sensor."""

_POLL_S = 0.06
_CHORES_MS = 1000
_FIRST_RETRY_S = 0.25
_LAST_RETRY_S = 8.0
_FAILURES = 3
_JOIN_S = 15.0  # longer than the longest instruction

log = structlog.get_logger(__name__)


class SlotBook(Protocol):
    """Which finger is in which slot; it may change at any time, in another process too."""

    def slots(self) -> dict[int, PersonId]:
        """Whose finger is in which slot."""
        ...

    def finger(self, slot: int) -> Template | None:
        """The template stored with ``slot``."""
        ...

    def slots_to_clear(self) -> tuple[int, ...]:
        """Slots whose owner was erased and which the sensor may still hold."""
        ...

    def slot_cleared(self, slot: int) -> None:
        """The sensor has proven ``slot`` empty."""
        ...


class FingerWorker:
    """Owns the sensor on ``port`` from :meth:`start` until :meth:`stop`.

    ``on_result`` is called from the worker's thread, once for each press. A match in a slot the gallery
    does not know is nobody.
    """

    def __init__(
        self,
        port: str,
        gallery: SlotBook,
        on_result: Callable[[Identification], None],
        clock: Clock,
    ) -> None:
        self._port = port
        self._gallery = gallery
        self._on_result = on_result
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="finger", daemon=True)
        self._part = Part("sensor", NONE) if port == NONE else Part("sensor", "away", "not opened yet")
        self._press = Press()
        self._retry_s = _FIRST_RETRY_S

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and give the port back."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)

    def health(self) -> Part:
        """The sensor as it is now: "ok" (remarking what its library lacks), "away" with why, or "none"."""
        if self._part.health == "ok" and not self._thread.is_alive():
            return Part("sensor", "away", "fingerprint recognition has stopped")
        return self._part

    def _run(self) -> None:
        if self._port == NONE:
            return
        while not self._stopping.is_set():
            try:
                with open_sensor(self._port, self._clock) as sensor:
                    self._serve(sensor)
            except BridgeError as error:
                self._away(str(error))
            except Exception:  # the door must feel again after the next opening, whatever happened
                log.exception("finger_worker_failed")
                self._away("a press could not be judged")

    def _serve(self, sensor: Sensor) -> None:
        found = self._audit(sensor)
        if found.is_foreign:
            self._away(found.remark())
            return
        if self._clear(sensor):
            found = self._audit(sensor)
        log.info("sensor_opened", strange=found.strange, missing=found.missing)
        self._part, self._retry_s = Part("sensor", "ok", found.remark()), _FIRST_RETRY_S
        self._press = press = Press()
        failures = 0
        chores_ms = self._clock.monotonic_ms()
        while not self._stopping.wait(_POLL_S):
            try:
                self._said(press.saw(_look(sensor, press)))
                if self._clock.monotonic_ms() - chores_ms >= _CHORES_MS:
                    self._clear(sensor)
                    chores_ms = self._clock.monotonic_ms()
                failures = 0
            except BridgeError:
                failures += 1
                if failures == _FAILURES:
                    raise

    def _audit(self, sensor: Sensor) -> Audit:
        def enrolled(slot: int) -> bytes | None:
            template = self._gallery.finger(slot)
            return None if template is None else template.data

        return audit(sensor.occupied(), self._gallery.slots().keys(), sensor.read_template, enrolled)

    def _clear(self, sensor: Sensor) -> bool:
        """Delete in the sensor what was erased in the gallery; whether there was anything."""
        slots = self._gallery.slots_to_clear()
        if not slots:
            return False
        for slot in slots:
            if slot < sensor.parameters.capacity:
                sensor.delete(slot)
        still = sensor.occupied()
        for slot in slots:
            if slot not in still:
                self._gallery.slot_cleared(slot)
        log.info("sensor_slots_cleared", slots=len(slots), still=len(still & set(slots)))
        return True

    def _said(self, statement: Statement | None) -> None:
        match statement:
            case Found(slot, score):
                person = self._gallery.slots().get(slot)
                if person is None:
                    log.warning("finger_in_strange_slot", slot=slot)
                    self._on_result(Unknown(Method.FINGER))
                else:
                    self._on_result(Identified(person, Method.FINGER, score * 1000))
            case NotFound():
                self._on_result(Unknown(Method.FINGER))
            case Unclear():
                self._on_result(Unsure(Method.FINGER))
            case None:
                pass

    def _away(self, reason: str) -> None:
        if self._part.reason != reason:
            log.warning("sensor_went_away", reason=reason)
        self._part = Part("sensor", "away", reason)
        self._stopping.wait(self._retry_s)
        self._retry_s = min(_LAST_RETRY_S, self._retry_s * 2)


def _look(sensor: Sensor, press: Press) -> Look:
    """A full look; of a finger that has been dealt with, only whether it still lies there."""
    if not press.is_settled:
        return sensor.identify()
    return PoorImage(PoorReason.CAPTURE_FAILED) if sensor.finger_present() else NoFinger()

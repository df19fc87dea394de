"""The tester's hand: one JSON object a line, one JSON object back.

``{"press": NAME, "ms": 900, "quality": 0.8}``, ``{"lift": true}``, ``{"fault": NAME, "times": 1}``,
``{"library": true}``. An answer has ``"ok"``; when false, ``"error"`` says what was wrong with the line.
"""

from __future__ import annotations

import json

from firmware_bridge.emulator.faults import FaultPlan, known
from firmware_bridge.emulator.sensor import EmulatedSensor

_VERBS = ("press", "lift", "fault", "library")
_DEFAULT_MS = 900
_DEFAULT_QUALITY = 0.8
_MAX_MS = 600_000
_MAX_TIMES = 1000
_MAX_NAME = 200

Value = str | int | float | bool | list[int] | None


class _BadLine(ValueError):
    pass


class Control:
    """Carries out control lines on one emulated sensor."""

    def __init__(self, sensor: EmulatedSensor, faults: FaultPlan) -> None:
        self._sensor = sensor
        self._faults = faults

    def answer(self, line: bytes) -> bytes:
        """The answer to one line, newline included."""
        try:
            reply = {"ok": True, **self._obey(_object(line))}
        except ValueError as error:
            reply = {"ok": False, "error": str(error)}
        return json.dumps(reply).encode() + b"\n"

    def _obey(self, request: dict[str, Value]) -> dict[str, Value]:
        verbs = [verb for verb in _VERBS if verb in request]
        if len(verbs) != 1:
            raise _BadLine(f"a line has one of {', '.join(_VERBS)}")
        match verbs[0]:
            case "press":
                finger = _text(request, "press")
                ms = int(_number(request, "ms", _DEFAULT_MS, 1, _MAX_MS))
                self._sensor.press(finger, ms, _number(request, "quality", _DEFAULT_QUALITY, 0, 1))
            case "lift":
                self._sensor.lift()
            case "fault":
                times = int(_number(request, "times", 1, 1, _MAX_TIMES))
                self._faults.strike_next(known(_text(request, "fault")), times)
            case _:
                slots = self._sensor.library.slots()
                return {"capacity": self._sensor.profile.capacity, "count": len(slots), "slots": slots}
        return {}


def _object(line: bytes) -> dict[str, Value]:
    try:
        request = json.loads(line)
    except ValueError as error:
        raise _BadLine(f"not a line of JSON: {error}") from error
    if not isinstance(request, dict):
        raise _BadLine("a line is one JSON object")
    return request


def _text(request: dict[str, Value], key: str) -> str:
    value = request[key]
    if not isinstance(value, str) or not 1 <= len(value) <= _MAX_NAME:
        raise _BadLine(f"{key} is a name of 1 to {_MAX_NAME} characters")
    return value


def _number(request: dict[str, Value], key: str, default: float, least: float, most: float) -> float:
    value = request.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise _BadLine(f"{key} is a number from {least} to {most}")
    return value

"""What ``kaoqin-bridge`` does with a sensor: each command gives the lines it has to say as it goes."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from firmware_bridge.deadline import Deadline
from firmware_bridge.enrolment import (
    Advanced,
    AlreadyEnrolled,
    CapturesDiffer,
    Enrolled,
    Enrolment,
    Progress,
    Stage,
    Waiting,
)
from firmware_bridge.errors import BridgeError
from firmware_bridge.outcomes import PoorImage, PoorReason
from firmware_bridge.sensor import Sensor

_POLL_S = 0.05
_BAUD_STEP = 9600
_HINTS = {
    PoorReason.CAPTURE_FAILED: "the image could not be taken, press again",
    PoorReason.MESSY: "the image is unclear: dry the finger and press again",
    PoorReason.TOO_FEW_FEATURES: "too little of the finger is seen: lay it flat and press harder",
    PoorReason.NO_IMAGE: "no image, press again",
}
_PROMPTS = {
    Stage.FIRST: "press the finger",
    Stage.LIFT: "lift it",
    Stage.SECOND: "press the same finger again",
}


class EnrolmentFailed(BridgeError):
    """No finger was enrolled; the message says why."""


def probe(sensor: Sensor, *, as_json: bool) -> Iterator[str]:
    """What the sensor is and how full it is."""
    found = sensor.probe()
    facts: dict[str, int | str] = {
        "capacity": found.parameters.capacity,
        "count": found.count,
        "occupied": len(found.occupied),
        "security_level": found.parameters.security_level,
        "system_id": f"{found.parameters.system_id:04X}",
        "address": f"{found.parameters.address:08X}",
        "baud_rate": found.parameters.baud_n * _BAUD_STEP,
    }
    if as_json:
        yield json.dumps(facts)
    else:
        yield from (f"{name.replace('_', ' '):15} {value}" for name, value in facts.items())


def dump(sensor: Sensor, file: Path | None) -> Iterator[str]:
    """Occupied slots, one a line. With ``file``, the templates too, as JSON lines in a file of mode 0600.

    A template is as good as a picture of the finger: it never goes to the terminal.
    """
    occupied = sorted(sensor.occupied())
    if file is None:
        yield from map(str, occupied)
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        for slot in occupied:
            template = sensor.read_template(slot)
            if template is not None:
                encoded = base64.b64encode(template).decode()
                row = {"profile": sensor.profile.name, "slot": slot, "template": encoded}
                out.write(json.dumps(row) + "\n")
                yield str(slot)


def enrol(sensor: Sensor, slot: int | None, deadline: Deadline) -> Iterator[str]:
    """Enrol one finger into a free ``slot``, or the lowest free one, telling the person what to do.

    Raises:
        EnrolmentFailed: no free slot, the finger is known already, or the deadline passed.
    """
    enrolment = Enrolment(sensor, _free_slot(sensor, slot))
    yield _PROMPTS[enrolment.stage]
    while deadline.left_ms() > 0:
        progress = enrolment.step()
        line = _said(progress)
        if line is not None:
            yield line
        if enrolment.stage is Stage.DONE:
            return
        if not isinstance(progress, Advanced):
            time.sleep(_POLL_S)
    raise EnrolmentFailed("nobody finished in time, nothing was stored")


def _free_slot(sensor: Sensor, wanted: int | None) -> int:
    occupied = sensor.occupied()
    slots = range(sensor.parameters.capacity) if wanted is None else [wanted]
    free = next((slot for slot in slots if slot not in occupied), None)
    if free is None:
        raise EnrolmentFailed("the library is full" if wanted is None else f"slot {wanted} is occupied")
    return free


def _said(progress: Progress) -> str | None:
    match progress:
        case Waiting():
            return None
        case Advanced(stage):
            return _PROMPTS[stage]
        case PoorImage(reason):
            return _HINTS[reason]
        case CapturesDiffer():
            return "that was another finger: begin again, " + _PROMPTS[Stage.FIRST]
        case AlreadyEnrolled(slot):
            raise EnrolmentFailed(f"this finger is enrolled already, in slot {slot}")
        case Enrolled(slot):
            return f"enrolled in slot {slot}"

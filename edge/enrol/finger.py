"""Enrolling a finger: the sensor takes it, the gallery keeps it, or neither does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge.enrol.errors import EnrolmentRefused
from edge.enrol.gallery import Gallery
from edge.finger.enrolment import FingerDesk, FingerKnown, FingerTaken, Hint, NobodyCame, SensorFull
from models.ids import PersonId
from models.template import Modality, Template

POSITIONS = tuple(
    f"{hand}-{finger}"
    for hand in ("right", "left")
    for finger in ("thumb", "index", "middle", "ring", "little")
)
"""Names of the ten fingers. Source: ISO/IEC 19794-2, finger positions 1 to 10."""

PATIENCE_MS = 60_000


@dataclass(frozen=True, slots=True)
class FingerEnrolled:
    """The finger is in ``slot``, and the gallery knows whose it is."""

    slot: int


@dataclass(frozen=True, slots=True)
class FingerOf:
    """This finger is enrolled already, as this person's; nothing was stored."""

    person_id: PersonId


def enrol_finger(
    desk: FingerDesk,
    gallery: Gallery,
    person_id: PersonId,
    position: str,
    consent_ms: int | None,
    say: Callable[[Hint], None],
    *,
    patience_ms: int = PATIENCE_MS,
) -> FingerEnrolled | FingerOf | SensorFull | NobodyCame:
    """Guide one finger of ``person_id`` through its presses; an earlier template of it is replaced.

    Raises:
        ValueError: ``position`` is no finger.
        SensorUnavailable: the sensor was lost; nothing is enrolled.
        EnrolmentRefused: the gallery did not take it; the sensor's slot was emptied again.
    """
    if position not in POSITIONS:
        raise ValueError(f'"{position}" is no finger; these are: {", ".join(POSITIONS)}')
    owners = gallery.slots()
    taken = desk.take(owners.keys(), gallery.slot_of(person_id, position), say, patience_ms)
    match taken:
        case FingerTaken(slot, profile, data):
            template = Template(person_id, Modality.FINGER, profile, position, data)
            try:
                gallery.store_finger(template, slot, consent_ms)
            except EnrolmentRefused:
                desk.clear({slot})
                raise
            return FingerEnrolled(slot)
        case FingerKnown(slot):
            return FingerOf(owners[slot])
        case SensorFull() | NobodyCame():
            return taken

"""Whether the sensor's library is the one the gallery speaks of."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

_PROBES = 3


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found when the sensor was opened.

    Attributes:
        strange: slots with a template of which the gallery knows nothing; a match there is nobody.
        missing: slots the gallery speaks of that are empty in the sensor.
        is_foreign: most templates read differently from what was enrolled: this is another sensor.
    """

    strange: int
    missing: int
    is_foreign: bool

    def remark(self) -> str:
        """One clause for people, empty when all is as it should be."""
        if self.is_foreign:
            return "this is not the sensor the fingers were enrolled on"
        parts = [f"{self.strange} slots of unknown owner"] if self.strange else []
        parts += [f"{self.missing} enrolled fingers missing in the sensor"] if self.missing else []
        return ", ".join(parts)


def audit(
    occupied: Collection[int],
    enrolled: Collection[int],
    in_sensor: Callable[[int], bytes | None],
    in_gallery: Callable[[int], bytes | None],
) -> Audit:
    """Compare the occupied slots with the enrolled ones, and a few templates byte for byte.

    A swapped sensor may have the same slots occupied, by other people's fingers.
    """
    shared = sorted(set(occupied) & set(enrolled))
    probes = (
        {shared[place * (len(shared) - 1) // (_PROBES - 1)] for place in range(_PROBES)} if shared else set()
    )
    kept = {slot: data for slot in sorted(probes) if (data := in_gallery(slot)) is not None}
    differing = sum(in_sensor(slot) != data for slot, data in kept.items())
    return Audit(
        strange=len(set(occupied) - set(enrolled)),
        missing=len(set(enrolled) - set(occupied)),
        is_foreign=differing > len(kept) // 2,
    )

"""Template: what is stored of a face or finger, and what it may be compared with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.ids import PersonId


class Modality(StrEnum):
    """The characteristic a template is made from."""

    FACE = "face"
    FINGER = "finger"


@dataclass(frozen=True, slots=True)
class Template:
    """One template of one person; meaningless beside another ``network``.

    Attributes:
        network: id of the face network (models/networks.toml) or sensor profile that made it.
        position: which finger ("right-index", ISO/IEC 19794-2 names) or which face sample ("1", "2", ...).
        data: face: 128 float32 little-endian, L2-normalised; finger: the sensor's own bytes.
    """

    person_id: PersonId
    modality: Modality
    network: str
    position: str
    data: bytes

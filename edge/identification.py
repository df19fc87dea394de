"""What the recognisers say: who it is, or honestly not. The agent turns the first into a punch."""

from __future__ import annotations

from dataclasses import dataclass

from models.ids import PersonId
from models.punch import Method


@dataclass(frozen=True, slots=True)
class Identified:
    """One person, above the threshold. ``score_milli``: similarity x 1000, None for PIN and card."""

    person_id: PersonId
    method: Method
    score_milli: int | None = None


@dataclass(frozen=True, slots=True)
class Unsure:
    """Somebody known, perhaps: below the threshold, above where guessing begins. Ask for another way."""

    method: Method


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody on this terminal."""

    method: Method


Identification = Identified | Unsure | Unknown

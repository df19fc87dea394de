"""1:N search: whose template is nearest to the probe, and is that near enough. Pure numpy.

A door never needs an index: 10,000 people with five templates each are one matrix of 26 MB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.ids import PersonId

DIMENSIONS = 128

Vector = NDArray[np.float32]
"""128 values, length 1."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Cosines of the embedder in use.

    ``accept``: from here on it is the person, if nobody else comes within ``margin``. ``unsure_from``: from
    here on it may be; below it is nobody here.
    """

    accept: float
    unsure_from: float
    margin: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.unsure_from <= self.accept < 1 or self.margin < 0:
            raise ValueError(f"thresholds out of order: {self}")


@dataclass(frozen=True, slots=True, eq=False)
class FaceSet:
    """The gallery as searched: one row of ``matrix`` per template, rows of one person side by side.

    ``starts[i]`` is the first row of ``owners[i]``. ``version`` changes whenever the content does.
    """

    matrix: NDArray[np.float32]
    starts: NDArray[np.intp]
    owners: tuple[PersonId, ...]
    version: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """This person. ``score``: the cosine to their nearest template."""

    person_id: PersonId
    score: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """Somebody like this is enrolled, but not surely enough, or two people are too alike."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """Nobody enrolled comes near."""


Verdict = Match | Doubt | Stranger


def face_set(vectors: Mapping[PersonId, Sequence[Vector]], version: int = 0) -> FaceSet:
    """The matrix of these people's templates; people without one are left out."""
    people = {person: list(rows) for person, rows in vectors.items() if len(rows)}
    counts = [len(rows) for rows in people.values()]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]) if counts else np.zeros(0)
    matrix = np.array([row for rows in people.values() for row in rows], np.float32)
    return FaceSet(
        matrix=matrix.reshape(-1, DIMENSIONS),
        starts=starts.astype(np.intp),
        owners=tuple(people),
        version=version,
    )


def person_scores(gallery: FaceSet, probe: Vector) -> NDArray[np.float32]:
    """The best cosine of each of ``gallery.owners``."""
    if not gallery.owners:
        return np.zeros(0, np.float32)
    best: NDArray[np.float32] = np.maximum.reduceat(gallery.matrix @ probe, gallery.starts)
    return best


def search(gallery: FaceSet, probe: Vector, thresholds: Thresholds) -> Verdict:
    """Who ``probe`` is."""
    scores = person_scores(gallery, probe)
    if not len(scores):
        return Stranger()
    first = int(np.argmax(scores))
    best = float(scores[first])
    if best < thresholds.unsure_from:
        return Stranger()
    others = np.delete(scores, first)
    second = float(others.max()) if len(others) else -1.0
    if best < thresholds.accept or best - second < thresholds.margin:
        return Doubt()
    return Match(gallery.owners[first], best)

"""Enrolling a face from pictures: all of one person, good, and unlike everybody else who is enrolled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edge.camera.frame import Picture
from edge.enrol.gallery import Gallery
from edge.face.engine import FaceEngine
from edge.face.quality import Poor
from edge.face.search import FaceSet, Thresholds, Vector, person_scores
from models.ids import PersonId


@dataclass(frozen=True, slots=True, eq=False)
class GoodSamples:
    """What will be stored. ``poor``: pictures left out, by their place in the list, and why."""

    vectors: tuple[Vector, ...]
    poor: Mapping[int, Poor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoGoodPicture:
    """None of the pictures can be used: why, by their place in the list."""

    poor: Mapping[int, Poor]


@dataclass(frozen=True, slots=True)
class PicturesDisagree:
    """The pictures at these two places do not show one person."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class LooksLike:
    """Somebody else who is enrolled would be taken for this person: it may be them, under another number."""

    person_id: PersonId


@dataclass(frozen=True, slots=True)
class FaceEnrolled:
    """Stored: so many templates. ``poor``: pictures left out, by their place in the list, and why."""

    templates: int
    poor: Mapping[int, Poor]


Refusal = NoGoodPicture | PicturesDisagree | LooksLike


def vet(
    samples: Sequence[Vector | Poor], person_id: PersonId, enrolled: FaceSet, thresholds: Thresholds
) -> GoodSamples | Refusal:
    """Which of ``samples`` may become the templates of ``person_id``."""
    poor = {place: sample for place, sample in enumerate(samples) if isinstance(sample, Poor)}
    good = {place: sample for place, sample in enumerate(samples) if not isinstance(sample, Poor)}
    if not good:
        return NoGoodPicture(poor)
    places = list(good)
    vectors = np.array([good[place] for place in places], np.float32)
    alike = vectors @ vectors.T
    if alike.min() < thresholds.unsure_from:
        first, second = np.unravel_index(int(alike.argmin()), alike.shape)
        return PicturesDisagree(places[min(first, second)], places[max(first, second)])
    for vector in vectors:
        scores = person_scores(enrolled, vector)
        for owner, score in zip(enrolled.owners, scores, strict=True):
            if owner != person_id and score >= thresholds.accept:
                return LooksLike(owner)
    return GoodSamples(tuple(vectors), poor)


def enrol_face(
    engine: FaceEngine,
    gallery: Gallery,
    person_id: PersonId,
    pictures: Sequence[Picture],
    consent_ms: int | None,
) -> FaceEnrolled | Refusal:
    """Replace the face templates of ``person_id`` by those of ``pictures``, or store nothing and say why.

    The pictures themselves are not kept.

    Raises:
        ConsentMissing: see :meth:`Gallery.store_faces`.
    """
    samples = [engine.sample(picture) for picture in pictures]
    vetted = vet(samples, person_id, gallery.faces(), engine.thresholds)
    if not isinstance(vetted, GoodSamples):
        return vetted
    gallery.store_faces(person_id, vetted.vectors, consent_ms)
    return FaceEnrolled(len(vetted.vectors), vetted.poor)

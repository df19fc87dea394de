from __future__ import annotations

import numpy as np

from edge.enrol.face import GoodSamples, LooksLike, NoGoodPicture, PicturesDisagree, vet
from edge.face.quality import Poor
from edge.face.search import DIMENSIONS, Thresholds, Vector, face_set
from models.ids import PersonId

LI, HAN = PersonId("p-li"), PersonId("p-han")
THRESHOLDS = Thresholds(accept=0.45, unsure_from=0.36)


def face_of(who: int, spread: float = 0.3, sample: int = 0) -> Vector:
    vector = np.zeros(DIMENSIONS, np.float32)
    vector[who] = 1
    vector[64 + sample] = spread
    unit: Vector = vector / np.linalg.norm(vector)
    return unit


def test_good_pictures_of_one_new_person_are_taken():
    vetted = vet([face_of(1, sample=0), face_of(1, sample=1)], LI, face_set({HAN: [face_of(2)]}), THRESHOLDS)

    assert isinstance(vetted, GoodSamples)
    assert len(vetted.vectors) == 2


def test_poor_pictures_are_left_out_and_named():
    vetted = vet([Poor.BLURRED, face_of(1), Poor.NO_FACE], LI, face_set({}), THRESHOLDS)

    assert isinstance(vetted, GoodSamples)
    assert len(vetted.vectors) == 1
    assert vetted.poor == {0: Poor.BLURRED, 2: Poor.NO_FACE}
    assert vet([Poor.BLURRED], LI, face_set({}), THRESHOLDS) == NoGoodPicture({0: Poor.BLURRED})


def test_pictures_of_two_people_are_refused_by_their_places():
    samples: list[Vector | Poor] = [face_of(1), Poor.BLURRED, face_of(1, sample=1), face_of(3, sample=1)]

    assert vet(samples, LI, face_set({}), THRESHOLDS) == PicturesDisagree(0, 3)


def test_somebody_who_is_enrolled_already_is_refused():
    enrolled = face_set({HAN: [face_of(2), face_of(1, sample=5)]})

    assert vet([face_of(1)], LI, enrolled, THRESHOLDS) == LooksLike(HAN)


def test_oneself_is_nobody_else():
    vetted = vet([face_of(1)], LI, face_set({LI: [face_of(1)]}), THRESHOLDS)

    assert isinstance(vetted, GoodSamples)

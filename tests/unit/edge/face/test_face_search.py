from __future__ import annotations

import numpy as np
import pytest

from edge.face.search import (
    DIMENSIONS,
    Doubt,
    Match,
    Stranger,
    Thresholds,
    Vector,
    face_set,
    person_scores,
    search,
)
from models.ids import PersonId

LI, HAN, WU = PersonId("p-li"), PersonId("p-han"), PersonId("p-wu")
THRESHOLDS = Thresholds(accept=0.45, unsure_from=0.36)


def axis(place: int) -> Vector:
    vector = np.zeros(DIMENSIONS, np.float32)
    vector[place] = 1
    return vector


def at_cosine(to: Vector, cosine: float, beside: int = 100) -> Vector:
    mixed: Vector = (cosine * to + np.sqrt(1 - cosine**2) * axis(beside)).astype(np.float32)
    return mixed


def test_an_empty_gallery_knows_nobody():
    assert search(face_set({}), axis(0), THRESHOLDS) == Stranger()
    assert search(face_set({LI: []}), axis(0), THRESHOLDS) == Stranger()


@pytest.mark.parametrize(
    ("cosine", "kind"),
    [(0.9, Match), (0.451, Match), (0.449, Doubt), (0.361, Doubt), (0.359, Stranger), (-0.5, Stranger)],
)
def test_the_bands_are_where_the_thresholds_say(cosine: float, kind: type):
    verdict = search(face_set({LI: [axis(0)], HAN: [axis(1)]}), at_cosine(axis(0), cosine), THRESHOLDS)

    assert isinstance(verdict, kind)
    if isinstance(verdict, Match):
        assert verdict.person_id == LI
        assert verdict.score == pytest.approx(cosine, abs=1e-5)


def test_the_nearest_template_speaks_for_the_person():
    gallery = face_set({HAN: [axis(5)], LI: [axis(0), axis(1), axis(2)], WU: [axis(7), axis(8)]})

    verdict = search(gallery, at_cosine(axis(2), 0.8), THRESHOLDS)

    assert isinstance(verdict, Match)
    assert verdict.person_id == LI
    assert verdict.score == pytest.approx(0.8, abs=1e-5)
    assert person_scores(gallery, at_cosine(axis(8), 0.6)).tolist() == pytest.approx([0, 0, 0.6], abs=1e-5)


def test_two_people_too_alike_are_a_doubt_not_a_choice():
    probe = (0.62 * axis(0) + 0.6 * axis(1) + np.sqrt(1 - 0.62**2 - 0.6**2) * axis(9)).astype(np.float32)

    assert search(face_set({LI: [axis(0)], HAN: [axis(1)]}), probe, THRESHOLDS) == Doubt()
    assert isinstance(search(face_set({LI: [axis(0), axis(1)]}), probe, THRESHOLDS), Match)


def test_people_without_a_template_do_not_shift_the_others():
    gallery = face_set({LI: [axis(0)], WU: [], HAN: [axis(1)]})

    assert gallery.owners == (LI, HAN)
    assert search(gallery, axis(1), THRESHOLDS) == Match(HAN, 1.0)


@pytest.mark.parametrize(
    "values",
    [
        {"accept": 0.3, "unsure_from": 0.4},
        {"accept": 1.2, "unsure_from": 0.4},
        {"accept": 0.5, "unsure_from": 0},
    ],
)
def test_thresholds_out_of_order_are_refused(values: dict[str, float]):
    with pytest.raises(ValueError, match="out of order"):
        Thresholds(**values)

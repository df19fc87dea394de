from __future__ import annotations

import pytest

from edge.finger.press import Found, NotFound, Press, Statement, Unclear
from firmware_bridge.outcomes import Identification as Look
from firmware_bridge.outcomes import Matched, NoFinger, NotMatched, PoorImage, PoorReason

NOTHING, STRANGER = NoFinger(), NotMatched()
SMEAR = PoorImage(PoorReason.MESSY)
LI = Matched(slot=3, score=120)


def said(*looks: Look) -> list[Statement]:
    press = Press()
    return [statement for look in looks if (statement := press.saw(look)) is not None]


def test_an_idle_sensor_says_nothing():
    assert said(*[NOTHING] * 50) == []


def test_a_match_is_said_once_however_long_the_finger_lies_there():
    assert said(NOTHING, LI, LI, SMEAR, SMEAR, SMEAR, SMEAR, NOTHING, NOTHING) == [Found(3, 120)]


def test_the_second_image_may_be_the_good_one():
    assert said(SMEAR, STRANGER, LI) == [Found(3, 120)]


def test_a_clear_stranger_is_not_found_after_three_looks():
    assert said(STRANGER, STRANGER) == []
    assert said(STRANGER, STRANGER, STRANGER, STRANGER, STRANGER) == [NotFound()]


def test_three_smears_are_unclear():
    assert said(SMEAR, SMEAR, SMEAR, SMEAR) == [Unclear()]


@pytest.mark.parametrize(("look", "statement"), [(SMEAR, Unclear()), (STRANGER, NotFound())])
def test_a_finger_lifted_too_soon_gets_an_answer_too(look: Look, statement: Statement):
    assert said(look, NOTHING, NOTHING) == [statement]


def test_one_hole_in_the_image_is_not_a_lift():
    assert said(LI, NOTHING, LI, NOTHING, LI) == [Found(3, 120)]


def test_the_next_press_is_a_new_one():
    assert said(LI, NOTHING, NOTHING, LI, NOTHING, NOTHING, STRANGER, NOTHING, NOTHING) == [
        Found(3, 120),
        Found(3, 120),
        NotFound(),
    ]


def test_a_press_that_has_been_dealt_with_says_so():
    press = Press()
    press.saw(LI)
    assert press.is_settled
    press.saw(NOTHING)
    assert press.is_settled
    press.saw(NOTHING)
    assert not press.is_settled

from __future__ import annotations

from edge.face.detect import Box
from edge.face.search import Doubt, Match, Stranger, Verdict
from edge.face.track import GONE_MS, Tracker, TrackRules
from edge.identification import Identification, Identified, Unknown, Unsure
from models.ids import PersonId
from models.punch import Method

LI, HAN = PersonId("p-li"), PersonId("p-han")
HERE, THERE = Box(200, 100, 120, 150), Box(20, 100, 120, 150)
FRAME_MS = 66
RULES = TrackRules(agree=2, give_up=6, recheck_ms=600)


class Door:
    """A tracker and the frames that pass before it; ``asked`` counts the embeddings it paid for."""

    def __init__(self) -> None:
        self.tracker = Tracker(RULES)
        self.now_ms = 0
        self.asked = 0

    def sees(self, *verdicts: Verdict, box: Box = HERE) -> list[Identification]:
        said = []
        for verdict in verdicts:
            self.now_ms += FRAME_MS
            if self.tracker.wants_verdict(box, self.now_ms):
                self.asked += 1
                said.append(self.tracker.judged(verdict, self.now_ms))
        return [statement for statement in said if statement is not None]

    def is_empty_for(self, ms: int) -> None:
        for _ in range(0, ms, FRAME_MS):
            self.now_ms += FRAME_MS
            self.tracker.nobody(self.now_ms)


def li(score: float = 0.7) -> Match:
    return Match(LI, score)


def han() -> Match:
    return Match(HAN, 0.6)


def test_one_frame_is_not_enough_and_two_that_agree_are():
    door = Door()

    assert door.sees(li()) == []
    assert door.sees(li(0.8)) == [Identified(LI, Method.FACE, 800)]


def test_the_rules_in_use_ask_for_agreement_too():
    tracker = Tracker()

    assert tracker.wants_verdict(HERE, 0)
    assert tracker.judged(li(), 0) is None


def test_frames_that_disagree_name_nobody():
    door = Door()

    assert door.sees(li(), han(), li(), han(), li()) == []
    assert door.sees(han(), li(), han()) == [Unsure(Method.FACE)]


def test_who_stays_in_view_is_said_once():
    door = Door()

    assert len(door.sees(*[li()] * 200)) == 1


def test_who_has_been_dealt_with_costs_little():
    door = Door()

    door.sees(*[li()] * 92)

    assert door.asked <= 2 + 92 * FRAME_MS // RULES.recheck_ms


def test_who_left_and_came_back_is_said_again():
    door = Door()
    door.sees(li(), li())

    door.is_empty_for(GONE_MS + 2 * FRAME_MS)

    assert door.sees(li(), li()) == [Identified(LI, Method.FACE, 700)]


def test_a_blink_of_the_detector_is_not_leaving():
    door = Door()
    door.sees(li(), li())

    door.is_empty_for(GONE_MS - 3 * FRAME_MS)

    assert door.sees(*[li()] * 30) == []


def test_a_jump_in_the_picture_does_not_make_another_person():
    door = Door()
    door.sees(li(), li())

    assert door.sees(*[li()] * 30, box=THERE) == []


def test_somebody_else_stepping_in_is_noticed():
    door = Door()
    door.sees(li(), li())

    assert door.sees(*[han()] * 12) == [Identified(HAN, Method.FACE, 600)]


def test_one_false_frame_among_the_rechecks_names_nobody():
    door = Door()
    door.sees(li(), li())

    for _ in range(20):
        assert door.sees(*[li()] * 12, han()) == []


def test_a_stranger_is_told_after_several_frames_once():
    door = Door()

    assert door.sees(*[Stranger()] * (RULES.give_up - 1)) == []
    assert door.sees(*[Stranger()] * 60) == [Unknown(Method.FACE)]


def test_somebody_half_recognised_is_unsure_not_unknown():
    door = Door()

    assert door.sees(Doubt(), *[Stranger()] * 40) == [Unsure(Method.FACE)]


def test_unsure_becomes_sure_when_the_person_comes_closer():
    door = Door()
    door.sees(*[Doubt()] * 10)

    assert door.sees(*[li()] * 12) == [Identified(LI, Method.FACE, 700)]


def test_turning_the_head_away_after_the_punch_says_nothing():
    door = Door()
    door.sees(li(), li())

    assert door.sees(*[Stranger()] * 100) == []


def test_votes_do_not_survive_a_crowd():
    door = Door()
    door.sees(li())
    door.tracker.crowd(door.now_ms)

    assert door.sees(li()) == []


def test_in_a_crowd_nobody_has_left():
    door = Door()
    door.sees(li(), li())
    for _ in range(40):
        door.now_ms += FRAME_MS
        door.tracker.crowd(door.now_ms)

    assert door.sees(*[li()] * 20) == []


def test_a_blink_after_a_crowd_is_not_leaving():
    door = Door()
    door.sees(li(), li())
    for _ in range(40):
        door.now_ms += FRAME_MS
        door.tracker.crowd(door.now_ms)
    door.is_empty_for(FRAME_MS)

    assert door.sees(*[li()] * 20) == []

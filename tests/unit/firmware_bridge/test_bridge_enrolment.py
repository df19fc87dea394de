from __future__ import annotations

import pytest

from firmware_bridge.emulator.faults import Fault
from firmware_bridge.enrolment import (
    Advanced,
    AlreadyEnrolled,
    CapturesDiffer,
    Enrolled,
    Enrolment,
    Stage,
    Waiting,
)
from firmware_bridge.errors import LinkLost
from firmware_bridge.outcomes import Matched, PoorImage, PoorReason
from tests.unit.firmware_bridge.null_modem import Bench

ALICE = "alice-right-index"


def after_first_press(bench: Bench, slot: int = 5) -> Enrolment:
    enrolment = Enrolment(bench.sensor(), slot)
    bench.press(ALICE)
    assert enrolment.step() == Advanced(Stage.LIFT)
    bench.module.lift()
    assert enrolment.step() == Advanced(Stage.SECOND)
    return enrolment


def enrol(bench: Bench, slot: int = 5) -> None:
    enrolment = after_first_press(bench, slot)
    bench.press(ALICE)
    assert enrolment.step() == Enrolled(slot)
    bench.module.lift()


def test_two_presses_with_a_lift_between_enrol_a_finger(bench: Bench) -> None:
    enrol(bench)

    bench.press(ALICE)
    outcome = bench.sensor().identify()
    assert isinstance(outcome, Matched)
    assert outcome.slot == 5


def test_a_slot_beyond_the_library_is_a_mistake_before_anyone_is_asked(bench: Bench) -> None:
    with pytest.raises(ValueError, match="slot 1000"):
        Enrolment(bench.sensor(), 1000)


def test_waiting_changes_nothing(bench: Bench) -> None:
    enrolment = Enrolment(bench.sensor(), 5)

    assert enrolment.step() == Waiting(Stage.FIRST)
    bench.press(ALICE)
    enrolment.step()
    assert enrolment.step() == Waiting(Stage.LIFT)
    bench.module.lift()
    enrolment.step()
    assert enrolment.step() == Waiting(Stage.SECOND)


def test_a_finger_that_stays_is_not_taken_twice(bench: Bench) -> None:
    enrolment = Enrolment(bench.sensor(), 5)
    bench.press(ALICE, ms=60_000)
    enrolment.step()

    for _ in range(3):
        assert enrolment.step() == Waiting(Stage.LIFT)

    assert bench.library.slots() == []


def test_a_poor_press_is_told_and_the_stage_stays(bench: Bench) -> None:
    enrolment = after_first_press(bench)
    bench.press(ALICE, quality=0.2)

    assert enrolment.step() == PoorImage(PoorReason.MESSY)
    assert enrolment.stage is Stage.SECOND


def test_another_finger_at_the_second_press_begins_again(bench: Bench) -> None:
    enrolment = after_first_press(bench)
    bench.press("alice-left-index")

    assert enrolment.step() == CapturesDiffer()
    assert enrolment.stage is Stage.FIRST
    assert bench.library.slots() == []


def test_a_finger_known_in_another_slot_is_not_enrolled_twice(bench: Bench) -> None:
    enrol(bench, slot=5)
    enrolment = Enrolment(bench.sensor(), 6)
    bench.press(ALICE)

    outcome = enrolment.step()

    assert isinstance(outcome, AlreadyEnrolled)
    assert outcome.slot == 5
    assert enrolment.stage is Stage.DONE
    assert bench.library.slots() == [5]


def test_a_finger_may_be_enrolled_anew_into_its_own_slot(bench: Bench) -> None:
    enrol(bench, slot=5)

    enrol(bench, slot=5)

    assert bench.library.slots() == [5]


def test_a_finished_enrolment_cannot_be_stepped(bench: Bench) -> None:
    enrolment = after_first_press(bench)
    bench.press(ALICE)
    enrolment.step()

    with pytest.raises(RuntimeError, match="done"):
        enrolment.step()


def test_a_lost_link_leaves_the_step_to_be_done_again(bench: Bench) -> None:
    enrolment = after_first_press(bench)
    bench.press(ALICE, ms=60_000)
    bench.faults.strike_next(Fault.CUT)

    with pytest.raises(LinkLost):
        enrolment.step()

    assert enrolment.stage is Stage.SECOND
    assert enrolment.step() == Enrolled(5)

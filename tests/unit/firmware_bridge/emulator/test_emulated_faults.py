from __future__ import annotations

import pytest

from firmware_bridge.emulator.faults import Fault, FaultPlan, UnknownFault, parse, spoil
from firmware_bridge.packets import Packet, PacketId


def test_faults_strike_the_next_answers_then_every_nth() -> None:
    plan = FaultPlan({Fault.CUT: 3})
    plan.strike_next(Fault.SILENT, 2)

    drawn = [plan.draw() for _ in range(6)]

    assert drawn == [Fault.SILENT, Fault.SILENT, Fault.CUT, None, None, Fault.CUT]


def test_fault_lists_are_read_with_their_periods() -> None:
    assert parse("garbage@7, cut") == {Fault.GARBAGE: 7, Fault.CUT: 10}


def test_an_unknown_fault_is_told_the_known_ones() -> None:
    with pytest.raises(UnknownFault, match="'loud': known are silent, garbage, cut, badsum, late, unplug"):
        parse("loud")


@pytest.mark.parametrize("period", ["0", "-1", "x"])
def test_a_period_is_a_whole_number(period: str) -> None:
    with pytest.raises(ValueError, match="period"):
        parse(f"cut@{period}")


def test_each_fault_spoils_an_answer_in_its_own_way() -> None:
    answer = Packet(PacketId.ACK, b"\0").encode()

    spoilt = {fault: spoil(fault, answer) for fault in Fault}

    assert spoil(None, answer) == answer
    assert spoilt[Fault.GARBAGE].endswith(answer)
    assert answer.startswith(spoilt[Fault.CUT])
    assert len(set(spoilt.values())) == 4
    assert spoilt[Fault.SILENT] == spoilt[Fault.LATE] == spoilt[Fault.UNPLUG] == b""

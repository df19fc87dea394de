from __future__ import annotations

import json

import pytest

from firmware_bridge.confirmation import Confirmation
from firmware_bridge.emulator.control import Control
from firmware_bridge.emulator.faults import Fault
from firmware_bridge.packets import Packet, PacketId
from tests.unit.firmware_bridge.null_modem import Bench

SIZE = 512
GEN_IMG = Packet(PacketId.COMMAND, b"\x01")


def told(bench: Bench, line: str) -> dict[str, object]:
    answer = Control(bench.module, bench.faults).answer(line.encode())
    assert answer.endswith(b"\n")
    reply: dict[str, object] = json.loads(answer)
    return reply


def test_a_press_and_a_lift_are_obeyed(bench: Bench) -> None:
    assert told(bench, '{"press": "alice", "ms": 500, "quality": 0.9}') == {"ok": True}
    assert bench.module.handle(GEN_IMG)[0].content[0] == Confirmation.OK
    assert told(bench, '{"lift": true}') == {"ok": True}
    assert bench.module.handle(GEN_IMG)[0].content[0] == Confirmation.NO_FINGER


def test_a_press_lasts_900_ms_unless_said(bench: Bench) -> None:
    told(bench, '{"press": "alice"}')
    bench.clock.now_ms += 899
    assert bench.module.handle(GEN_IMG)[0].content[0] == Confirmation.OK
    bench.clock.now_ms += 1
    assert bench.module.handle(GEN_IMG)[0].content[0] == Confirmation.NO_FINGER


def test_a_fault_is_planned(bench: Bench) -> None:
    told(bench, '{"fault": "silent", "times": 2}')

    assert [bench.faults.draw() for _ in range(3)] == [Fault.SILENT, Fault.SILENT, None]


def test_the_library_is_listed(bench: Bench) -> None:
    bench.library.write(9, bytes(SIZE))
    bench.library.write(2, bytes(SIZE))

    assert told(bench, '{"library": true}') == {"ok": True, "capacity": 1000, "count": 2, "slots": [2, 9]}


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("press alice", "not a line of JSON"),
        ('"press"', "one JSON object"),
        ("\xff", "not a line of JSON"),
        ("{}", "one of press, lift, fault, library"),
        ('{"press": "a", "lift": true}', "one of press"),
        ('{"press": 7}', "press is a name"),
        ('{"press": ""}', "press is a name"),
        ('{"press": "a", "ms": 0}', "ms is a number from 1 to 600000"),
        ('{"press": "a", "ms": "900"}', "ms is a number"),
        ('{"press": "a", "quality": 1.1}', "quality is a number from 0 to 1"),
        ('{"press": "a", "quality": true}', "quality is a number"),
        ('{"fault": "loud"}', "known are silent, garbage"),
        ('{"fault": "cut", "times": 0}', "times is a number"),
    ],
)
def test_a_bad_line_is_told_what_is_wrong(bench: Bench, line: str, part: str) -> None:
    reply = told(bench, line)

    assert reply["ok"] is False
    assert part in str(reply["error"])

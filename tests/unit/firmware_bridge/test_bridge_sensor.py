from __future__ import annotations

import pytest

from firmware_bridge.confirmation import Confirmation
from firmware_bridge.driver import HANDSHAKE_MS
from firmware_bridge.emulator.faults import Fault
from firmware_bridge.errors import LinkLost, ProtocolViolation, SensorRefused
from firmware_bridge.instructions import GEN_IMG, IMG_2_TZ, LOAD_CHAR, SEARCH
from firmware_bridge.outcomes import Captured, Matched, NoFinger, NotMatched, PoorImage, PoorReason
from firmware_bridge.packets import Packet, PacketId
from tests.unit.firmware_bridge.null_modem import Bench

ALICE = "alice-right-index"
BOB = "bob-left-thumb"


def enrolled(bench: Bench, finger: str, slot: int) -> None:
    sensor = bench.sensor()
    for buffer in (1, 2):
        bench.press(finger)
        assert sensor.capture(buffer) == Captured()
    assert sensor.combine()
    sensor.store(slot)
    bench.module.lift()


def test_an_empty_sensor_sees_no_finger(bench: Bench) -> None:
    assert bench.sensor().identify() == NoFinger()


def test_an_enrolled_finger_is_matched_to_its_slot(bench: Bench) -> None:
    enrolled(bench, ALICE, 7)
    enrolled(bench, BOB, 999)

    bench.press(BOB)
    outcome = bench.sensor().identify()

    assert isinstance(outcome, Matched)
    assert outcome.slot == 999
    assert outcome.score > 100


def test_another_finger_is_not_matched(bench: Bench) -> None:
    enrolled(bench, ALICE, 7)

    bench.press("eve-right-index")

    assert bench.sensor().identify() == NotMatched()


@pytest.mark.parametrize(
    ("quality", "reason"), [(0.29, PoorReason.MESSY), (0.1, PoorReason.TOO_FEW_FEATURES)]
)
def test_a_poor_press_says_what_is_wrong(bench: Bench, quality: float, reason: PoorReason) -> None:
    bench.press(ALICE, quality=quality)

    assert bench.sensor().identify() == PoorImage(reason)


def answering(bench: Bench, opcode: int, code: Confirmation) -> None:
    """Let the module answer one instruction with a code the emulator has no reason to give."""
    usual = bench.module.handle

    def handle(packet: Packet) -> list[Packet]:
        return [Packet(PacketId.ACK, bytes([code]))] if packet.content[0] == opcode else usual(packet)

    bench.module.handle = handle  # type: ignore[method-assign]


def test_an_image_that_could_not_be_taken_is_a_poor_one_and_a_finger_is_there(bench: Bench) -> None:
    sensor = bench.sensor()
    answering(bench, GEN_IMG.opcode, Confirmation.CAPTURE_FAILED)

    assert sensor.identify() == PoorImage(PoorReason.CAPTURE_FAILED)
    assert sensor.finger_present()


def test_a_refusal_that_is_no_poor_image_is_told(bench: Bench) -> None:
    sensor = bench.sensor()
    answering(bench, GEN_IMG.opcode, Confirmation.UNDEFINED)

    with pytest.raises(SensorRefused, match="does not know the instruction"):
        sensor.identify()


def test_a_slot_the_sensor_disowns_is_not_an_empty_one(bench: Bench) -> None:
    sensor = bench.sensor()
    answering(bench, LOAD_CHAR.opcode, Confirmation.PAGE_OUT_OF_RANGE)

    with pytest.raises(SensorRefused, match="beyond the library"):
        sensor.read_template(4)


def test_an_upload_that_comes_back_changed_is_not_stored(bench: Bench) -> None:
    sensor = bench.sensor()
    usual = bench.module.handle

    def handle(packet: Packet) -> list[Packet]:
        if packet.pid is PacketId.DATA:
            return usual(Packet(PacketId.DATA, bytes(len(packet.content))))
        return usual(packet)

    bench.module.handle = handle  # type: ignore[method-assign]

    with pytest.raises(LinkLost, match="did not arrive"):
        sensor.install_template(3, bytes(range(256)) * 2)
    assert bench.library.slots() == []


def test_a_faint_press_of_an_enrolled_finger_still_matches_with_a_lower_score(bench: Bench) -> None:
    enrolled(bench, ALICE, 7)
    sensor = bench.sensor()

    bench.press(ALICE, quality=0.9)
    clear = sensor.identify()
    bench.press(ALICE, quality=0.35)
    faint = sensor.identify()

    assert isinstance(clear, Matched)
    assert isinstance(faint, Matched)
    assert faint.score < clear.score


def test_identification_costs_three_commands(bench: Bench) -> None:
    enrolled(bench, ALICE, 7)
    sensor = bench.sensor()
    before = len(bench.commands())
    bench.press(ALICE)

    sensor.identify()

    assert bench.commands()[before:] == [GEN_IMG.opcode, IMG_2_TZ.opcode, SEARCH.opcode]


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.CUT, Fault.BADSUM, Fault.LATE])
@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_fault_at_any_step_of_an_identification_is_bounded_and_healed(
    bench: Bench, fault: Fault, step: int
) -> None:
    enrolled(bench, ALICE, 7)
    sensor = bench.sensor()
    bench.press(ALICE, ms=60_000)
    draws = iter([None] * step + [fault])
    bench.faults.draw = lambda: next(draws, None)  # type: ignore[method-assign]
    began = bench.clock.now_ms

    with pytest.raises(LinkLost):
        sensor.identify()

    bound = GEN_IMG.deadline_ms + IMG_2_TZ.deadline_ms + SEARCH.deadline_ms + HANDSHAKE_MS
    assert bench.clock.now_ms - began <= bound
    assert isinstance(sensor.identify(), Matched)


def test_the_library_is_told_by_count_and_index(bench: Bench) -> None:
    for slot in (0, 7, 8, 255, 256, 999):
        bench.library.write(slot, bytes(512))

    probe = bench.sensor().probe()

    assert probe.count == 6
    assert probe.occupied == {0, 7, 8, 255, 256, 999}
    assert probe.parameters.capacity == 1000


def test_a_deleted_finger_is_not_matched_any_more(bench: Bench) -> None:
    enrolled(bench, ALICE, 7)
    enrolled(bench, BOB, 8)
    sensor = bench.sensor()

    sensor.delete(7)

    bench.press(ALICE)
    assert sensor.identify() == NotMatched()
    assert sensor.occupied() == {8}


def test_clearing_deletes_every_finger(bench: Bench) -> None:
    enrolled(bench, ALICE, 7)
    sensor = bench.sensor()

    sensor.clear()

    assert (sensor.count(), sensor.occupied()) == (0, frozenset())


@pytest.mark.parametrize("slot", [-1, 1000])
def test_a_slot_beyond_the_library_is_a_mistake_and_nothing_is_sent(bench: Bench, slot: int) -> None:
    sensor = bench.sensor()
    before = len(bench.commands())

    for call in (
        sensor.store,
        sensor.delete,
        sensor.read_template,
        lambda s: sensor.install_template(s, bytes(512)),
    ):
        with pytest.raises(ValueError, match="not one of 0 to 999"):
            call(slot)

    assert len(bench.commands()) == before


def test_a_template_moves_to_another_sensor_and_matches_there(bench: Bench) -> None:
    enrolled(bench, ALICE, 7)
    other = Bench()

    template = bench.sensor().read_template(7)
    assert template is not None
    assert len(template) == 512
    other.sensor().install_template(3, template)

    other.press(ALICE)
    outcome = other.sensor().identify()
    assert isinstance(outcome, Matched)
    assert outcome.slot == 3


def test_an_empty_slot_has_no_template(bench: Bench) -> None:
    assert bench.sensor().read_template(4) is None


def test_a_template_of_another_size_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="512 bytes, not 768"):
        bench.sensor().install_template(3, bytes(768))


def test_a_template_with_a_packet_missing_is_a_lost_link(bench: Bench) -> None:
    bench.library.write(7, bytes(512))
    sensor = bench.sensor()
    whole = bench.module.handle

    def without_one(packet: Packet) -> list[Packet]:
        answer = whole(packet)
        return answer[:2] + answer[3:]

    bench.module.handle = without_one  # type: ignore[method-assign]

    with pytest.raises(LinkLost, match="384 of 512"):
        sensor.read_template(7)


def test_a_template_that_arrived_damaged_is_not_stored(bench: Bench) -> None:
    sensor = bench.sensor()
    bench.module.handle = lossy(bench)  # type: ignore[method-assign]

    with pytest.raises((LinkLost, SensorRefused)):
        sensor.install_template(3, bytes(range(256)) * 2)

    assert bench.library.slots() == []


def lossy(bench: Bench):
    real = bench.module.handle
    seen = []

    def handle(packet):
        seen.append(packet)
        dropped = packet.pid == 2 and len(seen) % 3 == 0
        return [] if dropped else real(packet)

    return handle


def test_a_slot_that_reads_back_differently_is_a_violation(bench: Bench) -> None:
    sensor = bench.sensor()
    write = bench.library.write
    bench.library.write = lambda slot, template: write(slot, template[::-1])  # type: ignore[method-assign]

    with pytest.raises(ProtocolViolation, match="slot 3 reads back differently"):
        sensor.install_template(3, bytes(range(256)) * 2)


def test_a_full_flash_is_a_refusal(bench: Bench) -> None:
    enrolled(bench, ALICE, 7)
    sensor = bench.sensor()

    def full(slot: int, template: bytes) -> None:
        raise OSError(28, "No space left on device")

    bench.library.write = full  # type: ignore[method-assign]

    with pytest.raises(SensorRefused, match="flash"):
        sensor.store(8)


def test_the_sensor_closes_its_port(bench: Bench) -> None:
    with bench.sensor():
        pass

    assert bench.modem.closed

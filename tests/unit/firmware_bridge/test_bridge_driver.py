from __future__ import annotations

import pytest

from firmware_bridge.driver import DRAIN_MS, FRAME_GAP_MS, HANDSHAKE_MS
from firmware_bridge.emulator.faults import Fault
from firmware_bridge.errors import LinkLost, ProtocolViolation, SensorRefused
from firmware_bridge.instructions import GEN_IMG, READ_SYS_PARA, TEMPLETE_NUM, UP_CHAR, VFY_PWD
from firmware_bridge.packets import Packet, PacketId
from tests.unit.firmware_bridge.null_modem import Bench, NullModem, VirtualClock

HANDSHAKE = [VFY_PWD.opcode, READ_SYS_PARA.opcode, TEMPLETE_NUM.opcode]


class Babble:
    """A port that never falls silent and never says a packet; each byte takes a millisecond."""

    def __init__(self, clock: VirtualClock, noise: bytes) -> None:
        self._clock = clock
        self._noise = noise
        self._at = 0

    def send(self, data: bytes) -> None:
        pass

    def receive(self, timeout_ms: int) -> bytes:
        self._clock.now_ms += 1
        self._at += 1
        return self._noise[self._at % len(self._noise) :][:1]

    def discard_input(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_the_first_command_is_preceded_by_a_handshake_and_later_ones_are_not(bench: Bench) -> None:
    driver = bench.driver()

    assert driver.readImage() is False
    assert driver.readImage() is False

    assert bench.commands() == [*HANDSHAKE, GEN_IMG.opcode, GEN_IMG.opcode]


def test_each_packet_is_written_in_one_piece(bench: Bench) -> None:
    bench.driver().readImage()

    assert bench.modem.sent[-1] == Packet(PacketId.COMMAND, b"\x01").encode()


def test_a_silent_sensor_costs_the_deadline_and_the_next_call_works(bench: Bench) -> None:
    driver = bench.driver()
    driver.readImage()
    bench.faults.strike_next(Fault.SILENT)
    began = bench.clock.now_ms

    with pytest.raises(LinkLost, match="no answer to GenImg"):
        driver.readImage()

    assert bench.clock.now_ms - began == GEN_IMG.deadline_ms
    assert driver.readImage() is False
    assert bench.commands()[-4:] == [*HANDSHAKE, GEN_IMG.opcode]


@pytest.mark.parametrize("noise", [b"\x55", b"\x00\xff", bytes.fromhex("EF01FFFFFFFF07FFFF"), b"\xef\x01"])
def test_endless_noise_ends_at_the_deadlines(noise: bytes) -> None:
    clock = VirtualClock()
    driver = Bench().driver()
    driver._link, driver._clock = Babble(clock, noise), clock

    with pytest.raises(LinkLost):
        driver.readImage()

    assert clock.now_ms <= DRAIN_MS + VFY_PWD.deadline_ms + 1


def test_a_sensor_that_stays_silent_never_costs_more_than_the_handshake(bench: Bench) -> None:
    driver = bench.driver()
    bench.faults.strike_next(Fault.SILENT, 1000)

    for _ in range(5):
        began = bench.clock.now_ms
        with pytest.raises(LinkLost):
            driver.getTemplateCount()
        assert bench.clock.now_ms - began <= HANDSHAKE_MS


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.BADSUM, Fault.LATE, Fault.SILENT])
def test_a_lost_answer_is_told_in_time_and_the_next_answer_is_the_right_one(
    bench: Bench, fault: Fault
) -> None:
    driver = bench.driver()
    bench.library.write(3, bytes(512))
    driver.readImage()
    bench.faults.strike_next(fault)
    began = bench.clock.now_ms

    with pytest.raises(LinkLost):
        driver.getTemplateCount()

    assert bench.clock.now_ms - began <= TEMPLETE_NUM.deadline_ms
    assert driver.getTemplateCount() == 1
    assert driver.readImage() is False


def test_noise_with_a_false_head_costs_a_frame_gap_and_not_the_answer(bench: Bench) -> None:
    driver = bench.driver()
    bench.library.write(3, bytes(512))
    driver.readImage()
    bench.faults.strike_next(Fault.GARBAGE)
    began = bench.clock.now_ms

    assert driver.getTemplateCount() == 1
    assert bench.clock.now_ms - began == FRAME_GAP_MS


@pytest.mark.parametrize("later", [False, True], ids=["in one piece", "later"])
def test_a_surplus_answer_is_not_taken_for_the_next_command(bench: Bench, *, later: bool) -> None:
    class Doubling(NullModem):
        def send(self, data: bytes) -> None:
            super().send(data)
            self.surplus = self.arrived
            if not later:
                self.arrived += self.surplus

        def receive(self, timeout_ms: int) -> bytes:
            chunk = super().receive(timeout_ms)
            if later and chunk:
                self.arrived = self.surplus
            return chunk

    driver = bench.driver()
    driver.readImage()
    driver._link = Doubling(bench.line, bench.clock)
    bench.press("alice")

    assert driver.readImage() is True
    assert driver.convertImage(1) is True
    bench.module.lift()
    assert driver.readImage() is False
    bench.press("alice")
    assert driver.readImage() is True


def test_a_sensor_still_sending_is_heard_out_before_the_handshake(bench: Bench) -> None:
    """Half duplex: a module does not hear what is said while it speaks."""
    driver = bench.driver()
    driver.readImage()

    class StillSending(NullModem):
        chunks_left = 3

        def send(self, data: bytes) -> None:
            if self.chunks_left == 0:
                super().send(data)

        def receive(self, timeout_ms: int) -> bytes:
            if self.chunks_left == 0:
                return super().receive(timeout_ms)
            self.chunks_left -= 1
            return b"data"

    driver._in_step = False
    driver._link = StillSending(bench.line, bench.clock)

    assert driver.getTemplateCount() == 0


@pytest.mark.parametrize("lost", range(1, 7))
def test_late_answers_never_pass_for_another_command(bench: Bench, lost: int) -> None:
    """However many answers in a row come one command late, handshakes included."""
    driver = bench.driver()
    bench.library.write(3, bytes(512))
    driver.readImage()
    bench.faults.strike_next(Fault.LATE, lost)

    for _ in range(lost + 1):
        try:
            count = driver.getTemplateCount()
        except LinkLost:
            continue
        assert count == 1
        assert driver.readImage() is False
        assert len(driver.getTemplateIndex(0)) == 256
        return
    pytest.fail("never got back in step")


def test_an_answer_that_belongs_to_another_command_is_passed_over(bench: Bench) -> None:
    driver = bench.driver()
    driver.readImage()
    count = Packet(PacketId.ACK, b"\0\0\7").encode()

    class Intruder(NullModem):
        def send(self, data: bytes) -> None:
            self.arrived += Packet(PacketId.ACK, b"\0").encode()
            self.arrived += Packet(PacketId.DATA, b"stray").encode()
            self.arrived += count

    driver._link = Intruder(bench.line, bench.clock)

    assert driver.getTemplateCount() == 7


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.BADSUM])
def test_a_template_whose_data_was_damaged_is_not_returned(bench: Bench, fault: Fault) -> None:
    driver = bench.driver()
    bench.library.write(3, bytes(range(256)) * 2)
    driver.loadTemplate(3, 1)
    bench.faults.strike_next(fault)
    began = bench.clock.now_ms

    with pytest.raises(LinkLost):
        driver.downloadCharacteristics(1)

    assert bench.clock.now_ms - began <= UP_CHAR.deadline_ms
    assert bytes(driver.downloadCharacteristics(1)) == bytes(range(256)) * 2


def test_data_with_a_damaged_packet_in_the_middle_is_never_returned_short(bench: Bench) -> None:
    driver = bench.driver()
    bench.library.write(3, bytes(range(256)) * 2)
    driver.loadTemplate(3, 1)

    class Damaging(NullModem):
        def send(self, data: bytes) -> None:
            super().send(data)
            self.arrived = self.arrived.replace(bytes(range(128)), bytes(128), 1)

    driver._link = Damaging(bench.line, bench.clock)
    with pytest.raises(LinkLost, match="damaged"):
        driver.downloadCharacteristics(1)


def test_a_refusal_names_instruction_and_code(bench: Bench) -> None:
    driver = bench.driver()

    with pytest.raises(SensorRefused, match=r"LoadChar.*code 0C") as refused:
        driver.loadTemplate(5)

    assert (refused.value.instruction, refused.value.code) == ("LoadChar", 0x0C)


def test_a_refusal_needs_no_handshake(bench: Bench) -> None:
    driver = bench.driver()
    with pytest.raises(SensorRefused):
        driver.loadTemplate(5)
    before = len(bench.commands())

    driver.readImage()

    assert bench.commands()[before:] == [GEN_IMG.opcode]


def test_a_command_the_sensor_received_damaged_is_a_lost_link_not_a_refusal(bench: Bench) -> None:
    driver = bench.driver()
    driver.readImage()

    class Damaging(NullModem):
        def send(self, data: bytes) -> None:
            super().send(data[:-1] + bytes([data[-1] ^ 1]))

    driver._link = Damaging(bench.line, bench.clock)
    with pytest.raises(LinkLost, match="damaged"):
        driver.readImage()

    driver._link = bench.modem
    assert driver.readImage() is False


def test_a_wrong_password_is_refused_at_once() -> None:
    bench = Bench(password=0xCAFE)

    with pytest.raises(SensorRefused) as refused:
        bench.driver(password=1).readImage()

    assert refused.value.code == 0x13


def test_a_locked_sensor_that_restarted_is_unlocked_again() -> None:
    bench = Bench(password=0xCAFE)
    driver = bench.driver(password=0xCAFE)
    assert driver.readImage() is False

    bench.module.power_on()

    with pytest.raises(LinkLost, match="password"):
        driver.readImage()
    assert driver.readImage() is False


def test_a_port_that_dies_while_writing_is_a_lost_link(bench: Bench) -> None:
    driver = bench.driver()
    driver.readImage()
    bench.line.unplugged = True
    with pytest.raises(LinkLost, match="unplugged"):
        driver.readImage()

    bench.line.plug()

    assert driver.readImage() is False
    assert bench.commands()[-4:] == [*HANDSHAKE, GEN_IMG.opcode]


def test_an_impossible_packet_size_is_a_violation(bench: Bench) -> None:
    class Odd(NullModem):
        def send(self, data: bytes) -> None:
            super().send(data)
            if data[9] == READ_SYS_PARA.opcode:
                content = b"\0" + bytes(12) + b"\0\7" + b"\0\6"
                self.arrived = Packet(PacketId.ACK, content).encode()

    driver = bench.driver()
    driver._link = Odd(bench.line, bench.clock)

    with pytest.raises(ProtocolViolation, match="7"):
        driver.readImage()


def test_the_parameters_come_with_the_handshake(bench: Bench) -> None:
    parameters = bench.driver().parameters

    assert (parameters.capacity, parameters.packet_code, parameters.baud_n) == (1000, 2, 6)
    assert bench.commands() == HANDSHAKE


def test_an_answer_without_a_command_is_a_violation(bench: Bench) -> None:
    with pytest.raises(ProtocolViolation, match="before a command"):
        bench.driver()._PyFingerprint__readPacket()


def test_a_second_answer_to_a_command_without_data_is_a_violation(bench: Bench) -> None:
    driver = bench.driver()
    driver.readImage()

    with pytest.raises(ProtocolViolation, match="one answer"):
        driver._PyFingerprint__readPacket()


def test_closing_gives_the_port_back(bench: Bench) -> None:
    bench.driver().close()

    assert bench.modem.closed

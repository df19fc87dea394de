from __future__ import annotations

import pytest

from firmware_bridge.confirmation import Confirmation
from firmware_bridge.emulator.faults import Fault
from firmware_bridge.instructions import INSTRUCTIONS
from firmware_bridge.packets import Packet, PacketId
from tests.unit.firmware_bridge.null_modem import Bench

SIZE = 512


def code_of(bench: Bench, content: str) -> int:
    [answer] = bench.module.handle(Packet(PacketId.COMMAND, bytes.fromhex(content)))
    return answer.content[0]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("99", Confirmation.UNDEFINED),
        ("02", Confirmation.PACKET_ERROR),
        ("02 03", Confirmation.PACKET_ERROR),
        ("02 01", Confirmation.NO_IMAGE),
        ("03", Confirmation.NO_MATCH),
        ("04 01 0000 03E8", Confirmation.NOT_FOUND),
        ("05", Confirmation.COMBINE_FAILED),
        ("06 01 03E8", Confirmation.PAGE_OUT_OF_RANGE),
        ("06 01 0001", Confirmation.FLASH_ERROR),
        ("07 01 03E8", Confirmation.PAGE_OUT_OF_RANGE),
        ("07 01 0001", Confirmation.TEMPLATE_INVALID),
        ("08 01", Confirmation.UPLOAD_FAILED),
        ("09 03", Confirmation.CANNOT_RECEIVE),
        ("0C 03E7 0002", Confirmation.DELETE_FAILED),
        ("13 00000001", Confirmation.WRONG_PASSWORD),
        ("1F 04", Confirmation.PAGE_OUT_OF_RANGE),
    ],
)
def test_impossible_commands_get_their_codes(bench: Bench, content: str, code: int) -> None:
    assert code_of(bench, content) == code


@pytest.mark.parametrize("instruction", INSTRUCTIONS.values(), ids=lambda instruction: instruction.name)
def test_every_instruction_of_the_table_is_answered_with_a_code_of_the_table(
    bench: Bench, instruction
) -> None:
    content = bytes([instruction.opcode]) + bytes(instruction.parameter_bytes)

    answer = bench.module.handle(Packet(PacketId.COMMAND, content))[0]

    allowed = {Confirmation.OK, Confirmation.PACKET_ERROR, *instruction.expected, *instruction.refusals}
    assert answer.content[0] in allowed
    if answer.content[0] == Confirmation.OK:
        assert len(answer.content) == 1 + instruction.reply_bytes


def test_a_locked_module_wants_its_password_first() -> None:
    bench = Bench(password=5)

    assert code_of(bench, "1D") == Confirmation.PASSWORD_REQUIRED
    assert code_of(bench, "13 00000005") == Confirmation.OK
    assert code_of(bench, "1D") == Confirmation.OK


def test_the_status_register_tells_image_password_and_match(bench: Bench) -> None:
    def status() -> int:
        [answer] = bench.module.handle(Packet(PacketId.COMMAND, b"\x0f"))
        return int.from_bytes(answer.content[1:3], "big")

    assert status() == 0
    code_of(bench, "13 00000000")
    assert status() == 0b0100
    bench.press("alice")
    code_of(bench, "01")
    assert status() == 0b1100
    code_of(bench, "02 01")
    code_of(bench, "06 01 0000")
    code_of(bench, "04 01 0000 03E8")
    assert status() == 0b1110


def test_a_search_sees_only_its_range(bench: Bench) -> None:
    bench.press("alice")
    code_of(bench, "01")
    code_of(bench, "02 01")
    code_of(bench, "06 01 0064")

    assert code_of(bench, "04 01 0000 0064") == Confirmation.NOT_FOUND
    assert code_of(bench, "04 01 0064 0001") == Confirmation.OK


def test_a_finger_lifts_by_itself_when_its_time_is_up(bench: Bench) -> None:
    bench.press("alice", ms=900)
    bench.clock.now_ms += 899
    assert code_of(bench, "01") == Confirmation.OK

    bench.clock.now_ms += 1
    assert code_of(bench, "01") == Confirmation.NO_FINGER


def test_power_loss_forgets_the_image_and_keeps_the_library(bench: Bench) -> None:
    bench.press("alice")
    code_of(bench, "01")
    bench.library.write(3, bytes(SIZE))

    bench.module.power_on()

    assert code_of(bench, "02 01") == Confirmation.NO_IMAGE
    assert bench.library.slots() == [3]


def test_an_unplugged_line_is_dead_until_it_is_plugged_and_then_as_after_power_up(bench: Bench) -> None:
    gen_img, img_2_tz = (Packet(PacketId.COMMAND, content).encode() for content in (b"\x01", b"\x02\x01"))
    bench.press("alice")
    bench.line.answer(gen_img)
    bench.faults.strike_next(Fault.UNPLUG)

    assert bench.line.answer(img_2_tz + img_2_tz) == b""
    assert bench.line.unplugged

    bench.line.plug()
    no_image = Packet(PacketId.ACK, bytes([Confirmation.NO_IMAGE])).encode()
    assert bench.line.answer(img_2_tz) == no_image


def test_a_disk_that_cannot_be_written_is_told_by_the_codes_of_the_flash(bench: Bench) -> None:
    def broken(slot: int) -> None:
        raise OSError(30, "Read-only file system")

    bench.library.write(3, bytes(SIZE))
    bench.library.delete = broken  # type: ignore[method-assign]

    assert code_of(bench, "0C 0003 0001") == Confirmation.DELETE_FAILED
    assert code_of(bench, "0D") == Confirmation.EMPTY_FAILED
    assert bench.library.slots() == [3]


def test_a_damaged_command_is_answered_as_such(bench: Bench) -> None:
    frame = bytearray(Packet(PacketId.COMMAND, b"\x01").encode())
    frame[-1] ^= 1

    assert bench.line.answer(bytes(frame)) == Packet(PacketId.ACK, b"\x01").encode()


def test_a_command_that_stops_half_way_does_not_swallow_the_next(bench: Bench) -> None:
    command = Packet(PacketId.COMMAND, b"\x01").encode()
    bench.line.answer(command[:9])
    assert bench.line.partial

    assert bench.line.pause() == b""
    assert bench.line.answer(command) == Packet(PacketId.ACK, b"\x02").encode()


def test_data_without_a_download_is_ignored(bench: Bench) -> None:
    assert bench.line.answer(Packet(PacketId.END_OF_DATA, b"x").encode()) == b""

"""docs/reference/uart.md says what the tables in the code say."""

from __future__ import annotations

from pathlib import Path

from firmware_bridge.confirmation import Confirmation, describe
from firmware_bridge.driver import FRAME_GAP_MS, HANDSHAKE_MS
from firmware_bridge.emulator.faults import MEANINGS, Fault
from firmware_bridge.instructions import INSTRUCTIONS, Field
from firmware_bridge.profiles import PROFILES, packet_bytes

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "uart.md").read_text()


def table(title: str) -> list[list[str]]:
    """Rows of the first table under a heading, its head left out."""
    section = PAGE.split(f"# {title}\n", 1)[1]
    lines = section[section.index("\n|") + 1 :].split("\n\n", 1)[0].strip().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def fields(of: tuple[Field, ...]) -> str:
    return ", ".join(f"{field.name}({field.size})" for field in of) or "-"


def codes(of: tuple[Confirmation, ...]) -> str:
    return " ".join(f"{code:02X}" for code in of) or "-"


def test_the_instructions_are_those_of_the_table() -> None:
    assert table("Instructions") == [
        [
            f"{each.opcode:02X}",
            each.name,
            each.meaning,
            fields(each.parameters),
            fields(each.reply),
            codes(each.expected),
            codes(each.refusals),
            each.data.value,
            f"{each.deadline_ms} ms",
        ]
        for each in INSTRUCTIONS.values()
    ]


def test_the_confirmation_codes_are_those_of_the_table() -> None:
    assert table("Confirmation codes") == [[f"{code:02X}", describe(code)] for code in Confirmation]


def test_the_profiles_are_those_of_the_table() -> None:
    assert table("Profiles") == [
        [
            each.name,
            str(each.capacity),
            str(each.buffers),
            str(each.template_bytes),
            str(packet_bytes(each.packet_code)),
            str(9600 * each.baud_n),
        ]
        for each in PROFILES.values()
    ]


def test_the_faults_are_those_of_the_emulator() -> None:
    assert table("Faults") == [[fault, MEANINGS[fault]] for fault in Fault]


def test_the_bounds_are_those_of_the_driver() -> None:
    assert f"pauses for {FRAME_GAP_MS} ms" in PAGE
    assert f"handshake of at most {HANDSHAKE_MS / 1000} s" in PAGE


def test_every_code_has_a_meaning_and_unknown_ones_say_so() -> None:
    assert len({describe(code) for code in Confirmation}) == len(Confirmation)
    assert describe(0xFD) == "a reason unknown to this program"

from __future__ import annotations

import pytest

from firmware_bridge.deframer import Damaged, Deframer
from firmware_bridge.packets import DEFAULT_ADDRESS, Packet, PacketId

ACK = Packet(PacketId.ACK, b"\0")


def deframer() -> Deframer:
    return Deframer(DEFAULT_ADDRESS, {PacketId.ACK, PacketId.DATA, PacketId.END_OF_DATA})


def all_of(deframer: Deframer, data: bytes) -> list[Packet | Damaged]:
    deframer.feed(data)
    found = []
    while (packet := deframer.next_packet()) is not None:
        found.append(packet)
    return found


def test_a_greeting_and_glitches_before_a_packet_are_passed_over() -> None:
    assert all_of(deframer(), b"\x00\x55" + ACK.encode()) == [ACK]


def test_a_header_inside_the_content_begins_no_packet() -> None:
    packet = Packet(PacketId.DATA, b"x" + ACK.encode() + b"y")

    assert all_of(deframer(), packet.encode() + ACK.encode()) == [packet, ACK]


@pytest.mark.parametrize("length", ["0000", "0002", "0103", "FFFF"])
def test_an_impossible_length_is_not_waited_for(length: str) -> None:
    head = bytes.fromhex("EF01 FFFFFFFF 07" + length)

    assert all_of(deframer(), head + ACK.encode()) == [ACK]


@pytest.mark.parametrize("pid", [0x00, 0x01, 0x03, 0xFF])
def test_a_packet_this_side_cannot_receive_is_noise(pid: int) -> None:
    frame = bytearray(ACK.encode())
    frame[6] = pid

    assert all_of(deframer(), bytes(frame) + ACK.encode()) == [ACK]


def test_a_packet_of_another_address_is_noise() -> None:
    other = Packet(PacketId.ACK, b"\x09", address=1)

    assert all_of(deframer(), other.encode() + ACK.encode()) == [ACK]


def test_a_wrong_sum_is_told_and_what_follows_is_found() -> None:
    damaged = bytearray(ACK.encode())
    damaged[-1] ^= 1

    assert all_of(deframer(), bytes(damaged) + ACK.encode()) == [Damaged(), ACK]


def test_a_packet_swallowed_by_a_false_head_is_found_once_that_is_abandoned() -> None:
    stream = deframer()
    false_head = bytes.fromhex("EF01 FFFFFFFF 02 0102")

    assert all_of(stream, false_head + ACK.encode()) == []
    assert stream.partial

    stream.abandon()
    assert all_of(stream, b"") == [ACK]
    assert not stream.partial


def test_cleared_bytes_are_forgotten() -> None:
    stream = deframer()
    stream.feed(ACK.encode()[:7])
    stream.clear()

    assert all_of(stream, ACK.encode()) == [ACK]


def test_noise_is_not_hoarded() -> None:
    stream = deframer()
    all_of(stream, b"\x55" * 10_000 + b"\xef")

    assert stream.partial
    assert len(stream._bytes) == 1

from __future__ import annotations

import pytest

from firmware_bridge.packets import Packet, PacketId, data_packets

ACK, COMMAND, DATA = PacketId.ACK, PacketId.COMMAND, PacketId.DATA

# Computed by hand; the first four are printed in the ZFM-20 and R503 manuals as well.
GOLDEN = [
    (COMMAND, "13 00000000", "EF01 FFFFFFFF 01 0007 13 00000000 001B"),
    (ACK, "00", "EF01 FFFFFFFF 07 0003 00 000A"),
    (COMMAND, "01", "EF01 FFFFFFFF 01 0003 01 0005"),
    (COMMAND, "1D", "EF01 FFFFFFFF 01 0003 1D 0021"),
    (COMMAND, "0F", "EF01 FFFFFFFF 01 0003 0F 0013"),
    (
        ACK,
        "00 0000 0000 01F4 0003 FFFFFFFF 0002 0006",
        "EF01 FFFFFFFF 07 0013 00 0000 0000 01F4 0003 FFFFFFFF 0002 0006 0516",
    ),
    (COMMAND, "04 01 0000 03E8", "EF01 FFFFFFFF 01 0008 04 01 0000 03E8 00F9"),
    (ACK, "09 0000 0000", "EF01 FFFFFFFF 07 0007 09 0000 0000 0017"),
    (COMMAND, "08 01", "EF01 FFFFFFFF 01 0004 08 01 000E"),
    (COMMAND, "06 01 0005", "EF01 FFFFFFFF 01 0006 06 01 0005 0013"),
    (COMMAND, "0C 0005 0001", "EF01 FFFFFFFF 01 0007 0C 0005 0001 001A"),
    (COMMAND, "35 01 80 02 00", "EF01 FFFFFFFF 01 0007 35 01 80 02 00 00C0"),
]


@pytest.mark.parametrize(("pid", "content", "frame"), GOLDEN)
def test_packets_encode_to_the_golden_frames(pid: PacketId, content: str, frame: str) -> None:
    assert Packet(pid, bytes.fromhex(content)).encode() == bytes.fromhex(frame)


def test_the_head_of_a_full_data_packet_is_that_of_the_manual() -> None:
    assert Packet(DATA, bytes(128)).encode()[:9] == bytes.fromhex("EF01 FFFFFFFF 02 0082")


def test_the_address_is_outside_the_sum() -> None:
    here = Packet(ACK, b"\0").encode()
    elsewhere = Packet(ACK, b"\0", address=0x0102_0304).encode()

    assert elsewhere[2:6] == bytes.fromhex("01020304")
    assert elsewhere[-2:] == here[-2:]


@pytest.mark.parametrize("size", [0, 257])
def test_a_content_that_fits_no_packet_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"not {size}"):
        Packet(DATA, bytes(size)).encode()


def test_data_is_cut_into_packets_and_only_the_last_says_so() -> None:
    packets = data_packets(bytes(range(250)), 100)

    assert [len(packet.content) for packet in packets] == [100, 100, 50]
    assert [packet.pid for packet in packets] == [DATA, DATA, PacketId.END_OF_DATA]

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.ingest import packets
from cloud.ingest.packets import Accepted, BadPacket, Published, Reader, Said, Subscribed

CONNACK, REFUSED, SUBACK, DENIED = b"\x20\x02\0\0", b"\x20\x02\0\5", b"\x90\x04\0\1\1\1", b"\x90\x03\0\1\x80"
PUBACK, PONG = b"\x40\x02\0\7", b"\xd0\x00"


def said(*parts: bytes) -> list[Said]:
    reader = Reader()
    return [each for part in parts for each in reader.feed(part)]


def test_what_the_broker_says_is_read():
    packet = packets.publish("kaoqin/v1/t-1/up", b"abc", mid=515, retain=True)

    heard = said(CONNACK + SUBACK + PUBACK + PONG + packet + REFUSED + DENIED)

    assert heard == [
        Accepted(None),
        Subscribed(granted=True),
        Published("kaoqin/v1/t-1/up", b"abc", 515, 1, retained=True),
        Accepted("not authorized"),
        Subscribed(granted=False),
    ]


@pytest.mark.parametrize("size", [0, 1, 105, 106, 127, 128, 16_383, 70_000, 2_100_000])
def test_a_payload_of_any_size_comes_through(size: int):
    (heard,) = said(packets.publish("t", bytes(size)))

    assert heard == Published("t", bytes(size), 0, 0, retained=False)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8), st.lists(st.integers(0, 2_600)))
def test_however_it_is_cut_the_same_is_read(payloads: list[bytes], cuts: list[int]):
    stream = CONNACK + b"".join(
        packets.publish(f"t/{mid}", payload, mid=mid) for mid, payload in enumerate(payloads, 1)
    )
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})

    parts = [stream[low:high] for low, high in pairwise(edges)]

    assert said(*parts) == said(stream)
    assert len(said(stream)) == 1 + len(payloads)


@pytest.mark.parametrize("raw", [b"\x30\x80\x80\x80\x80\x01", b"\x30\x01\0", b"\x32\x03\0\1t", b"\x20\x00"])
def test_what_is_no_packet_is_an_error(raw: bytes):
    with pytest.raises(BadPacket):
        said(raw)


def test_a_topic_that_is_not_utf8_is_still_a_message():
    """The ingest puts it aside; a lost connection would be everybody's loss."""
    (heard,) = said(b"\x30\x05\0\2\xff\xfe!")

    assert isinstance(heard, Published)
    assert heard.payload == b"!"


def test_requests_are_the_bytes_of_the_standard():
    named = packets.connect("w", 30, "u", "p")

    assert named == b"\x10\x13\0\4MQTT\4\xc2\0\x1e\0\1w\0\1u\0\1p"
    assert packets.connect("w", 30, None, None) == b"\x10\x0d\0\4MQTT\4\x02\0\x1e\0\1w"
    assert packets.subscribe(258, ["a", "bc"], 1) == b"\x82\x0b\1\2\0\1a\1\0\2bc\1"
    assert packets.unsubscribe(2, "a") == b"\xa2\x05\0\2\0\1a"
    assert packets.publish("a", b"x") == b"\x30\x04\0\1ax"
    assert packets.puback(515) == b"\x40\x02\2\3"

"""The wire under every chunking, noise and fault hypothesis can think of."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.deframer import Damaged, Deframer
from firmware_bridge.driver import HANDSHAKE_MS
from firmware_bridge.emulator.faults import Fault
from firmware_bridge.errors import LinkLost
from firmware_bridge.instructions import INSTRUCTIONS
from firmware_bridge.packets import DEFAULT_ADDRESS, Packet, PacketId, data_packets
from tests.unit.firmware_bridge.null_modem import Bench

untimed = settings(deadline=None)
addresses = st.integers(0, 0xFFFF_FFFF)
contents = st.binary(min_size=1, max_size=256)
packets = st.builds(Packet, st.sampled_from(PacketId), contents)
noise = st.binary(max_size=40).map(lambda data: data.replace(b"\xef", b"\xee"))
false_heads = st.builds(
    lambda pid, length, rest: b"\xef\x01\xff\xff\xff\xff" + bytes([pid]) + length.to_bytes(2, "big") + rest,
    st.sampled_from([1, 2, 7, 8]),
    st.integers(3, 258),
    st.binary(max_size=8),
)


def deframer(address: int = DEFAULT_ADDRESS) -> Deframer:
    return Deframer(address, set(PacketId))


def drained(stream: Deframer) -> list[Packet | Damaged]:
    found = []
    while (packet := stream.next_packet()) is not None:
        found.append(packet)
    return found


def received(stream: Deframer, chunks: list[bytes]) -> list[Packet | Damaged]:
    found = []
    for chunk in chunks:
        stream.feed(chunk)
        found += drained(stream)
    while stream.partial:
        stream.abandon()
        found += drained(stream)
    return found


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@untimed
@given(st.builds(Packet, st.sampled_from(PacketId), contents, addresses))
def test_what_is_encoded_is_decoded(packet: Packet) -> None:
    assert received(deframer(packet.address), [packet.encode()]) == [packet]


@untimed
@given(st.lists(packets, max_size=5), st.lists(st.integers(0, 2000)))
def test_any_chunking_gives_the_same_packets(sent: list[Packet], cuts: list[int]) -> None:
    stream = b"".join(packet.encode() for packet in sent)

    assert received(deframer(), chunked(stream, cuts)) == sent


@untimed
@given(st.binary(max_size=600), st.lists(st.integers(0, 600)))
def test_any_chunking_of_anything_is_read_alike(data: bytes, cuts: list[int]) -> None:
    assert received(deframer(), chunked(data, cuts)) == received(deframer(), [data])


@untimed
@given(st.lists(st.tuples(noise, packets), max_size=4), noise, st.lists(st.integers(0, 2000)))
def test_noise_between_packets_costs_none(
    pairs: list[tuple[bytes, Packet]], tail: bytes, cuts: list[int]
) -> None:
    stream = b"".join(before + packet.encode() for before, packet in pairs) + tail

    assert received(deframer(), chunked(stream, cuts)) == [packet for _, packet in pairs]


@untimed
@given(false_heads, st.lists(packets, min_size=1, max_size=3))
def test_packets_behind_a_false_head_are_found(head: bytes, sent: list[Packet]) -> None:
    stream = head + b"".join(packet.encode() for packet in sent)

    found = [packet for packet in received(deframer(), [stream]) if isinstance(packet, Packet)]

    assert found[-len(sent) :] == sent


@untimed
@given(packets, st.integers(0), st.integers(1, 255))
def test_a_changed_byte_never_gives_a_packet(packet: Packet, at: int, flip: int) -> None:
    frame = bytearray(packet.encode())
    frame[at % len(frame)] ^= flip

    assert not any(isinstance(found, Packet) for found in received(deframer(), [bytes(frame)]))


@untimed
@given(st.binary(min_size=1, max_size=1600), st.sampled_from([32, 64, 128, 256]))
def test_data_cut_into_packets_is_whole_again(data: bytes, size: int) -> None:
    pieces = data_packets(data, size)

    assert b"".join(piece.content for piece in pieces) == data
    assert [piece.pid is PacketId.END_OF_DATA for piece in pieces] == [False] * (len(pieces) - 1) + [True]


calls = st.sampled_from(["count", "image", "index", "load", "read", "search"])
faults = st.sampled_from([None, *(fault for fault in Fault if fault is not Fault.UNPLUG)])


@untimed
@given(st.lists(st.tuples(calls, st.lists(faults, max_size=4)), max_size=12))
def test_under_any_faults_an_answer_is_right_or_there_is_none(
    story: list[tuple[str, list[Fault | None]]],
) -> None:
    bench = Bench()
    template = bytes(range(256)) * 2
    bench.library.write(300, template)
    driver = bench.driver()
    planned: list[Fault | None] = []
    bench.faults.draw = lambda: planned.pop(0) if planned else None  # type: ignore[method-assign]

    def read() -> bytes:
        driver.loadTemplate(300, 2)
        return bytes(driver.downloadCharacteristics(2))

    expected: dict[str, tuple[Callable[[], object], list[object]]] = {
        "count": (driver.getTemplateCount, [1]),
        "image": (driver.readImage, [False]),
        "index": (lambda: driver.getTemplateIndex(1).index(True), [44]),
        "load": (lambda: driver.loadTemplate(300, 1), [True]),
        "search": (driver.searchTemplate, [(-1, -1), (300, 300)]),
        "read": (read, [template]),
    }
    longest = max(instruction.deadline_ms for instruction in INSTRUCTIONS.values())

    for name, strikes in story:
        planned[:] = strikes
        call, right = expected[name]
        began = bench.clock.now_ms
        try:
            answer = call()
        except LinkLost:
            pass
        else:
            assert answer in right
        assert bench.clock.now_ms - began <= 2 * (longest + HANDSHAKE_MS)

    planned.clear()
    # What is still on the wire may cost one call, never two.
    with contextlib.suppress(LinkLost):
        driver.getTemplateCount()
    assert driver.getTemplateCount() == 1

from __future__ import annotations

from uuid import UUID

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from models.ids import PersonId, PunchId, StreamId, TerminalId
from models.punch import ClockQuality, Direction, Method, Punch
from models.wire import topics
from models.wire.codec import Malformed, decode, encode
from models.wire.messages import VERSION, PunchBatch
from models.wire.punches import from_wire, to_wire
from models.wire.topics import Channel

TERMINAL = TerminalId("t-0123456789abcdef")
STREAM = StreamId(b"s" * 16)
ms = st.integers(0, (1 << 48) - 1)

punches = st.builds(
    Punch,
    terminal_id=st.just(TERMINAL),
    stream_id=st.just(STREAM),
    seq=st.integers(1, (1 << 53) - 1),
    punch_id=st.uuids().map(PunchId),
    person_id=st.text(min_size=1, max_size=64).map(PersonId),
    wall_ms=ms,
    monotonic_ms=ms,
    boot=st.integers(0, 10**6),
    clock=st.sampled_from(ClockQuality),
    method=st.sampled_from(Method),
    direction=st.sampled_from(Direction),
    score_milli=st.none() | st.integers(-1000, 100_000),
)


@given(st.lists(punches, min_size=1, max_size=5), st.sampled_from([msgspec.msgpack, msgspec.json]))
def test_a_punch_survives_the_wire(made: list[Punch], codec):
    batch = PunchBatch(VERSION, TERMINAL, STREAM, 1, 0, 0, 1, 1, tuple(map(to_wire, made)))

    found = decode(codec.encode(batch), PunchBatch)

    assert isinstance(found, PunchBatch)
    assert [from_wire(each, TERMINAL, STREAM) for each in found.punches] == made


@given(st.binary(max_size=200))
def test_no_bytes_raise(payload: bytes):
    assert isinstance(decode(payload, PunchBatch), PunchBatch | Malformed)


@given(st.data())
def test_a_batch_cut_anywhere_is_malformed(data: st.DataObject):
    wire = to_wire(
        Punch(TERMINAL, STREAM, 1, PunchId(UUID(int=7)), PersonId("p"), 1, 1, 1, ClockQuality.RTC, Method.PIN)
    )
    whole = encode(PunchBatch(VERSION, TERMINAL, STREAM, 1, 0, 0, 1, 1, (wire,)))

    cut = decode(whole[: data.draw(st.integers(0, len(whole) - 1))], PunchBatch)

    assert isinstance(cut, Malformed)
    assert cut.reason


def test_topics_and_their_parts():
    for channel in Channel:
        spelled = topics.topic(TERMINAL, channel)
        assert topics.parse(spelled) == (TERMINAL, channel)
    assert topics.topic(TERMINAL, Channel.UP) == f"kaoqin/v1/{TERMINAL}/up"
    assert topics.every(Channel.STATE) == "kaoqin/v1/+/state"
    assert topics.shared(Channel.UP) == "$share/ingest/kaoqin/v1/+/up"


@pytest.mark.parametrize(
    "text",
    ["", "kaoqin/v1/t/up/more", "kaoqin/v2/t/up", "kaoqin/v1//up", "kaoqin/v1/t/down", "other/v1/t/up"],
)
def test_other_topics_are_not_ours(text: str):
    assert topics.parse(text) is None

"""Golden digests: terminal, cloud and exported files agree on these bytes for ever."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from models.chain import (
    DayHead,
    chain_begin,
    day_begin,
    day_digest,
    day_of,
    head_bytes,
    link,
    punch_digest,
)
from models.ids import StreamId, TerminalId
from models.punch import ClockQuality, Direction, Method
from models.wire.messages import WirePunch

VECTORS = Path(__file__).with_name("vectors.json")
STREAM = StreamId(bytes(range(16)))
TERMINAL = TerminalId("t-0123456789abcdef")
ID = bytes.fromhex("01966e3c4d5e7abc8def0123456789ab")
FULL = WirePunch(1, ID, "p-0123456789abcdef", 1_794_999_990_000, 86_390_000, 3, 2, 2, 1, 712)
BARE = WirePunch(70_000, ID[::-1], "p-张三\nfedcba", 1_794_999_991_000, 86_391_000, 3, 0, 3)
DAY = day_of(FULL.wall_ms)


def computed() -> dict[str, str]:
    begin = chain_begin(STREAM, TERMINAL)
    first = link(begin, punch_digest(FULL))
    digest = day_digest(STREAM, DAY, [FULL, BARE])
    head = DayHead(STREAM, DAY, 1, 70_000, 2, link(first, punch_digest(BARE)), digest)
    return {
        "punch_full": punch_digest(FULL).hex(),
        "punch_bare": punch_digest(BARE).hex(),
        "chain_begin": begin.hex(),
        "link_first": first.hex(),
        "link_second": head.link.hex(),
        "day_empty": day_begin(STREAM, DAY).hex(),
        "day_of_two": digest.hex(),
        "head_bytes": head_bytes(head).decode(),
    }


def test_the_digests_are_what_they_were():
    assert computed() == msgspec.json.decode(VECTORS.read_bytes())


def test_a_digest_is_a_plain_hash_of_lines():
    text = (
        "kaoqin punch 1\n1\n01966e3c4d5e7abc8def0123456789ab\n1794999990000\n86390000\n3\n2\n2\n1\n712\n"
        "p-0123456789abcdef"
    )

    assert punch_digest(FULL) == sha256(text.encode()).digest()


@pytest.mark.parametrize(
    "changed",
    [
        {"seq": 2},
        {"punch_id": ID[::-1]},
        {"person_id": "p-0123456789abcdeg"},
        {"wall_ms": 1_794_999_990_001},
        {"monotonic_ms": 86_390_001},
        {"boot": 4},
        {"clock": 1},
        {"method": 1},
        {"direction": 2},
        {"score_milli": None},
        {"score_milli": 0},
    ],
)
def test_every_field_of_a_punch_is_in_its_digest(changed: dict[str, object]):
    assert punch_digest(msgspec.structs.replace(FULL, **changed)) != punch_digest(FULL)


def test_enumerations_digest_as_the_numbers_of_the_wire():
    same = msgspec.structs.replace(
        FULL, clock=ClockQuality.SYNCED, method=Method.FACE, direction=Direction.IN
    )

    assert punch_digest(same) == punch_digest(FULL)


def test_every_field_of_a_head_is_signed():
    head = DayHead(STREAM, DAY, 1, 2, 2, bytes(32), bytes(32))
    others = [
        replace(head, stream_id=StreamId(bytes(16))),
        replace(head, day=DAY + 1),
        replace(head, first_seq=2),
        replace(head, last_seq=3),
        replace(head, count=1),
        replace(head, link=bytes([1]) * 32),
        replace(head, digest=bytes([1]) * 32),
    ]

    assert len({head_bytes(each) for each in (head, *others)}) == 8


@pytest.mark.parametrize(
    ("wall_ms", "day"), [(0, 0), (86_399_999, 0), (86_400_000, 1), (1_794_999_990_000, 20775)]
)
def test_a_day_is_of_the_terminal_s_clock_in_utc(wall_ms: int, day: int):
    assert day_of(wall_ms) == day

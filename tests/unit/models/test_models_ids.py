from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import hypothesis.strategies as st
import pytest
from hypothesis import given

from models import ids
from models.clock import SystemClock, from_ms, to_ms

ten = st.binary(min_size=10, max_size=10)
wall_ms = st.integers(0, (1 << 48) - 1)


@given(wall_ms, ten)
def test_a_punch_id_is_a_uuid_version_7_of_its_time(moment: int, random: bytes):
    made = ids.punch_id(moment, random)

    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == moment


@given(wall_ms, ten, ten)
def test_punch_ids_keep_seventy_four_random_bits(moment: int, one: bytes, other: bytes):
    kept = (1 << 74) - 1
    same = int.from_bytes(one, "big") & kept == int.from_bytes(other, "big") & kept

    assert (ids.punch_id(moment, one) == ids.punch_id(moment, other)) == same


@given(ten, ten)
def test_ids_are_as_different_as_their_random_bytes(one: bytes, other: bytes):
    assert (ids.person_id(one) == ids.person_id(other)) == (one == other)
    assert ids.terminal_id(one).removeprefix("t-") == ids.person_id(one).removeprefix("p-")
    assert len(ids.person_id(one)) == 18


def test_too_few_random_bytes_are_refused():
    with pytest.raises(ValueError, match="16 random bytes are needed, not 15"):
        ids.stream_id(b"x" * 15)


@given(st.integers(-(10**13), 10**14))
def test_milliseconds_and_instants_are_the_same_thing(moment: int):
    assert to_ms(from_ms(moment)) == moment


def test_an_instant_is_the_same_in_every_zone():
    there = datetime(2026, 11, 18, 9, 0, tzinfo=timezone(timedelta(hours=8)))

    assert from_ms(to_ms(there)) == datetime(2026, 11, 18, 1, 0, tzinfo=UTC)


def test_a_naive_time_is_no_instant():
    with pytest.raises(ValueError, match="naive"):
        to_ms(datetime(2026, 11, 18, 9, 0))  # noqa: DTZ001  the point of the test


def test_the_clock_of_the_machine_goes_forward():
    clock = SystemClock()
    before = clock.monotonic_ms()

    assert clock.monotonic_ms() >= before
    assert clock.wall_ms() > 1_700_000_000_000

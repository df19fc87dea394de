"""Ranges are sets: every operation is compared with Python's own."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from models.ranges import Ranges

spans = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), max_size=8)


def members(found: list[tuple[int, int]]) -> set[int]:
    return {value for low, high in found for value in range(low, high + 1)}


@given(spans)
def test_the_members_are_those_of_the_spans_and_no_two_spans_touch(found: list[tuple[int, int]]):
    ranges = Ranges.of(found)

    assert set(ranges) == members(found)
    assert len(ranges) == len(members(found))
    assert bool(ranges) == bool(members(found))
    assert all(a[1] + 1 < b[0] for a, b in zip(ranges.spans, ranges.spans[1:], strict=False))
    assert all((value in ranges) == (value in members(found)) for value in range(62))


@given(spans, spans)
def test_union_intersection_difference(left: list[tuple[int, int]], right: list[tuple[int, int]]):
    a, b = Ranges.of(left), Ranges.of(right)

    assert a | b == Ranges.of((value, value) for value in members(left) | members(right))
    assert a & b == Ranges.of((value, value) for value in members(left) & members(right))
    assert a - b == Ranges.of((value, value) for value in members(left) - members(right))


@given(spans, st.integers(0, 70))
def test_first_and_last(found: list[tuple[int, int]], count: int):
    ordered = sorted(members(found))

    assert list(Ranges.of(found).first(count)) == ordered[:count]
    assert list(Ranges.of(found).last(count)) == ordered[len(ordered) - min(count, len(ordered)) :]

"""Minute sets against plain Python sets."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloud.rules import minutes
from cloud.rules.minutes import Minutes

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6)


def members(found: Minutes) -> set[int]:
    return {minute for start, end in found for minute in range(start, end)}


def is_normal(found: Minutes) -> bool:
    return all(start < end for start, end in found) and all(
        one[1] < other[0] for one, other in pairwise(found)
    )


@given(spans, spans)
@example([(0, 1), (1, 2)], [(1, 1), (2, 3)])
@example([(0, 4), (2, 3)], [(0, 2), (3, 4)])
def test_sets_are_sets(left, right):
    one, other = minutes.normalise(left), minutes.normalise(right)

    assert is_normal(one)
    assert members(one) == {minute for start, end in left for minute in range(start, end)}
    assert members(minutes.union(one, other)) == members(one) | members(other)
    assert members(minutes.intersect(one, other)) == members(one) & members(other)
    assert members(minutes.subtract(one, other)) == members(one) - members(other)
    for found in (
        minutes.union(one, other),
        minutes.intersect(one, other),
        minutes.subtract(one, other),
    ):
        assert is_normal(found)


@given(spans, st.integers(0, 60), st.integers(0, 60))
def test_cuts(given_spans, start, end):
    found = minutes.normalise(given_spans)

    assert members(minutes.clip(found, start, end)) == {m for m in members(found) if start <= m < end}
    assert members(minutes.before(found, end)) == {m for m in members(found) if m < end}
    assert members(minutes.since(found, start)) == {m for m in members(found) if m >= start}
    assert minutes.count(found) == len(members(found))
    assert members(minutes.first_n(found, start)) == set(sorted(members(found))[:start])
    assert is_normal(minutes.clip(found, start, end))
    assert is_normal(minutes.first_n(found, start))


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "expected"),
    [
        (0, 60_000, 0),
        (0, 90_500, 30_500),
        (60_000, 120_000, 60_000),
        (119_999, 240_000, 1),
        (120_000, 180_000, 0),
    ],
)
def test_overlap_is_exact(start_ms: int, end_ms: int, expected: int):
    assert minutes.overlap_ms(start_ms, end_ms, ((1, 2),)) == expected


def test_the_first_minutes_end_where_there_are_enough():
    two = ((0, 5), (10, 20))

    taken = [(), ((0, 1),), ((0, 5),), ((0, 5), (10, 11)), ((0, 5), (10, 12)), two]
    assert [minutes.first_n(two, n) for n in (0, 1, 5, 6, 7, 99)] == taken


def test_an_empty_span_has_no_minutes():
    assert minutes.span(5, 5) == ()
    assert minutes.span(5, 4) == ()

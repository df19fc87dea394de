"""Sets of whole minutes: sorted, disjoint, half-open spans of minutes since 1970 UTC.

A set is a plain tuple of pairs, so that equal sets are equal and hash alike. Functions keep the order and
join spans that touch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

Span = tuple[int, int]
Minutes = tuple[Span, ...]

NONE: Final[Minutes] = ()
MS: Final = 60_000
EVER: Final = 1 << 60


def span(start: int, end: int) -> Minutes:
    """The minutes from ``start`` on and before ``end``; none if it does not come after."""
    return ((start, end),) if end > start else NONE


def normalise(spans: Iterable[Span]) -> Minutes:
    """The minutes of spans in any order, overlapping or empty."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if joined and start <= joined[-1][1]:
            if end > joined[-1][1]:
                joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def union(left: Minutes, right: Minutes) -> Minutes:
    """Minutes of either."""
    if not right:
        return left
    if not left:
        return right
    return normalise(left + right)


def intersect(left: Minutes, right: Minutes) -> Minutes:
    """Minutes of both."""
    if not left or not right:
        return NONE
    found: list[Span] = []
    i = j = 0
    while i < len(left) and j < len(right):
        a_start, a_end = left[i]
        b_start, b_end = right[j]
        start = max(b_start, a_start)
        end = min(b_end, a_end)
        if start < end:
            found.append((start, end))
        if a_end < b_end:
            i += 1
        else:
            j += 1
    return tuple(found)


def subtract(left: Minutes, right: Minutes) -> Minutes:
    """Minutes of ``left`` that are not in ``right``."""
    if not left or not right:
        return left
    if right[-1][1] <= left[0][0] or right[0][0] >= left[-1][1]:
        return left
    kept: list[Span] = []
    j = 0
    for start, end in left:
        at = start
        while j < len(right) and right[j][1] <= at:
            j += 1
        k = j
        while k < len(right) and right[k][0] < end:
            if right[k][0] > at:
                kept.append((at, right[k][0]))
            at = right[k][1]
            k += 1
        if at < end:
            kept.append((at, end))
    return tuple(kept)


def clip(minutes: Minutes, start: int, end: int) -> Minutes:
    """Minutes from ``start`` on and before ``end``."""
    if not minutes or end <= start:
        return NONE
    if start <= minutes[0][0] and minutes[-1][1] <= end:
        return minutes
    return tuple(
        [
            (start if s < start else s, end if e > end else e)  # noqa: FURB136 -- a call per span doubles the cost
            for s, e in minutes
            if s < end and e > start
        ]
    )


def before(minutes: Minutes, end: int) -> Minutes:
    """Minutes before ``end``."""
    return clip(minutes, -EVER, end)


def since(minutes: Minutes, start: int) -> Minutes:
    """Minutes from ``start`` on."""
    return clip(minutes, start, EVER)


def count(minutes: Minutes) -> int:
    """How many minutes."""
    total = 0
    for start, end in minutes:
        total += end - start
    return total


def first_n(minutes: Minutes, wanted: int) -> Minutes:
    """The earliest ``wanted`` minutes; all of them if there are fewer."""
    taken: list[Span] = []
    left = wanted
    for start, end in minutes:
        if left <= 0:
            break
        stop = min(end, start + left)
        taken.append((start, stop))
        left -= stop - start
    return tuple(taken)


def overlap_ms(start_ms: int, end_ms: int, minutes: Minutes) -> int:
    """How many ms of the span of instants lie in the minutes."""
    total = 0
    for start, end in minutes:
        low = max(start_ms, start * MS)
        high = min(end_ms, end * MS)
        if high > low:
            total += high - low
    return total

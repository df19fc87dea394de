"""Sets of seqs as sorted, disjoint, inclusive spans: a month's backlog is one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ranges:
    """An immutable set of integers; make it with :meth:`of`."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Self:
        """The union of inclusive spans in any order; a span that ends before it begins is empty."""
        merged: list[Span] = []
        for low, high in sorted(span for span in spans if span[0] <= span[1]):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], high))
            else:
                merged.append((low, high))
        return cls(tuple(merged))

    @classmethod
    def single(cls, value: int) -> Self:
        """The set of one integer."""
        return cls(((value, value),))

    def __len__(self) -> int:
        return sum(high - low + 1 for low, high in self.spans)

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __iter__(self) -> Iterator[int]:
        for low, high in self.spans:
            yield from range(low, high + 1)

    def __contains__(self, value: int) -> bool:
        return any(low <= value <= high for low, high in self.spans)

    def __or__(self, other: Ranges) -> Ranges:
        if not (self.spans and other.spans):
            return self if self.spans else other
        return Ranges.of((*self.spans, *other.spans))

    def __and__(self, other: Ranges) -> Ranges:
        common: list[Span] = []
        left, right = iter(self.spans), iter(other.spans)
        a, b = next(left, None), next(right, None)
        while a is not None and b is not None:
            if (low := max(a[0], b[0])) <= (high := min(a[1], b[1])):
                common.append((low, high))
            if a[1] < b[1]:
                a = next(left, None)
            else:
                b = next(right, None)
        return Ranges(tuple(common))

    def __sub__(self, other: Ranges) -> Ranges:
        if not (self.spans and other.spans):
            return self
        left: list[Span] = []
        cuts = other.spans
        at = 0
        for low, high in self.spans:
            begin = low
            while at < len(cuts) and cuts[at][1] < begin:
                at += 1
            cut = at
            while cut < len(cuts) and cuts[cut][0] <= high:
                if begin < cuts[cut][0]:
                    left.append((begin, cuts[cut][0] - 1))
                begin = max(begin, cuts[cut][1] + 1)
                cut += 1
            if begin <= high:
                left.append((begin, high))
        return Ranges(tuple(left))

    def first(self, count: int) -> Ranges:
        """The ``count`` lowest, or all there are."""
        taken: list[Span] = []
        for low, high in self.spans:
            if count <= 0:
                break
            taken.append((low, min(high, low + count - 1)))
            count -= high - low + 1
        return Ranges(tuple(taken))

    def last(self, count: int) -> Ranges:
        """The ``count`` highest, or all there are."""
        taken: list[Span] = []
        for low, high in reversed(self.spans):
            if count <= 0:
                break
            taken.append((max(low, high - count + 1), high))
            count -= high - low + 1
        return Ranges(tuple(reversed(taken)))

"""Punches of one person as they are read, and the clusters they form, without an object for each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter, sub
from typing import TYPE_CHECKING, Final

from cloud.attendance.answers import evidence
from cloud.rules.facts import PunchClock, PunchFact
from models.punch import Direction, Method

if TYPE_CHECKING:
    from cloud.attendance.shapes import Shapes

Press = tuple[int, str, int, bytes, int, int | None]
"""Instant, terminal, manner, stream, number, and when it was received: as it is read.

The manner is a method, a direction times ``DIRECTION`` and what is known of the clock times ``CLOCK``. Rows
may have more columns after these.
"""

DIRECTION: Final = 8
CLOCK: Final = 32
RIGHT: Final = 0
REPAIRED: Final = 1
UNTRUSTED: Final = 2
TYPED: Final = CLOCK - DIRECTION
"""The bits of the manner that hold the direction."""

_CLOCKS: Final = (PunchClock.OK, PunchClock.REPAIRED, PunchClock.UNTRUSTED)
_IN: Final = Direction.IN.value * DIRECTION
_OUT: Final = Direction.OUT.value * DIRECTION
_instant = itemgetter(0)
_door = itemgetter(1, 2)
# Looking a member up by its value costs as much as the rest of a punch.
_DIRECTIONS: Final = {one.value: one for one in Direction}
_METHODS: Final = {one.value: one for one in Method}


class Doors(dict[tuple[str, int], bytes]):
    """How steps name a terminal and a manner; nothing: a day has to remark on it, or cannot name it.

    For people whose own site is ``home``.
    """

    def __init__(self, sites: Mapping[str, str | None], home: str | None, *, travels: bool) -> None:
        super().__init__()
        self.sites = sites
        self._home = home
        self._watched = home is not None or travels
        self.directed = False
        """Whether somebody has given a direction with any punch that was looked up."""

    def __missing__(self, key: tuple[str, int]) -> bytes:
        terminal, manner = key
        self.directed = self.directed or bool(manner & TYPED)
        site, method = self.sites.get(terminal), _METHODS.get(manner % DIRECTION)
        here = site is None or site == self._home or not self._watched
        found = self[key] = (
            evidence(terminal, method) if terminal and method and here and manner < CLOCK else b""
        )
        return found


@dataclass(frozen=True, slots=True)
class Clusters:
    """Clusters in time order (P2): the first instant, the first and the last punch of each.

    Attributes:
        came_by, left_by: how steps name the first and the last punch.
        odd: instants of punches to be remarked on.
        merged: all punches of clusters that have several.
        directed: whether anybody may have given a direction with a punch.
    """

    firsts: list[int]
    heads: list[Press]
    tails: list[Press]
    came_by: list[bytes]
    left_by: list[bytes]
    odd: list[int]
    merged: dict[int, list[Press]]
    directed: bool

    def between(self, start_ms: int, end_ms: int) -> range:
        """Numbers of the clusters from an instant on and before another."""
        start = bisect_left(self.firsts, start_ms)
        return range(start, bisect_left(self.firsts, end_ms, start))

    def remarked(self, start_ms: int, end_ms: int, last: int) -> bool:
        """Whether some punch is odd, from an instant to before another or to the end of cluster ``last``."""
        end_ms = max(end_ms, self.tails[last][0] + 1)
        return any(start_ms <= at_ms < end_ms for at_ms in self.odd)

    def doubled(self, start: int, end: int) -> int | None:
        """The first of some clusters that has several punches."""
        if self.merged:
            for number in range(start, end):
                if number in self.merged:
                    return number
        return None

    def typed(self, number: int) -> bool:
        """Whether somebody gave a direction with some punch of a cluster."""
        return any(press[2] & TYPED for press in self.group(number))

    def typed_against(self, start: int, opening: int | None, closing: int | None) -> bool:
        """Whether somebody typed OUT as they came or IN as they left (P4); the ends count from ``start``."""
        return (opening is not None and self.heads[start + opening][2] & TYPED == _OUT) or (
            closing is not None and self.tails[start + closing][2] & TYPED == _IN
        )

    def group(self, number: int) -> list[Press]:
        """All punches of a cluster."""
        return self.merged.get(number) or [self.heads[number]]


def clusters_of(presses: list[Press], shapes: Shapes, doors: Doors) -> Clusters | None:
    """The punches in clusters (T5, P2); they are in order of time.

    None where only the engine knows: untrusted clocks, equal instants.
    """
    firsts = list(map(_instant, presses))
    names = list(map(doors.__getitem__, map(_door, presses)))
    directed = doors.directed
    odd = [press for press, name in zip(presses, names, strict=True) if not name] if b"" in names else []
    if any(press[2] >= UNTRUSTED * CLOCK for press in odd):
        return None
    gaps_ms = list(map(sub, firsts[1:], firsts))
    longest_ms = shapes.longest_dup_ms
    odd_ms = [press[0] for press in odd]
    if min(gaps_ms, default=longest_ms) >= max(longest_ms, 1):
        return Clusters(firsts, presses, presses, names, names, odd_ms, {}, directed)
    near = [n for n, gap_ms in enumerate(gaps_ms, 1) if gap_ms < longest_ms or not gap_ms]
    if 0 in gaps_ms:
        return None
    joined = near
    if shapes.dup_windows_n > 1:
        joined = [n for n in near if gaps_ms[n - 1] < shapes.dup_ms(firsts[n])]
    found = Clusters(firsts, list(presses), list(presses), list(names), list(names), odd_ms, {}, directed)
    for before, n in enumerate(joined, 1):
        found.merged.setdefault(n - before, [presses[n - 1]]).append(presses[n])
    for n in reversed(joined):
        del firsts[n], found.heads[n], found.came_by[n], found.tails[n - 1], found.left_by[n - 1]
    return found


def fact_of(press: Press, sites: Mapping[str, str | None]) -> PunchFact:
    """The punch as the engine wants it."""
    at_ms, terminal, manner, stream, seq, received_ms = press[:6]
    return PunchFact(
        at_ms,
        _DIRECTIONS[(manner & TYPED) // DIRECTION],
        terminal,
        stream.hex(),
        seq,
        site=sites.get(terminal),
        clock=_CLOCKS[manner // CLOCK],
        received_ms=received_ms,
        method=_METHODS.get(manner % DIRECTION),
    )


def in_order(presses: Iterable[Press]) -> list[Press]:
    """The punches in order of time."""
    return sorted(presses)

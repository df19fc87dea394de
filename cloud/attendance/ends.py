"""Which punches of a date are its own, and which of them the IN and the OUT of each unit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from cloud.attendance.answers import Edges
from cloud.attendance.hours import Ends, Hours, Piece
from cloud.attendance.places import Place, Whose
from cloud.rules.assign import Seat, choose
from cloud.rules.clusters import Cluster
from cloud.rules.localtime import DAY_MIN
from cloud.rules.minutes import MS
from models.punch import Direction

_ENDS: Final = 2_000


def own_of(firsts: list[int], place: Place, near: range) -> tuple[int, int, bool] | None:
    """Of those near, the first of the date and the one after its last; whether one is in no window (A5).

    None: windows compete.
    """
    marks_ms, whose = place.marks_ms, place.whose
    found = [whose[bisect_right(marks_ms, firsts[number])] for number in near]
    if Whose.CONTESTED in found:
        return None
    mine = [number for number, one in zip(near, found, strict=True) if one is not Whose.ELSEWHERE]
    if not mine:
        return near.start, near.start, False
    return (mine[0], mine[-1] + 1, Whose.LOOSE in found) if mine[-1] - mine[0] == len(mine) - 1 else None


def ends_of(hours: Hours, firsts: Sequence[int], midnight_ms: int) -> Sequence[Ends]:
    """Which clusters are IN and OUT of each unit (P3, A4, D10); ``firsts``: when they begin, at least one."""
    from_ms = midnight_ms
    if hours.flex:
        first_ms = firsts[0] - midnight_ms
        if first_ms < hours.pieces[0].mid_ms:
            from_ms += MS * hours.moved_min(first_ms // MS)
    marks_ms = hours.marks_ms
    places = tuple([bisect_right(marks_ms, at_ms - from_ms) for at_ms in firsts])
    try:
        return hours.ends[places]
    except KeyError:
        if len(hours.ends) >= _ENDS:
            hours.ends.clear()
        found = hours.ends[places] = _ends(hours, [at_ms - from_ms for at_ms in firsts])
        return found


def _ends(hours: Hours, firsts: Sequence[int]) -> Sequence[Ends]:
    own = range(len(firsts))
    pieces = hours.pieces
    if hours.free and len(own) > 1:
        return ((pieces[0], own[0], own[-1]),)
    seated = [own] if len(pieces) == 1 else _seated(pieces, firsts)
    return tuple(
        [(piece, *_sides(firsts, mine, piece.mid_ms)) for piece, mine in zip(pieces, seated, strict=True)]
    )


def _sides(firsts: Sequence[int], own: Sequence[int], mid_ms: int) -> tuple[int | None, int | None]:
    if not own:
        return None, None
    return (own[0] if firsts[own[0]] < mid_ms else None, own[-1] if firsts[own[-1]] >= mid_ms else None)


def _seated(pieces: Sequence[Piece], firsts: Sequence[int]) -> list[list[int]]:
    """Clusters to units (A4)."""
    seats = [Seat(piece.first, piece.end, trust=False) for piece in pieces]
    found: list[list[int]] = [[] for _ in pieces]
    for number, at_ms in enumerate(firsts):
        cluster = Cluster((), at_ms, at_ms, Direction.NONE)
        seat = choose(cluster, seats)
        seat.take(cluster)
        found[seats.index(seat)].append(number)
    return found


def put_first(piece: Piece, edges: Edges) -> Edges:
    """The same stay from the first of free hours on, of which only the length counts (D10)."""
    came, left = edges
    if came is None or left is None:
        return (None if came is None else piece.first, None if left is None else piece.end)
    moved = piece.first + left - came
    # On another date it might count otherwise (O5).
    return (piece.first, moved) if came >= 0 and max(left, moved) < DAY_MIN else edges

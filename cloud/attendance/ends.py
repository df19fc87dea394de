"""Which punches of a date are its own, and which of them the IN and the OUT of each unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloud.attendance.answers import Edges
from cloud.attendance.hours import Hours, Piece
from cloud.attendance.presses import DIRECTION, TYPED, Clusters, Press
from cloud.attendance.shapes import Place
from cloud.rules.assign import Seat, choose
from cloud.rules.clusters import Cluster
from cloud.rules.localtime import DAY_MIN
from cloud.rules.minutes import MS, Span
from models.punch import Direction

_IN: Final = Direction.IN.value * DIRECTION
_OUT: Final = Direction.OUT.value * DIRECTION

Ends = tuple[Piece, int | None, int | None]
"""A unit, and the numbers of the clusters that are its IN and its OUT."""


def own_of(firsts: list[int], place: Place, near: range) -> tuple[int, int, bool] | None:
    """Of those near, the first of the date and the one after its last; whether one is in no window (A5).

    None: windows compete.
    """
    mine = []
    loose = False
    for number in near:
        at_ms = firsts[number]
        holders_n = _holders(at_ms, place.own)
        elsewhere_n = _holders(at_ms, place.others)
        if holders_n + elsewhere_n > 1:
            return None
        if holders_n:
            mine.append(number)
        elif not elsewhere_n and place.opens_ms <= at_ms < place.closes_ms:
            mine.append(number)
            loose = True
    if not mine:
        return near.start, near.start, False
    return (mine[0], mine[-1] + 1, loose) if mine[-1] - mine[0] == len(mine) - 1 else None


def _holders(at_ms: int, windows: Sequence[Span]) -> int:
    return sum([opens <= at_ms < closes for opens, closes in windows])


def ends_of(hours: Hours, clusters: Clusters, own: range, midnight_ms: int) -> Sequence[Ends]:
    """The clusters that are IN and OUT of each unit (P3, A4, D10)."""
    pieces, firsts = hours.pieces, clusters.firsts
    if len(pieces) > 1:
        seated = _seated(pieces, firsts, own, midnight_ms)
        return [
            (piece, *_sides(firsts, of_piece, piece.mid2_ms, midnight_ms))
            for piece, of_piece in zip(pieces, seated, strict=True)
        ]
    piece = pieces[0]
    if hours.free and len(own) > 1:
        return ((piece, own[0], own[-1]),)
    mid2_ms = piece.mid2_ms
    if hours.flex:
        first_ms = firsts[own[0]] - midnight_ms
        if first_ms * 2 < mid2_ms:
            mid2_ms += 2 * MS * hours.moved_min(first_ms // MS)
    return ((piece, *_sides(firsts, own, mid2_ms, midnight_ms)),)


def _sides(
    firsts: Sequence[int], own: Sequence[int], mid2_ms: int, midnight_ms: int
) -> tuple[int | None, int | None]:
    if not own:
        return None, None
    opening, closing = own[0], own[-1]
    came = opening if (firsts[opening] - midnight_ms) * 2 < mid2_ms else None
    left = closing if (firsts[closing] - midnight_ms) * 2 >= mid2_ms else None
    return came, left


def _seated(pieces: Sequence[Piece], firsts: Sequence[int], own: range, midnight_ms: int) -> list[list[int]]:
    """Clusters to units (A4)."""
    midnight = midnight_ms // MS
    seats = [Seat(midnight + piece.first, midnight + piece.end, trust=False) for piece in pieces]
    found: list[list[int]] = [[] for _ in pieces]
    for number in own:
        cluster = Cluster((), firsts[number], firsts[number], Direction.NONE)
        seat = choose(cluster, seats)
        seat.take(cluster)
        found[seats.index(seat)].append(number)
    return found


def plain(hours: Hours, came: Press | None, left: Press | None, midnight_ms: int) -> bool:
    """Whether no rare rule is about these ends: P4, P7, or punches beyond the window."""
    if came is not None and came[2] & TYPED == _OUT:
        return False
    if left is None:
        return True
    if left[2] & TYPED == _IN or left[0] - midnight_ms >= hours.closes_ms:
        return False
    return came is None or left[0] - came[0] <= hours.longest_ms


def put_first(piece: Piece, edges: Edges) -> Edges:
    """The same stay from the first of free hours on, of which only the length counts (D10)."""
    came, left = edges
    if came is None or left is None:
        return (None if came is None else piece.first, None if left is None else piece.end)
    moved = piece.first + left - came
    # On another date it might count otherwise (O5).
    return (piece.first, moved) if came >= 0 and max(left, moved) < DAY_MIN else edges

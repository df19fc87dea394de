"""Times and names as stored days have them, to be filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloud.attendance.answers import Wording, clock, count, form
from cloud.attendance.places import Place
from cloud.attendance.presses import Clusters
from cloud.rules.minutes import MS
from models.office import OfficeRecord

NONE: Final = b"\xc0"
_DAY_MS: Final = 86_400_000
_DAY_MIN: Final = 1440
_CLOCKS: Final = tuple(b"%02d:%02d" % divmod(minute, 60) for minute in range(_DAY_MIN))
_SHOWN: Final = tuple(clock(text.decode()) for text in _CLOCKS)
_SECONDS: Final = tuple(text + b":%02d" % second for text in _CLOCKS for second in range(60))
_COUNTS: Final = tuple(map(count, range(2 * _DAY_MIN)))


def head(place: Place, in_ms: int | None, out_ms: int | None, paid_ms: int) -> bytes:
    """The stored day up to its presence."""
    presence = _COUNTS[paid_ms // MS]
    if in_ms is not None and out_ms is not None and in_ms >= 0 and out_ms < _DAY_MS:
        return place.plain_head % (_SECONDS[in_ms // 1000], _SECONDS[out_ms // 1000], presence)
    return place.head + _iso(place, in_ms) + _iso(place, out_ms) + presence


def filled_plainly(
    place: Place, said: Wording, at_ms: tuple[int, int], paid_ms: int, by: tuple[bytes, bytes]
) -> bytes:
    """The stored day of an IN and an OUT on the date, ms after midnight, all that ``said`` tells of."""
    in_ms, out_ms = at_ms
    return place.plain_head % (
        _SECONDS[in_ms // 1000],
        _SECONDS[out_ms // 1000],
        _COUNTS[paid_ms // MS],
    ) + said.said((_SHOWN[in_ms // MS] + by[0], _SHOWN[out_ms // MS] + by[1]))


def shown(place: Place, minute: int) -> bytes:
    """A minute as steps show it."""
    if 0 <= minute < _DAY_MIN:
        return _SHOWN[minute]
    days, minute = divmod(minute, _DAY_MIN)
    return place.dates[-2 - days] + _CLOCKS[minute]


def _iso(place: Place, at_ms: int | None) -> bytes:
    """A local ISO time as it is stored."""
    if at_ms is None:
        return NONE
    days, rest_ms = divmod(at_ms, _DAY_MS)
    return place.iso[days + 1] + _SECONDS[rest_ms // 1000] + place.offset


def values(
    place: Place, edges: Sequence[bytes], clusters: Clusters, double: int | None, record: bytes
) -> Sequence[bytes]:
    """What may be filled in, by number; ``record``: its source and id."""
    doubled = b""
    if double is not None:
        doubled = shown(place, (clusters.firsts[double] - place.midnight_ms) // MS)
    return (*edges, *place.dates, record, doubled)


def named(record: OfficeRecord | None) -> bytes:
    """Source and id of a record."""
    return b"" if record is None else form(record.source, record.source_id)

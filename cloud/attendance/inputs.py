"""A hash of what a day was judged on, to be kept beside the result."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from zoneinfo import ZoneInfo

import msgspec

from cloud.attendance.facts import Judgeable, midnight_ms
from cloud.office.codec import dates
from cloud.rules.facts import RosterEntry

HASH_BYTES = 16
_REACH = 2
_PUNCH = Struct(">qqB16s")


def hashes(one: Judgeable, days: Sequence[date], zone: ZoneInfo) -> list[bytes]:
    """Hashes of ``days``, in order: the rules, the employment, and the facts of the two days around each.

    The same facts in any order give the same hash; ``as_of`` and watermarks are not part of it.
    """
    low, high = days[0].toordinal() - _REACH, days[-1].toordinal() + _REACH
    at = [press[0] for press in one.presses]
    # Each punch has so many bytes, in order of time: those of some days are a slice.
    ends = [bisect_left(at, begin_ms) * _PUNCH.size for begin_ms in _midnights(low, high + 1, zone)]
    punches = b"".join(
        [_PUNCH.pack(press[0], press[4], press[2], _source(press[1], press[3])) for press in one.presses]
    )
    facts = one.facts_but_punches
    common = blake2b(one.rules.digest + _bytes((facts.site, facts.employment)), digest_size=HASH_BYTES)
    others = _others(one, low, high, zone)
    found = []
    for day in days:
        place = day.toordinal() - _REACH - low
        digest = common.copy()
        digest.update(punches[ends[place] : ends[place + 2 * _REACH + 1]])
        if others:
            for near in range(place, place + 2 * _REACH + 1):
                for fact in others.get(near, ()):
                    digest.update(fact)
        found.append(digest.digest())
    return found


def _others(one: Judgeable, low: int, high: int, zone: ZoneInfo) -> dict[int, list[bytes]]:
    """What roster and office say, by number of the date; unlike a punch, none of it begins with a zero."""
    facts = one.facts_but_punches
    by_day: defaultdict[int, list[bytes]] = defaultdict(list)
    for of, entry in facts.roster.items():
        by_day[of.toordinal() - low].append(_entry(of, entry))
    for change in facts.roster_changes:
        by_day[change.day.toordinal() - low].append(_bytes(change))
    for record in facts.records:
        begins, ends = dates(record.body, zone)
        encoded = _bytes(record)
        for day in range(max(begins.toordinal(), low), min(ends.toordinal(), high) + 1):
            by_day[day - low].append(encoded)
    for found in by_day.values():
        found.sort()
    return by_day


@lru_cache(maxsize=64)
def _midnights(first: int, last: int, zone: ZoneInfo) -> list[int]:
    return [midnight_ms(date.fromordinal(day), zone) for day in range(first, last + 1)]


@lru_cache(maxsize=4_096)
def _source(terminal: str, stream: bytes) -> bytes:
    return blake2b(_bytes((terminal, stream)), digest_size=HASH_BYTES).digest()


@lru_cache(maxsize=4_096)
def _entry(day: date, entry: RosterEntry) -> bytes:
    return _bytes((day, entry))


_bytes = msgspec.msgpack.Encoder().encode

"""A hash of what a day was judged on, to be kept beside the result."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

from cloud.attendance.facts import Judgeable, midnight_ms
from cloud.office.codec import dates
from cloud.rules.facts import RosterEntry

HASH_BYTES = 16
_REACH = 2


def hashes(one: Judgeable, days: Sequence[date], zone: ZoneInfo) -> list[bytes]:
    """Hashes of ``days``, in order: the rules, the employment, and the facts of the two days around each.

    The same facts in any order give the same hash; ``as_of`` and watermarks are not part of it.
    """
    low, high = days[0].toordinal() - _REACH, days[-1].toordinal() + _REACH
    presses = one.presses
    at = [press[0] for press in presses]
    ends = [bisect_left(at, begin_ms) for begin_ms in _midnights(low, high + 1, zone)]
    told = [_bytes(presses[start:end]) if start < end else _NONE for start, end in pairwise(ends)]
    for place, facts in _others(one, low, high, zone).items():
        if 0 <= place < len(told):
            told[place] += b"".join(sorted(facts))
    common = blake2b(
        one.rules.digest + _bytes((one.facts_but_punches.site, one.facts_but_punches.employment)),
        digest_size=HASH_BYTES,
    )
    found = []
    around, first = 2 * _REACH + 1, days[0].toordinal()
    for day in days:
        place = day.toordinal() - first
        digest = common.copy()
        digest.update(b"".join(told[place : place + around]))
        found.append(digest.digest())
    return found


def _others(one: Judgeable, low: int, high: int, zone: ZoneInfo) -> dict[int, list[bytes]]:
    """What roster and office say, by number of the date; none of it looks like a list of punches."""
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
    return by_day


@lru_cache(maxsize=64)
def _midnights(first: int, last: int, zone: ZoneInfo) -> list[int]:
    return [midnight_ms(date.fromordinal(day), zone) for day in range(first, last + 1)]


@lru_cache(maxsize=4_096)
def _entry(day: date, entry: RosterEntry) -> bytes:
    return _bytes((day, entry))


_bytes = msgspec.msgpack.Encoder().encode
_NONE = _bytes([])

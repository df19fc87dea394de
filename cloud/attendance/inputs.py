"""A hash of what a day was judged on, to be kept beside the result."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import date
from hashlib import blake2b
from zoneinfo import ZoneInfo

import msgspec

from cloud.attendance.facts import Judgeable, midnight_ms
from cloud.office.codec import dates

HASH_BYTES = 16
_REACH = 2


class Inputs:
    """Hashes of one person's days: the rules, the employment, and the facts of the two days around each.

    The same facts in any order give the same hash; ``as_of`` and watermarks are not part of it.
    """

    def __init__(self, one: Judgeable, first: date, last: date, zone: ZoneInfo) -> None:
        by_day: defaultdict[int, list[bytes]] = defaultdict(list)
        facts = one.facts
        self._common = one.rules.digest + _bytes((facts.site, facts.employment))
        low, high = first.toordinal() - _REACH, last.toordinal() + _REACH
        midnights = [midnight_ms(date.fromordinal(day), zone) for day in range(low, high + 2)]
        for punch in facts.punches:
            day = low + bisect_right(midnights, punch.at_ms) - 1
            by_day[day].append(_bytes((punch.device, punch.epoch, punch.seq, punch.at_ms, punch.clock)))
        for of, entry in facts.roster.items():
            by_day[of.toordinal()].append(_bytes((of, entry)))
        for change in facts.roster_changes:
            by_day[change.day.toordinal()].append(_bytes(change))
        for record in facts.records:
            begins, ends = dates(record.body, zone)
            encoded = _bytes(record)
            for day in range(max(begins.toordinal(), low), min(ends.toordinal(), high) + 1):
                by_day[day].append(encoded)
        self._facts = {day: b"".join(sorted(of_day)) for day, of_day in by_day.items()}

    def hash(self, day: date) -> bytes:
        """The hash of ``day``."""
        at, facts = day.toordinal(), self._facts
        near = [facts.get(one, b"") for one in range(at - _REACH, at + _REACH + 1)]
        return blake2b(self._common + b"".join(near), digest_size=HASH_BYTES).digest()


_bytes = msgspec.msgpack.Encoder().encode

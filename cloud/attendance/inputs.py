"""A hash of what a day was judged on, to be kept beside the result."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

import msgspec

from cloud.attendance.facts import Judgeable
from cloud.office.codec import dates
from models.clock import from_ms

HASH_BYTES = 16
_REACH = 2
_DAY = timedelta(days=1)


class Inputs:
    """Hashes of one person's days: the rules, the employment, and the facts of the two days around each.

    The same facts in any order give the same hash; ``as_of`` and watermarks are not part of it.
    """

    def __init__(self, one: Judgeable, first: date, last: date, zone: ZoneInfo) -> None:
        self._facts: defaultdict[date, list[bytes]] = defaultdict(list)
        facts = one.facts
        self._common = one.rules.digest + _bytes((facts.site, facts.employment))
        for punch in facts.punches:
            day = from_ms(punch.at_ms).astimezone(zone).date()
            self._facts[day].append(_bytes((punch.device, punch.epoch, punch.seq, punch.at_ms, punch.clock)))
        for day, entry in facts.roster.items():
            self._facts[day].append(_bytes(entry))
        for change in facts.roster_changes:
            self._facts[change.day].append(_bytes(change))
        for record in facts.records:
            begins, ends = dates(record.body, zone)
            encoded = _bytes(record)
            day = max(begins, first - _DAY * _REACH)
            while day <= min(ends, last + _DAY * _REACH):
                self._facts[day].append(encoded)
                day += _DAY

    def hash(self, day: date) -> bytes:
        """The hash of ``day``."""
        digest = blake2b(self._common, digest_size=HASH_BYTES)
        for n in range(-_REACH, _REACH + 1):
            for fact in sorted(self._facts.get(day + _DAY * n, ())):
                digest.update(fact)
        return digest.digest()


_encoder = msgspec.msgpack.Encoder()


def _bytes(value: object) -> bytes:
    return _encoder.encode(value)

"""When a form begins and ends, as people and programs write it; the unit follows from how it is written.

``2026-11-18`` is a day, ``2026-11-18 am`` (上午) half of one, ``2026-11-18 14:00`` a moment. Days and halves
are inclusive at both ends, moments half-open.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from cloud.sheets import day
from models.clock import to_ms
from models.office import ClockSpan, DateSpan, Half, SpanUnit

SPAN_MAX_DAYS = 732

_HALVES = {"am": Half.AM, "上午": Half.AM, "pm": Half.PM, "下午": Half.PM}
_DAY = r"(?P<day>\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{8})"
_POINT = re.compile(_DAY + r"(?:[\sT]*(?P<half>am|pm|上午|下午)|[\sT]+(?P<time>\d.*))?", re.IGNORECASE)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|[+-]\d{2}:\d{2})?")

Point = date | tuple[date, Half] | datetime
"""A day, half of a day, or an aware moment."""


def point(text: str, zone: ZoneInfo | None) -> Point:
    """What ``text`` says; a time without offset is local in ``zone``.

    Raises:
        ValueError: it says nothing that can be used; with no zone, also a time without an offset.
    """
    found = _POINT.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f"{text!r} is no date, half day or time like 2026-11-18, 2026-11-18 am or 2026-11-18 14:00"
        )
    on = day(found["day"])
    if found["half"]:
        return on, _HALVES[found["half"].lower()]
    if found["time"]:
        return moment(on, found["time"], zone)
    return on


def moment(on: date, text: str, zone: ZoneInfo | None) -> datetime:
    """The aware moment of a time of day like ``14:00`` or ``14:00:30+08:00``.

    Raises:
        ValueError: no such time; or no offset, and no zone.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no time like 14:00")
    if found[4]:
        offset = "+00:00" if found[4] == "Z" else found[4]
        tzinfo = datetime.fromisoformat(f"2000-01-01T00:00{offset}").tzinfo
    elif zone is not None:
        tzinfo = zone
    else:
        raise ValueError(f"{text!r} has no offset like +08:00: which moment it is cannot be known")
    try:
        return datetime(
            on.year, on.month, on.day, int(found[1]), int(found[2]), int(found[3] or 0), tzinfo=tzinfo
        ).astimezone(UTC)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from error


def joined(first: Point, last: Point) -> tuple[SpanUnit, ClockSpan | DateSpan]:
    """The span from ``first`` to ``last``.

    Raises:
        ValueError: one is a moment and the other is not, it ends before it begins, or it is longer than two
            years.
    """
    if isinstance(first, datetime) != isinstance(last, datetime):
        raise ValueError("one end has a time of day and the other has none")
    if isinstance(first, datetime) and isinstance(last, datetime):
        if first >= last:
            raise ValueError("it ends before it begins")
        _check_length((last - first).days)
        return SpanUnit.HOUR, ClockSpan(to_ms(first), to_ms(last))
    return _days(first, last)


def _days(first: Point, last: Point) -> tuple[SpanUnit, DateSpan]:
    halves = isinstance(first, tuple) or isinstance(last, tuple)
    begins = first if isinstance(first, tuple) else (first, Half.AM)
    ends = last if isinstance(last, tuple) else (last, Half.PM)
    if begins > ends:
        raise ValueError("it ends before it begins")
    _check_length((ends[0] - begins[0]).days)
    return SpanUnit.HALF_DAY if halves else SpanUnit.DAY, DateSpan(*begins, *ends)


def _check_length(days: int) -> None:
    if days > SPAN_MAX_DAYS:
        raise ValueError(f"{days} days are more than a form can have ({SPAN_MAX_DAYS})")

"""Values of a case file with the place they stand at, and local times in them (rules section 3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, TypeVar

from cloud.rules.localtime import LocalTime
from cloud.rules.plain import Plain

Path = tuple[str | int, ...]
T = TypeVar("T")

TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?(Z|[+-]\d{2}:\d{2})?")
HOUR_24: Final = 24
YEARS: Final = range(1000, 9000)


class BadCase(Exception):
    """A case file says something its format does not know; the person who wrote it must change it.

    Attributes:
        path: keys and list places from the case down to the bad one.
        what: what is wrong and what is allowed.
    """

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{'.'.join(map(str, path))}: {what}" if path else what)
        self.path = path
        self.what = what


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a case and where it stands."""

    value: Plain
    path: Path = ()

    def bad(self, what: str) -> BadCase:
        """The error to raise about this value."""
        return BadCase(self.path, what)

    def keys(self, allowed: tuple[str, ...]) -> Node:
        """The same, if it is a map with no other keys."""
        if not isinstance(self.value, dict):
            raise self.bad(f"{self.value!r} is no map with keys {', '.join(allowed)}")
        for key in self.value:
            if key not in allowed:
                raise BadCase((*self.path, key), f"unknown key {key!r}; allowed are {', '.join(allowed)}")
        return self

    def get(self, key: str) -> Node | None:
        """The value of a key; None if it is not there."""
        if isinstance(self.value, dict) and key in self.value:
            return Node(self.value[key], (*self.path, key))
        return None

    def need(self, key: str) -> Node:
        """The value of a key that must be there."""
        found = self.get(key)
        if found is None:
            raise self.bad(f"key {key!r} is missing")
        return found

    def items(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of a map; nothing for null."""
        if self.value is None:
            return
        if not isinstance(self.value, dict):
            raise self.bad(f"{self.value!r} is no map")
        for key, value in self.value.items():
            yield key, Node(value, (*self.path, key))

    def list(self) -> Iterator[Node]:
        """Values of a list; nothing for null."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            raise self.bad(f"{self.value!r} is no list")
        for index, value in enumerate(self.value):
            yield Node(value, (*self.path, index))

    def text(self) -> str:
        """A text; a number as it is written."""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int | float):
            raise self.bad(f"{self.value!r} is no text")
        return str(self.value)

    def number(self) -> int:
        """A whole number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.bad(f"{self.value!r} is no whole number")
        return self.value

    def one_of(self, allowed: tuple[str, ...]) -> str:
        """One of some texts."""
        if not isinstance(self.value, str) or self.value not in allowed:
            raise self.bad(f"{self.value!r} is none of {', '.join(allowed)}")
        return self.value

    def parsed(self, reader: Callable[[str], T]) -> T:
        """What a reader of texts makes of it."""
        try:
            return reader(self.text())
        except ValueError as error:
            raise self.bad(str(error)) from error

    def day(self) -> date:
        """A date; a time after it is dropped."""
        return self.parsed(lambda text: date.fromisoformat(text[:10]))

    def near_day(self) -> date:
        """A date that has others around it on which somebody may work."""
        day = self.day()
        return self.parsed(lambda _: near(day))


def near(day: date) -> date:
    """The date itself.

    Raises:
        ValueError: it lies at an end of time, where the dates around it are none.
    """
    if day.year not in YEARS:
        raise ValueError(f"{day} is not in the years {YEARS.start} to {YEARS.stop - 1}")
    return day


class Clock:
    """Reads local times of a case."""

    def __init__(self, zone: str) -> None:
        self.local = LocalTime(zone)

    def instant(self, text: str) -> int:
        """The instant of ``YYYY-MM-DD HH:MM[:SS[.mmm]][offset]``, or of the midnight a bare date begins with.

        Raises:
            ValueError: no such date or time.
        """
        day, _, time = text.strip().replace("T", " ").partition(" ")
        return self.at(near(date.fromisoformat(day)), time.strip() or "00:00")

    def at(self, day: date, text: str) -> int:
        """The instant of a time on a date.

        Raises:
            ValueError: no such time.
        """
        found = TIME.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no time HH:MM[:SS][offset]")
        hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
        ms = int((found[4] or "0").ljust(3, "0"))
        if hour == HOUR_24 and not (minute or second or ms):
            day, hour = day + timedelta(days=1), 0
        wall = datetime(day.year, day.month, day.day, hour, minute, second, ms * 1000)  # noqa: DTZ001 -- a wall time
        if found[5] is None:
            return self.local.stamp_ms(wall)
        moment = wall.replace(tzinfo=_offset(found[5]))
        return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:])))


def merged(defaults: Plain, own: Plain) -> Plain:
    """``own`` over ``defaults``: maps merge key by key, all else is replaced."""
    if isinstance(defaults, dict) and isinstance(own, dict):
        found = dict(defaults)
        for key, value in own.items():
            found[key] = merged(defaults[key], value) if key in defaults else value
        return found
    return own

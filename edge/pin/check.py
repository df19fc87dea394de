"""Who has this number and this PIN."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from edge.identification import Identified, Unknown
from edge.pin.throttle import Throttle
from models.clock import Clock
from models.person import Person
from models.punch import Method

_TYPED_MAX = 64

_hasher = PasswordHasher()


class StaffByNumber(Protocol):
    """The roster, as far as a PIN needs it."""

    def by_employee_no(self, number: str, /) -> Person | None:
        """The person with this employee number, if they are on this terminal."""
        ...


@dataclass(frozen=True, slots=True)
class TooManyTries:
    """The PIN was not looked at; the number may be tried again in ``wait_ms``."""

    wait_ms: int


def identify_by_pin(roster: StaffByNumber, employee_no: str, pin: str) -> Identified | Unknown:
    """The person with this number, if ``pin`` is theirs.

    A number nobody has, and a person without a PIN, take as long to be refused as a wrong PIN.
    """
    person = roster.by_employee_no(typed(employee_no))
    pin_hash = None if person is None else person.pin_hash
    try:
        _hasher.verify(pin_hash or _nobodys_hash(), typed(pin))
    except (VerificationError, InvalidHashError):
        return Unknown(Method.PIN)
    if person is None or pin_hash is None:
        return Unknown(Method.PIN)
    return Identified(person.person_id, Method.PIN)


class PinDesk:
    """:func:`identify_by_pin` with a limit on trying; may be called from any thread.

    ``roster`` gives the newest roster each time it is called.
    """

    def __init__(self, roster: Callable[[], StaffByNumber], clock: Clock) -> None:
        self._roster = roster
        self._clock = clock
        self._throttle = Throttle()
        self._lock = threading.Lock()
        _nobodys_hash()

    def identify(self, employee_no: str, pin: str) -> Identified | Unknown | TooManyTries:
        """The person, nobody, or: not now."""
        number = typed(employee_no)
        with self._lock:
            wait_ms = self._throttle.begin(number, self._clock.monotonic_ms())
        if wait_ms:
            return TooManyTries(wait_ms)
        found = identify_by_pin(self._roster(), number, pin)
        if isinstance(found, Identified):
            with self._lock:
                self._throttle.succeeded(number)
        return found


def typed(text: str) -> str:
    """What was typed, full-width digits made plain, without spaces around it."""
    return unicodedata.normalize("NFKC", text[:_TYPED_MAX]).strip()


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this PIN, and a right guess would not help")

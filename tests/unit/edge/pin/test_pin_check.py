from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from edge.identification import Identified, Unknown
from edge.pin import check
from edge.pin.check import PinDesk, TooManyTries, identify_by_pin
from edge.pin.throttle import FIRST_WAIT_MS, FREE_TRIES
from models.ids import PersonId
from models.person import Person
from models.punch import Method

LI = PersonId("p-li")
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Staff:
    def __init__(self, *people: Person) -> None:
        self._people = {person.employee_no: person for person in people}

    def by_employee_no(self, no: str) -> Person | None:
        return self._people.get(no)


class HandClock:
    now_ms = 0

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms


STAFF = Staff(
    Person(LI, "1001", "李雷", pin_hash=QUICK.hash("2468")),
    Person(PersonId("p-han"), "1002", "韩梅梅"),
    Person(PersonId("p-wu"), "1003", "吴用", pin_hash="$not-a-hash"),
)


@pytest.fixture(autouse=True)
def quick_hash(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(check, "_hasher", QUICK)
    check._nobodys_hash.cache_clear()
    yield
    check._nobodys_hash.cache_clear()


def test_number_and_pin_name_the_person():
    assert identify_by_pin(STAFF, "1001", "2468") == Identified(LI, Method.PIN)


def test_full_width_digits_and_spaces_are_what_they_look_like():
    assert identify_by_pin(STAFF, " １００１ ", "２４６８") == Identified(LI, Method.PIN)


@pytest.mark.parametrize(
    ("number", "pin"),
    [
        ("1001", "2469"),
        ("1001", ""),
        ("", ""),
        ("9999", "2468"),
        ("1002", ""),
        ("1002", "2468"),
        ("1003", "2468"),
        ("9999", "nobody has this PIN, and a right guess would not help"),
        ("1002", "nobody has this PIN, and a right guess would not help"),
    ],
)
def test_everything_else_is_nobody(number: str, pin: str):
    assert identify_by_pin(STAFF, number, pin) == Unknown(Method.PIN)


@pytest.mark.parametrize("number", ["1001", "1002", "9999"])
def test_every_refusal_costs_one_verification(number: str, monkeypatch: pytest.MonkeyPatch):
    verified = []

    class Counting:
        hash = QUICK.hash

        def verify(self, pin_hash: str, pin: str) -> bool:
            verified.append(pin_hash)
            return QUICK.verify(pin_hash, pin)

    monkeypatch.setattr(check, "_hasher", Counting())

    identify_by_pin(STAFF, number, "wrong")

    assert len(verified) == 1
    assert verified[0].startswith("$argon2id$")


def test_after_five_wrong_pins_the_right_one_waits_too():
    clock = HandClock()
    desk = PinDesk(lambda: STAFF, clock)
    for _ in range(FREE_TRIES):
        assert desk.identify("1001", "wrong") == Unknown(Method.PIN)

    assert desk.identify("１００１", "2468") == TooManyTries(FIRST_WAIT_MS)
    assert desk.identify("1002", "2468") == Unknown(Method.PIN)
    clock.now_ms = FIRST_WAIT_MS
    assert desk.identify("1001", "2468") == Identified(LI, Method.PIN)
    assert desk.identify("1001", "wrong") == Unknown(Method.PIN)

from __future__ import annotations

from edge.pin.throttle import (
    FIRST_WAIT_MS,
    FORGOTTEN_AFTER_MS,
    FREE_TRIES,
    LAST_WAIT_MS,
    Throttle,
)


def fail(throttle: Throttle, number: str, times: int, now_ms: int = 0) -> int:
    for _ in range(times):
        while wait_ms := throttle.begin(number, now_ms):
            now_ms += wait_ms
    return now_ms


def test_five_tries_are_free():
    throttle = Throttle()

    assert [throttle.begin("1", 0) for _ in range(FREE_TRIES + 1)] == [0] * FREE_TRIES + [FIRST_WAIT_MS]


def test_the_wait_doubles_up_to_a_limit_and_no_further():
    throttle = Throttle()
    now_ms = fail(throttle, "1", FREE_TRIES)
    waits = []
    for _ in range(8):
        waits.append(wait_ms := throttle.begin("1", now_ms))
        now_ms += wait_ms
        assert throttle.begin("1", now_ms) == 0

    assert waits == [min(LAST_WAIT_MS, FIRST_WAIT_MS * 2**n) for n in range(8)]


def test_asking_while_waiting_does_not_lengthen_the_wait():
    throttle = Throttle()
    fail(throttle, "1", FREE_TRIES)

    assert [throttle.begin("1", 1000) for _ in range(3)] == [FIRST_WAIT_MS - 1000] * 3


def test_each_number_has_its_own_count():
    throttle = Throttle()
    fail(throttle, "1", FREE_TRIES)

    assert throttle.begin("2", 0) == 0


def test_a_right_pin_and_a_quiet_hour_both_forgive():
    throttle = Throttle()
    fail(throttle, "1", FREE_TRIES)
    throttle.succeeded("1")
    fail(throttle, "2", FREE_TRIES)

    assert throttle.begin("1", 0) == 0
    assert throttle.begin("2", FORGOTTEN_AFTER_MS) == 0
    assert throttle.begin("2", FORGOTTEN_AFTER_MS) == 0


def test_memory_is_bounded_and_forgets_the_oldest():
    throttle = Throttle()
    fail(throttle, "first", FREE_TRIES)
    for number in range(1000):
        throttle.begin(str(number), 0)

    assert len(throttle._tries) == 1000
    assert throttle.begin("first", 0) == 0

from __future__ import annotations

from firmware_bridge.emulator import fingers

SIZE = 512


def number(finger: str, press: int, quality: float = 0.8) -> int:
    return int.from_bytes(fingers.features(finger, press, quality, SIZE), "big")


def likeness(one: int, other: int) -> float:
    return fingers.similarity(one, other, SIZE)


def test_the_same_press_gives_the_same_features() -> None:
    assert number("alice", 1) == number("alice", 1)
    assert number("alice", 1) != number("alice", 2)


def test_presses_of_one_finger_are_alike_and_of_two_fingers_are_not() -> None:
    others = [number(f"person-{n}", 1) for n in range(500)]
    alice = number("alice", 1)

    assert likeness(alice, number("alice", 2)) > 0.7
    assert max(likeness(alice, other) for other in others) < 0.12


def test_likeness_falls_with_quality_but_the_worst_usable_press_still_matches() -> None:
    template = number("alice", 1)
    found = [likeness(template, number("alice", 2, quality)) for quality in (1, 0.8, 0.6, 0.4, 0.3)]

    assert found == sorted(found, reverse=True)
    assert all(fingers.matches(each, security_level=5) for each in found)


def test_a_higher_security_level_never_matches_more() -> None:
    for likeness_pm in range(0, 1001, 50):
        passed = [fingers.matches(likeness_pm / 1000, level) for level in (1, 2, 3, 4, 5)]
        assert passed == sorted(passed, reverse=True)

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.backoff import Backoff, jitter
from edge.health import parts
from edge.health.machine import this_machine
from edge.health.parts import Absent, Supervised
from models.wire.messages import Part
from tests.integration.peers import wait_for


class Lamp:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")

    def health(self) -> Part:
        return Part("lamp", "ok")


def test_a_part_that_cannot_start_is_away_with_the_reason_and_tried_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts, "_FIRST_S", 0.01)
    monkeypatch.setattr(parts, "_LAST_S", 0.02)
    tries: list[int] = []
    seen = threading.Event()
    lamp = Lamp()

    def build() -> Lamp:
        tries.append(1)
        if len(tries) < 4 or not seen.is_set():
            raise OSError("no current")
        return lamp

    supervised = Supervised("lamp", build)
    assert supervised.health() == Part("lamp", "away", "starting")
    with capture_logs() as logs:
        supervised.start()
        wait_for(lambda: supervised.health() == Part("lamp", "away", "no current"))
        wait_for(lambda: len(tries) >= 4)
        seen.set()
        wait_for(lambda: supervised.health() == Part("lamp", "ok"))
    supervised.stop()
    assert [log["event"] for log in logs] == ["part_not_started"]
    assert supervised.worker is lamp
    assert lamp.calls == ["start", "stop"]


def test_a_part_can_be_stopped_while_it_is_tried():
    def build() -> Lamp:
        raise OSError("no current")

    supervised = Supervised("lamp", build)
    supervised.start()
    supervised.stop()

    assert supervised.worker is None


def test_a_part_that_was_never_started_can_be_stopped():
    Supervised("lamp", Lamp).stop()


def test_a_part_that_is_not_fitted_says_so():
    absent = Absent("camera")
    absent.start()
    absent.stop()

    assert absent.health() == Part("camera", "none")


def test_delays_double_up_to_their_bound_and_begin_anew_after_success():
    backoff = Backoff(1, 10, uniform=lambda _, high: high)

    assert [backoff.next_ms() for _ in range(6)] == [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]
    backoff.reset()
    assert backoff.next_ms() == 1_000


def test_delays_are_spread_over_the_whole_time():
    delays = [Backoff(10, 10).next_ms() for _ in range(500)]

    assert min(delays) < 2_000
    assert max(delays) > 8_000
    assert all(0.8 <= jitter() <= 1.2 for _ in range(500))


def test_this_machine_is_the_same_twice_and_knows_its_boot():
    assert this_machine(Path("/tmp")) == this_machine(Path("/tmp"))  # noqa: S108 - only looked at
    assert len(this_machine(Path("/")).boot_id) == 36

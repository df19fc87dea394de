"""When a terminal asks for the roster."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from edge.roster.core import (
    EVERY_MS,
    Announced,
    Answered,
    Ask,
    Event,
    NotAnswered,
    RosterCore,
    Take,
    Tell,
    Tick,
)
from models.wire.messages import Roster


def roster(version: str) -> Roster:
    return Roster(version, "HQ", "Asia/Shanghai", ())


def asked(core: RosterCore, now_ms: int = 0) -> RosterCore:
    """The core, its first question out."""
    assert core.on(Tick(), now_ms) == (Ask("v1"),)
    return core


def fresh() -> RosterCore:
    return RosterCore("v1", lambda: 1.0)


def test_it_asks_at_once_and_then_every_minute():
    core = asked(fresh())

    assert core.on(Answered(None), 100) == ()
    assert core.due_ms() == 100 + EVERY_MS
    assert core.on(Tick(), 99 + EVERY_MS) == ()
    assert core.on(Tick(), 100 + EVERY_MS) == (Ask("v1"),)


def test_another_version_announced_is_asked_for_at_once():
    core = asked(fresh())
    core.on(Answered(None), 0)

    assert core.on(Announced("v1"), 1) == ()
    assert core.on(Announced(""), 1) == ()
    assert core.on(Announced("v2"), 1) == (Ask("v1"),)
    assert core.on(Answered(roster("v2")), 2) == (Take(roster("v2")),)
    assert core.on(Announced("v2"), 3) == ()


def test_one_question_at_a_time():
    core = asked(fresh())

    assert core.on(Tick(), 10 * EVERY_MS) == ()
    assert core.on(Announced("v2"), 1) == ()


def test_what_was_announced_during_a_question_is_asked_for_after_it():
    core = asked(fresh())
    core.on(Announced("v3"), 1)

    # Made before there was v3.
    assert core.on(Answered(roster("v2")), 2) == (Take(roster("v2")), Ask("v2"))
    assert core.on(Answered(roster("v3")), 3) == (Take(roster("v3")),)


def test_an_announcement_that_is_never_true_costs_one_question():
    core = asked(fresh())
    core.on(Answered(None), 0)

    assert core.on(Announced("old"), 1) == (Ask("v1"),)
    assert core.on(Answered(None), 2) == ()
    assert core.due_ms() == 2 + EVERY_MS


def test_a_cloud_that_is_away_is_told_of_once_and_asked_a_minute_later():
    core = asked(fresh())

    assert core.on(NotAnswered("no route"), 5) == (Tell("no route"),)
    assert core.on(Tick(), 5 + EVERY_MS) == (Ask("v1"),)
    assert core.on(NotAnswered("no route"), 6 + EVERY_MS) == ()
    assert core.on(Announced("v2"), 7 + EVERY_MS) == (Ask("v1"),)
    assert core.on(Answered(roster("v2")), 8 + EVERY_MS) == (Tell(None), Take(roster("v2")))


class Site:
    """A cloud that publishes versions, a terminal, and a network that is late or loses."""

    def __init__(self) -> None:
        self.published, self.here = 1, "v1"
        self.now_ms = 0
        self.core = fresh()
        self.under_way: list[Answered] = []
        self.announcements: list[Announced] = []

    def happens(self, event: Event) -> None:
        for effect in self.core.on(event, self.now_ms):
            if isinstance(effect, Ask):
                assert effect.version == self.here
                assert not self.under_way, "two questions at a time"
                newest = f"v{self.published}"
                self.under_way.append(Answered(None if newest == self.here else roster(newest)))
            elif isinstance(effect, Take):
                self.here = effect.roster.version

    def publish(self) -> None:
        self.published += 1
        self.announcements.append(Announced(f"v{self.published}"))

    def announce(self) -> None:
        if self.announcements:
            self.happens(self.announcements[-1])

    def announce_late(self) -> None:
        if self.announcements:
            self.happens(self.announcements.pop(0))

    def answer(self) -> None:
        if self.under_way:
            self.happens(self.under_way.pop())

    def lose(self) -> None:
        if self.under_way:
            self.under_way.pop()
            self.happens(NotAnswered("lost"))

    def look(self) -> None:
        self.happens(Tick())

    def minute(self) -> None:
        self.now_ms += EVERY_MS
        self.look()


STEPS = [
    Site.publish,
    Site.announce,
    Site.announce_late,
    Site.answer,
    Site.lose,
    Site.look,
    Site.minute,
]


@given(st.lists(st.sampled_from(STEPS), max_size=60))
def test_a_minute_after_the_last_fault_the_newest_roster_is_here(steps: list[Callable[[Site], None]]):
    site = Site()
    for step in steps:
        step(site)

    site.answer()
    site.answer()
    site.minute()
    site.answer()

    assert site.here == f"v{site.published}"

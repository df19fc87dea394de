from __future__ import annotations

from dataclasses import replace

import pytest

from edge.face.presence import Presence
from edge.kiosk.names import NameStyle
from edge.kiosk.screen import (
    NOT_ME_MS,
    Conditions,
    Noted,
    Notice,
    NotRecognised,
    NotRecorded,
    NotSure,
    Recorded,
    Repeated,
    Screen,
    Shown,
)
from models.person import Language
from models.punch import Direction

WELL = Conditions("East door", "Asia/Shanghai", is_online=True, waiting=0, camera="ok", sensor="ok")
AT_MS = 1_795_395_480_000
LI = Recorded("李雷", AT_MS, Language.ZH, Direction.IN, "punch-1")


@pytest.fixture
def screen() -> Screen:
    return Screen(NameStyle.FULL)


def kind(screen: Screen, now_ms: int) -> str | None:
    notice = screen.view(WELL, now_ms).notice
    return None if notice is None else notice.kind


def test_at_first_nothing_is_said(screen: Screen):
    view = screen.view(WELL, 0)

    assert view.notice is None
    assert not view.is_near
    assert view.ask == "look_or_press"
    assert view.foot == ("online",)
    assert screen.next_change_ms(0) is None


def test_recorded_says_who_when_and_which_way_for_its_time(screen: Screen):
    screen.show(LI, 1000)

    assert screen.view(WELL, 1000).notice == Shown("recorded", 1, "李雷", AT_MS, "in", "zh")
    assert kind(screen, 3499) == "recorded"
    assert kind(screen, 3500) is None


def test_the_next_person_does_not_wait(screen: Screen):
    screen.show(LI, 0)
    screen.show(Repeated("Han", AT_MS, Language.EN), 300)

    assert screen.view(WELL, 300).notice == Shown("repeated", 2, "Han", AT_MS, None, "en")
    assert kind(screen, 2799) == "repeated"
    assert kind(screen, 2800) is None


def test_the_same_notice_again_is_a_new_one(screen: Screen):
    screen.show(NotRecognised(), 0)
    screen.show(NotRecognised(), 100)

    notice = screen.view(WELL, 100).notice
    assert notice is not None
    assert notice.serial == 2


@pytest.mark.parametrize(
    ("notice", "name"),
    [
        (NotSure(), "unsure"),
        (NotRecognised(), "unknown"),
        (NotRecorded(), "not_recorded"),
        (Noted(), "noted"),
    ],
)
def test_what_names_nobody_carries_no_name(screen: Screen, notice: Notice, name: str):
    screen.show(notice, 0)

    assert screen.view(WELL, 0).notice == Shown(name, 1)


def test_not_recorded_stays_longest(screen: Screen):
    ends = {}
    for notice in (
        LI,
        Repeated("李雷", AT_MS, Language.ZH),
        NotSure(),
        NotRecognised(),
        NotRecorded(),
        Noted(),
    ):
        fresh = Screen(NameStyle.FULL)
        fresh.show(notice, 0)
        ends[type(notice)] = fresh.next_change_ms(0)

    assert max(ends, key=lambda notice: ends[notice] or 0) is NotRecorded


def test_not_me_is_offered_for_ten_seconds(screen: Screen):
    screen.show(LI, 0)

    assert screen.view(WELL, NOT_ME_MS - 1).disputable == "punch-1"
    assert screen.view(WELL, NOT_ME_MS).disputable is None


def test_not_me_is_for_the_last_one_only(screen: Screen):
    screen.show(LI, 0)
    screen.show(NotRecognised(), 100)

    assert screen.view(WELL, 100).disputable is None


def test_the_view_changes_by_itself_when_it_says_so(screen: Screen):
    screen.show(LI, 0)

    assert screen.next_change_ms(0) == 2500
    assert screen.next_change_ms(2500) == NOT_ME_MS
    assert screen.next_change_ms(NOT_ME_MS) is None


def test_a_masked_name_leaves_no_trace_of_the_rest():
    screen = Screen(NameStyle.INITIAL)
    screen.show(LI, 0)

    notice = screen.view(WELL, 0).notice
    assert notice is not None
    assert notice.name == "李*"


@pytest.mark.parametrize(
    ("camera", "sensor", "ask", "foot"),
    [
        ("ok", "ok", "look_or_press", ("online",)),
        ("ok", "away", "look", ("sensor_away",)),
        ("ok", "none", "look", ("online",)),
        ("away", "ok", "press", ("camera_away",)),
        ("none", "ok", "press", ("online",)),
        ("away", "away", "type", ("both_away",)),
        ("none", "none", "type", ("online",)),
        ("none", "away", "type", ("sensor_away",)),
    ],
)
def test_only_what_works_is_asked_for(
    screen: Screen, camera: str, sensor: str, ask: str, foot: tuple[str, ...]
):
    view = screen.view(replace(WELL, camera=camera, sensor=sensor), 0)

    assert (view.ask, view.foot) == (ask, foot)


def test_the_foot_tells_all_that_is_wrong(screen: Screen):
    bad = replace(WELL, is_online=False, waiting=12, sensor="away", is_clock_set=False)

    view = screen.view(bad, 0)

    assert view.foot == ("offline", "sensor_away", "clock_unset")
    assert view.waiting == 12


def test_online_with_punches_on_their_way_says_sending(screen: Screen):
    assert screen.view(replace(WELL, waiting=3), 0).foot == ("sending",)


def test_somebody_near_is_seen_until_they_are_gone(screen: Screen):
    screen.presence(Presence.NEAR)
    assert screen.view(WELL, 0).is_near
    screen.presence(Presence.GONE)
    assert not screen.view(WELL, 0).is_near

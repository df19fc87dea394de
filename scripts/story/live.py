"""Live punches at the first door, seen from outside: from the press to the judged day, by the public API."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from models.clock import SystemClock, from_ms, to_ms
from models.ids import PersonId
from scripts.story.cloud import Cloud
from scripts.story.compare import Json
from scripts.story.plan import local_date

PATIENCE_S = 10.0
_POLL_S = 0.03
_NIGHT_HOURS = timedelta(hours=4)
"""A press between midnight and 04:00 belongs to the day before (docs/reference/rules.md A5)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A live punch: seconds from the press until the API lists it, and until its day is judged with it."""

    listed_s: float
    judged_s: float


@dataclass(frozen=True, slots=True)
class NotSeen:
    """Nothing, or no new judgement, within the patience of the story."""

    what: str


def watch(cloud: Cloud, person: PersonId, act: Callable[[], None]) -> Seen | NotSeen:
    """Do ``act`` and watch the cloud for the punch it makes and for the day it changes."""
    at_ms = SystemClock().wall_ms()
    day = local_date(to_ms(from_ms(at_ms) - _NIGHT_HOURS))
    before = _day(cloud, person, str(day))
    began = time.perf_counter()
    act()
    listed = _until(lambda: bool(punches_since(cloud, at_ms, person)), began)
    if listed is None:
        return NotSeen("no punch")
    judged = _until(lambda: _day(cloud, person, str(day)) != before, began)
    return NotSeen("the day was not judged") if judged is None else Seen(listed, judged)


def punches_during(cloud: Cloud, act: Callable[[], None], seconds: float) -> int:
    """Punches made within ``seconds`` of ``act``."""
    at_ms = SystemClock().wall_ms()
    act()
    time.sleep(seconds)
    return len(punches_since(cloud, at_ms))


def punches_since(cloud: Cloud, at_ms: int, person: PersonId | None = None) -> list[dict[str, Json]]:
    """Punches made at ``at_ms`` or later."""
    query = {"from": from_ms(at_ms).isoformat()}
    if person is not None:
        query["person"] = person
    return cloud.rows("/api/v1/punches", "punches", **query)


def _day(cloud: Cloud, person: PersonId, day: str) -> Json:
    found = cloud.rows("/api/v1/days", "days", **{"from": day, "to": day, "person": person})
    return dict(found[0]) if found else None


def _until(happened: Callable[[], bool], began: float) -> float | None:
    while not happened():
        if time.perf_counter() - began > PATIENCE_S:
            return None
        time.sleep(_POLL_S)
    return time.perf_counter() - began

"""``scripts/demo --check``: the whole story headless, every number held against what the story knows."""

from __future__ import annotations

import itertools
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from models.clock import SystemClock
from models.punch import Method
from scripts.story import audit, hands, live, pictures, site
from scripts.story.audit import Audit
from scripts.story.cloud import wait_for
from scripts.story.compare import Json
from scripts.story.pictures import Pictures
from scripts.story.plan import Story, local_date, tell
from scripts.story.processes import ROOT, MemoryWatch, StoryFailed, free_port
from scripts.story.site import Site
from scripts.story.stage import Stage, new_site

LOGS = ROOT / ".state" / "check-logs"
_RECOMPUTED = re.compile(r"(\d+) days judged, (\d+) would differ(?:, (\d+) for the first time)?")
_STRANGER_STAYS_S = 4.0
_BROKER_AWAY_S = 4.0
_DELIVERED_WITHIN_S = 60
_BETWEEN_PEOPLE_S = 1.5
_PASSERS_BY = 10


def check(setup_seconds: float) -> dict[str, Json]:
    """Play the story in a directory of its own; the object to print, ``ok`` and all.

    Raises:
        StoryFailed: the story could not be played to its end.
    """
    portraits = pictures.fetch()
    story = tell(local_date(SystemClock().wall_ms()))
    with (
        tempfile.TemporaryDirectory(prefix="kaoqin-") as folder,
        MemoryWatch() as memory,
        Site(Path(folder), Path(folder), free_port()) as place,
    ):
        try:
            report, wrong = _play(place, story, portraits, setup_seconds)
        except StoryFailed:
            _keep_logs(place)
            raise
        if wrong:
            _keep_logs(place)
    report["peak_memory_mb"] = round(memory.peak_mb)
    for sentence in wrong:
        _say(f"WRONG: {sentence}")
    report["ok"] = not wrong
    return report


def _play(
    place: Site, story: Story, portraits: Pictures, setup_seconds: float
) -> tuple[dict[str, Json], list[str]]:
    stage = new_site(place, story, portraits, _say)
    try:
        sections, wrong = _acts(stage)
    finally:
        stage.close()
    seconds = _rounded({"setup": setup_seconds, **stage.seconds})
    return {"people": len(stage.people), **sections, "seconds": seconds}, wrong


def _acts(stage: Stage) -> tuple[dict[str, Json], list[str]]:
    acts: tuple[tuple[str, Callable[[Stage], Audit]], ...] = (
        ("Comparing the reports with the story ...", reports),
        ("Pressing fingers, showing faces ...", live_part),
        ("Strangers try ...", strangers),
        ("Killing the broker while people punch ...", broker_restart),
        ("Counting punches ...", punches),
        # What happened today must not have touched the past.
        ("Comparing every day with the story ...", judged_days),
        ("Judging everything again ...", judged_again),
    )
    sections: dict[str, Json] = {}
    wrong: list[str] = []
    if len(stage.people) != len(stage.story.members):
        wrong.append(f"people: {len(stage.people)} of {len(stage.story.members)}")
    for line, act in acts:
        _say(line)
        part = act(stage)
        sections |= part.section
        wrong += part.wrong
    return sections, wrong


def reports(stage: Stage) -> Audit:
    """The month reports, before today adds to them."""
    return audit.month_reports(stage.cloud, stage.story)


def punches(stage: Stage) -> Audit:
    """Every punch of the past and of today, counted."""
    stored = audit.stored_punches(stage.cloud, stage.story)
    return audit.punches(stage.story, stage.people, stored, stage.made)


def judged_days(stage: Stage) -> Audit:
    """Every day that is over."""
    return audit.judged_days(stage.cloud, stage.story, stage.people, SystemClock().wall_ms())


def judged_again(stage: Stage) -> Audit:
    """What is stored is what the facts alone give."""
    span = stage.story.span
    command = ["kaoqin-cloud", "recompute", "--from", str(span.first), "--to", str(span.last), "--dry-run"]
    began = time.perf_counter()
    said = stage.site.processes.run(command)
    stage.seconds["judge_all"] = time.perf_counter() - began
    found = _RECOMPUTED.search(said)
    judged, differing, first = (int(number) for number in found.groups("0")) if found else (0, -1, 0)
    # Days before a contract or after it are judged here for the first time: nobody keeps them.
    kept = audit.days_kept(stage.cloud, stage.story)
    differing += abs(first - (judged - kept))
    section: dict[str, Json] = {"days": kept, "differing": differing}
    return Audit({"judged_again": section}, (f"judged again: {said}",) if differing else ())


def live_part(stage: Stage) -> Audit:
    """Fingers on the sensor and faces before the camera, each seen through the cloud."""
    acts: list[tuple[str, str, Callable[[], None]]] = [
        (number, "finger", partial(hands.press, stage.site.sensor_control, number))
        for number in stage.fingers
    ]
    for number, portraits in zip(stage.faces, stage.pictures.staff, strict=True):
        picture = portraits.door[0]
        acts.append((number, "face", partial(hands.show, stage.site.camera_control, picture)))
    seen: list[live.Seen] = []
    wrong = []
    for number, by, act in acts:
        outcome = live.watch(stage.cloud, stage.people[number], act)
        if isinstance(outcome, live.NotSeen):
            wrong.append(f"live {by} of {number}: {outcome.what}")
        else:
            seen.append(outcome)
            stage.made += 1
        time.sleep(_BETWEEN_PEOPLE_S)
    slowest = max((one.judged_s for one in seen), default=0.0)
    stage.seconds["punch_to_report_max"] = slowest
    section: dict[str, Json] = {
        "fingers": len(stage.fingers),
        "faces": len(stage.faces),
        "seen": len(seen),
        "listed_s_max": round(max((one.listed_s for one in seen), default=0.0), 2),
    }
    return Audit({"live": section}, tuple(wrong))


def strangers(stage: Stage) -> Audit:
    """A face and a finger that nobody enrolled must make no punch."""
    acts = (
        partial(hands.show, stage.site.camera_control, stage.pictures.stranger),
        partial(hands.press, stage.site.sensor_control, "nobody"),
    )
    refused = 0
    for act in acts:
        refused += not live.punches_during(stage.cloud, act, _STRANGER_STAYS_S)
    section: dict[str, Json] = {"shown": len(acts), "refused": refused}
    return Audit({"strangers": section}, () if refused == len(acts) else ("a stranger was let in",))


def broker_restart(stage: Stage) -> Audit:
    """People punch at every door while the broker is killed, away, and back."""
    began_ms = SystemClock().wall_ms()
    crowd = iter(stage.passers_by())
    made = _pass_by(stage, itertools.islice(crowd, _PASSERS_BY))
    stage.site.processes.stop("broker", kill=True)
    away = time.perf_counter()
    made += _pass_by(stage, itertools.islice(crowd, _PASSERS_BY))
    time.sleep(_BROKER_AWAY_S)
    made += _pass_by(stage, itertools.islice(crowd, _PASSERS_BY))
    site.start_broker(stage.site)
    back = time.perf_counter()
    wait_for(
        "the punches made without a broker",
        lambda: len(live.punches_since(stage.cloud, began_ms)) >= made or None,
        seconds=_DELIVERED_WITHIN_S,
        alive=stage.site.processes.check,
    )
    delivered = time.perf_counter()
    time.sleep(1)  # what comes twice comes now
    stored = len(live.punches_since(stage.cloud, began_ms))
    stage.made += made
    section: dict[str, Json] = {
        "made": made,
        "stored": stored,
        "away_s": round(back - away, 1),
        "delivered_after_s": round(delivered - back, 1),
    }
    wrong = () if stored == made else (f"broker restart: made {made}, stored {stored}",)
    return Audit({"broker_restart": section}, wrong)


def _pass_by(stage: Stage, numbers: itertools.islice[str]) -> int:
    doors = itertools.cycle(stage.other_doors)
    return sum(next(doors).pass_by(stage.people[number], Method.CARD) for number in numbers)


def _rounded(seconds: dict[str, float]) -> dict[str, Json]:
    return {name: round(taken, 1 if taken >= 10 else 2) for name, taken in seconds.items()}  # noqa: PLR2004


def _keep_logs(place: Site) -> None:
    shutil.rmtree(LOGS, ignore_errors=True)
    shutil.copytree(place.processes.logs, LOGS)
    _say(f"The logs of this run are in {LOGS.relative_to(ROOT)}.")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

"""``scripts/demo``: a site that lives until Ctrl-C."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

from models.clock import SystemClock
from models.punch import Method
from scripts.story import hands, pictures, stage
from scripts.story.doors import Life
from scripts.story.plan import DOORS, SEED, Story, local_date, tell, this_morning
from scripts.story.processes import ROOT, StoryFailed, ask_for_port
from scripts.story.site import Site
from scripts.story.stage import Stage

DIRECTORY = ROOT / ".state" / "demo"
_READY_FILE = "ready.json"
_LIFE_EVERY_S = 20.0
_LOOK_EVERY_S = 1.0
_CROWD = 60


def demo(port: int, *, fresh: bool) -> None:
    """Run the site of today, made now or kept from an earlier start, until SIGINT or SIGTERM.

    Raises:
        StoryFailed: it cannot run; the message says why.
    """
    ask_for_port(port)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    portraits = pictures.fetch()
    story = tell(local_date(SystemClock().wall_ms()))
    kept = not fresh and _is_kept(story)
    if not kept:
        shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="kaoqin-") as sockets,
        Site(DIRECTORY, Path(sockets), port) as place,
    ):
        (DIRECTORY / "sockets").write_text(sockets)
        if kept:
            scene = stage.kept_site(place, story, portraits, _say)
        else:
            morning = this_morning(story, SystemClock().wall_ms())
            scene = stage.new_site(place, story, portraits, _say, morning)
        (DIRECTORY / _READY_FILE).write_text(json.dumps(_key(story)))
        life = Life(_passing_people(scene), _LIFE_EVERY_S)
        try:
            _say(_welcome(scene))
            while not ended.wait(_LOOK_EVERY_S):
                place.processes.check()
        finally:
            _say("Stopping ...")
            life.close()
            scene.close()


def control(kind: str) -> Path:
    """Where the running demo takes presses ("finger") and pictures ("face").

    Raises:
        StoryFailed: no demo runs.
    """
    with suppress(OSError):
        path = Path((DIRECTORY / "sockets").read_text()) / kind
        if path.exists():
            return path
    raise StoryFailed("No demo runs here: start scripts/demo first.")


def _key(story: Story) -> dict[str, str | int]:
    return {"today": str(story.span.today), "seed": story.seed}


def _is_kept(story: Story) -> bool:
    try:
        return bool(json.loads((DIRECTORY / _READY_FILE).read_text()) == _key(story))
    except (OSError, ValueError):
        return False


def _passing_people(scene: Stage) -> Callable[[], object]:
    """Somebody comes to a door, each time this is called; every third time to the first one."""
    luck = Random(SEED)
    crowd = scene.passers_by()[:_CROWD]
    first_door = itertools.cycle(_first_door(scene))
    others = itertools.cycle(scene.other_doors)
    doors = itertools.cycle((True, False, False))

    def pass_by() -> None:
        if next(doors):
            with suppress(StoryFailed):
                next(first_door)()
        else:
            method = luck.choice((Method.FACE, Method.FINGER, Method.CARD))
            next(others).pass_by(scene.people[luck.choice(crowd)], method)

    return pass_by


def _first_door(scene: Stage) -> Iterator[Callable[[], None]]:
    shown = [portraits.door for portraits in scene.pictures.staff]
    for number, door_pictures in zip(scene.fingers, itertools.cycle(shown), strict=False):
        yield partial(hands.press, scene.site.sensor_control, number)
        for picture in door_pictures:
            yield partial(hands.show, scene.site.camera_control, picture)
    yield partial(hands.show, scene.site.camera_control, scene.pictures.stranger)


def _welcome(scene: Stage) -> str:
    named = {member.employee_no: member for member in scene.story.members}
    fingers = ", ".join(f"{named[number].name} ({number})" for number in scene.fingers)
    faces = ", ".join(f"{named[number].name} ({number})" for number in scene.faces)
    logins = "\n".join(f"    {login:6} {password}" for login, password in scene.secrets.passwords.items())
    span = scene.story.span
    return f"""
Kaoqin 考勤 runs: {len(scene.people)} synthetic people, {len(DOORS)} doors, {span.first} to {span.last}.

  Pages    {scene.site.url}
{logins}
  Kiosk    {scene.site.kiosk_url}    (the screen of {DOORS[0]})

  In another terminal:
    scripts/demo press {scene.fingers[0]}          a finger on the sensor: {fingers}
    scripts/demo show {scene.pictures.staff[0].door[0].name}     a face before the camera: {faces}
    scripts/demo show {scene.pictures.stranger.name}  somebody nobody knows

  Somebody punches every {_LIFE_EVERY_S:.0f} seconds. Ctrl-C stops everything; the data stays in
  {DIRECTORY.relative_to(ROOT)} until tomorrow or scripts/demo --fresh.
"""


def _say(line: str) -> None:
    print(line, flush=True)

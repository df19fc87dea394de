"""Setting the stage: from an empty directory to a running site with its past, ready for live punches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

import structlog

from models.clock import SystemClock
from models.ids import PersonId
from scripts.story import audit, hands, records, site
from scripts.story.cloud import Cloud, wait_for
from scripts.story.doors import OtherDoor
from scripts.story.people import FACES_OF, FINGERS_OF
from scripts.story.pictures import Pictures
from scripts.story.plan import DOORS, Morning, Story, local_date
from scripts.story.site import Secrets, Site
from scripts.story.workdays import shift_of

JUDGED_WITHIN_S = 180
Say = Callable[[str], None]


@dataclass(slots=True)
class Stage:
    """A running site and who plays in it.

    Attributes:
        people: person ids by employee number.
        fingers: employee numbers of those whose finger is enrolled at the first door.
        faces: employee numbers of those whose face is, in the order of the pictures.
        made: punches made so far, by the story's own count.
        seconds: how long each part took.
    """

    story: Story
    site: Site
    pictures: Pictures
    secrets: Secrets
    cloud: Cloud
    people: dict[str, PersonId] = field(default_factory=dict)
    fingers: tuple[str, ...] = ()
    faces: tuple[str, ...] = ()
    other_doors: list[OtherDoor] = field(default_factory=list)
    made: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    log: TextIO | None = None

    def close(self) -> None:
        """Stop what runs in this process; the processes of the site are stopped by their owner."""
        for door in self.other_doors:
            door.close()
        if self.log is not None:
            structlog.reset_defaults()
            self.log.close()

    def passers_by(self) -> list[str]:
        """Who may come to the other doors: everybody not enrolled at the first, those due today first."""
        today = self.story.span.today
        enrolled = {*self.fingers, *self.faces}
        there = [m for m in self.story.members if m.employed_on(today) and m.employee_no not in enrolled]
        there.sort(key=lambda member: shift_of(member, today, today) is None)
        return [member.employee_no for member in there]


def new_site(
    place: Site, story: Story, pictures: Pictures, say: Say, morning: Morning = records.NOTHING_YET
) -> Stage:
    """Fill an empty directory, start its site and wait until its past is judged.

    ``morning``: what happened since the history of the story.
    """
    began = time.perf_counter()
    say("Writing people, calendar, roster and office records ...")
    site.start_broker(place)
    made = site.fill(place, story, morning)
    stage = Stage(story, place, pictures, made, site.start_cloud(place, made.token))
    stage.seconds["import"] = time.perf_counter() - began
    say("Claiming the doors, enrolling fingers and faces ...")
    site.claim_doors(place)
    stage.people = site.roster(place)
    cast(stage)
    enrol(stage)
    say("Walking two months of punches through the doors ...")
    began = time.perf_counter()
    stage.made = site.write_past(place, story, stage.people, story.presses + morning.presses)
    site.put_in(place, "people", records.leavers(story, place.directory / "files"))
    open_doors(stage)
    wait_until_judged(stage)
    stage.seconds["history"] = time.perf_counter() - began
    return stage


def kept_site(place: Site, story: Story, pictures: Pictures, say: Say) -> Stage:
    """Start the site that an earlier run left in the directory."""
    say("Starting the site as it was left ...")
    site.start_broker(place)
    made = site.known_secrets(place)
    stage = Stage(story, place, pictures, made, site.start_cloud(place, made.token))
    site.move_doors(place)
    stage.people = site.roster(place)
    cast(stage)
    site.start_sensor(place)
    open_doors(stage)
    return stage


def cast(stage: Stage) -> None:
    """Find those whose fingers and faces the first door is to know."""
    members = stage.story.members
    stage.fingers = tuple(member.employee_no for member in members if member.is_one_of(FINGERS_OF))
    stage.faces = tuple(member.employee_no for member in members if member.is_one_of(FACES_OF))


def enrol(stage: Stage) -> None:
    """Enrol the cast by the terminal's own commands."""
    place = stage.site
    site.start_sensor(place)
    for number in stage.fingers:
        hands.enrol_finger(place.door(0), place.sensor, place.sensor_control, number)
    for number, portraits in zip(stage.faces, stage.pictures.staff, strict=True):
        place.processes.run(
            [
                *("kaoqin-edge", "enrol", "face", number, "--picture", str(portraits.enrol)),
                *("--state", str(place.door(0)), "--consent"),
            ]
        )


def open_doors(stage: Stage) -> None:
    """Run the first door as its own process, the others in this one, with a log of their own."""
    stage.log = (stage.site.processes.logs / "other-doors.log").open("a")
    structlog.configure(
        processors=[*structlog.get_config()["processors"][:-1], structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(stage.log),
    )
    site.start_terminal(stage.site)
    stage.other_doors = [
        site.open_other_door(stage.site, place, len(stage.people)) for place in range(1, len(DOORS))
    ]


def wait_until_judged(stage: Stage) -> None:
    """Wait until every punch made has arrived and no day waits to be judged."""
    wait_for(
        "the history",
        lambda: _is_judged(stage) or None,
        seconds=JUDGED_WITHIN_S,
        alive=stage.site.processes.check,
    )


def _is_judged(stage: Stage) -> bool:
    if any(door.waiting() for door in stage.other_doors):
        return False
    gauges = stage.cloud.gauges()
    if gauges["kaoqin_ingest_punches_total"] < stage.made or gauges["kaoqin_punches_missing"]:
        return False
    if gauges["kaoqin_stale_days"]:
        return False
    now_ms = SystemClock().wall_ms()
    first = local_date(stage.story.presses[0].wall_ms)
    return all(
        audit.is_final(stage.cloud, stage.story, day, now_ms) for day in (first, stage.story.span.last)
    )

"""A whole site in one directory: made by the product's own commands, then running."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Self

from edge.agent import LEDGER_FILE
from edge.health.machine import this_machine
from edge.punch.ledger import Ledger
from edge.roster.cloud import Unchanged, fetch_roster
from edge.roster.identity import Identity, load_identity, save_identity
from edge.sync.link import Login
from edge.sync.uplink import Report
from models.ids import PersonId
from models.punch import ClockQuality
from scripts.story import records
from scripts.story.cloud import Cloud, wait_for
from scripts.story.doors import OtherDoor, write_history
from scripts.story.people import SITE
from scripts.story.plan import DOORS, Morning, Press, Story
from scripts.story.processes import Processes, StoryFailed, free_port

READY_S = 60
LOGINS = {"hr": "hr", "admin": "admin"}
SECRETS_FILE = "secrets.json"
_PASSWORD_BYTES = 9
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Secrets:
    """Made at random for each site; the demo prints the passwords, because its people are synthetic."""

    passwords: dict[str, str]
    token: str


@dataclass(slots=True)
class Site:
    """One site: its directory, where its parts listen, and its processes while it is entered.

    ``sockets`` is a short path of its own: a unix socket's name has 108 bytes at most.
    """

    directory: Path
    sockets: Path
    port: int
    broker_port: int = field(default_factory=free_port)
    kiosk_port: int = field(default_factory=free_port)
    processes: Processes = field(init=False)

    def __post_init__(self) -> None:
        settings = {
            "KAOQIN_CLOUD_STATE": str(self.directory),
            "KAOQIN_CLOUD_HOST": "127.0.0.1",
            "KAOQIN_CLOUD_PORT": str(self.port),
            "KAOQIN_CLOUD_BROKER_URL": self.broker_url,
        }
        self.processes = Processes(self.directory / "logs", settings)

    def __enter__(self) -> Self:
        self.processes.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.close()

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def broker_url(self) -> str:
        """Where cloud and doors meet."""
        return f"mqtt://127.0.0.1:{self.broker_port}"

    @property
    def kiosk_url(self) -> str:
        """The screen of the first door."""
        return f"http://127.0.0.1:{self.kiosk_port}"

    @property
    def sensor(self) -> Path:
        """The emulated sensor's port."""
        return self.sockets / "sensor"

    @property
    def sensor_control(self) -> Path:
        """Where fingers are pressed."""
        return self.sockets / "finger"

    @property
    def camera_control(self) -> Path:
        """Where faces are shown."""
        return self.sockets / "face"

    def door(self, place: int) -> Path:
        """The state directory of a door."""
        return self.directory / "doors" / str(place)

    def identity(self, place: int) -> Identity:
        """Who a claimed door is."""
        return load_identity(self.door(place))


def fill(site: Site, story: Story, morning: Morning) -> Secrets:
    """Make the database and put in what the office knows: people, calendar, roster, records, logins."""
    run = site.processes.run
    run(["kaoqin-cloud", "migrate"])
    for kind, path in records.write(story, site.directory / "files", morning):
        put_in(site, kind, path)
    passwords = {}
    for login, role in LOGINS.items():
        passwords[login] = secrets.token_urlsafe(_PASSWORD_BYTES)
        run(
            ["kaoqin-cloud", "user", "add", login, "--role", role, "--password-stdin"],
            give=f"{passwords[login]}\n",
        )
    made = Secrets(passwords, run(["kaoqin-cloud", "user", "token", "story"]).strip())
    path = site.directory / SECRETS_FILE
    path.touch(mode=_PRIVATE)
    path.write_text(json.dumps(asdict(made)))
    return made


def known_secrets(site: Site) -> Secrets:
    """What :func:`fill` made for this site."""
    return Secrets(**json.loads((site.directory / SECRETS_FILE).read_text()))


def put_in(site: Site, kind: str, path: Path) -> None:
    """Import one office file; every row of it must be taken."""
    site.processes.run(["kaoqin-cloud", "import", kind, str(path)])


def start_broker(site: Site) -> None:
    """Start the broker, in a process that can be killed without the cloud."""
    site.processes.start("broker", ["python", "-m", "scripts.story", "broker", str(site.broker_port)])


def start_cloud(site: Site, token: str) -> Cloud:
    """Start the service and wait until it says that it can work."""
    site.processes.start("cloud", ["kaoqin-cloud", "serve"])
    cloud = Cloud(site.url, token)
    wait_for("the cloud", lambda: cloud.is_ready() or None, seconds=READY_S, alive=site.processes.check)
    return cloud


def claim_doors(site: Site) -> None:
    """Let every door join by a one-time code."""
    for place, name in enumerate(DOORS):
        code = site.processes.run(["kaoqin-cloud", "terminal", "add", name, "--site", SITE]).strip()
        state = str(site.door(place))
        site.processes.run(["kaoqin-edge", "claim", code, "--cloud", site.url, "--state", state])


def move_doors(site: Site) -> None:
    """Tell claimed doors where the cloud is now: a demo may be started on another port."""
    for place in range(len(DOORS)):
        save_identity(site.door(place), Identity(site.url, site.identity(place).claimed))


def roster(site: Site) -> dict[str, PersonId]:
    """Ids by employee number, as a door learns them."""
    identity = site.identity(0)
    known = fetch_roster(identity.cloud_url, identity.claimed.token, "")
    if isinstance(known, Unchanged):
        raise StoryFailed("the cloud has no roster")
    return {person.employee_no: PersonId(person.person_id) for person in known.people}


def open_ledger(site: Site, place: int, *, past: bool = False) -> Ledger:
    """The ledger of a door; ``past``: as in an earlier boot of it."""
    machine = this_machine(site.door(place))
    if past:
        machine = replace(machine, boot_id="the past")
    return Ledger(site.door(place) / LEDGER_FILE, site.identity(place).terminal_id, machine)


def write_past(site: Site, story: Story, people: Mapping[str, PersonId], presses: tuple[Press, ...]) -> int:
    """Write ``presses`` into the ledgers of their doors; how many."""
    written = 0
    for place in range(len(DOORS)):
        at_door = [press for press in presses if press.door == place]
        with open_ledger(site, place, past=True) as ledger:
            written += write_history(ledger, at_door, people, Random(f"ids {story.seed} {place}"))
    return written


def open_other_door(site: Site, place: int, people: int) -> OtherDoor:
    """Run one of the doors that have neither camera nor sensor here."""
    identity = site.identity(place)
    login = Login(identity.terminal_id, identity.claimed.token, site.broker_url)
    door = OtherDoor(open_ledger(site, place), login, Report(clock=ClockQuality.SYNCED, people=people))
    door.open()
    return door


def start_sensor(site: Site) -> None:
    """Start the emulated fingerprint sensor of the first door."""
    site.processes.start(
        "sensor",
        [
            *("kaoqin-bridge", "emulate", "--profile", "R307", "--link", str(site.sensor)),
            *("--library", str(site.directory / "fingers"), "--control", str(site.sensor_control)),
        ],
    )
    wait_for(
        "the sensor",
        lambda: site.sensor.exists() and site.sensor_control.exists(),
        seconds=READY_S,
        alive=site.processes.check,
    )


def start_terminal(site: Site) -> None:
    """Start the first door: camera, sensor, keys, screen."""
    site.processes.start(
        "terminal",
        [
            *("kaoqin-edge", "run", "--state", str(site.door(0))),
            *("--camera", f"replay:{site.camera_control}", "--sensor", str(site.sensor)),
            *("--kiosk-port", str(site.kiosk_port), "--broker-url", site.broker_url),
        ],
    )
    wait_for(
        "the terminal",
        site.camera_control.exists,
        seconds=READY_S,
        alive=site.processes.check,
    )

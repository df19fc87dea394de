"""The agent: one process, a thread for each part, and how a punch walks between them.

camera -> face  \
    sensor -> finger > identification -> recorder -> ledger -> uplink -> cloud
keys   -> PIN   /                        \
                                               -> what the screen says
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import assert_never

import structlog

from edge.errors import EdgeError
from edge.health.clock_quality import judge, kernel_is_synchronised
from edge.health.machine import this_machine
from edge.identification import Identification, Identified, Unknown, Unsure
from edge.punch import rows
from edge.punch.ledger import Ledger
from edge.punch.recorder import Outcome, PunchRecorder
from edge.roster.identity import load_identity
from edge.roster.refresher import RosterRefresher
from edge.roster.store import RosterStore
from edge.settings import EdgeSettings
from edge.sync.mqtt import Login
from edge.sync.uplink import Report, Uplink
from models.clock import Clock, SystemClock
from models.punch import ClockQuality
from models.wire.messages import DesiredState

LEDGER_FILE = "punches.db"
_CHORES_EVERY_S = 24 * 3600.0

log = structlog.get_logger(__name__)


def app_version() -> str:
    """The version of the installed distribution."""
    try:
        return version("kaoqin")
    except PackageNotFoundError:
        return ""


@dataclass(frozen=True, slots=True)
class Said:
    """What the screen shows of one identification: ``outcome`` if it was one, else that nobody is known."""

    identification: Identification
    outcome: Outcome | None


class Agent:
    """Every part of one terminal, from :meth:`start` until :meth:`stop`.

    Raises:
        CannotStart: somebody has to act first; the message says how.
    """

    def __init__(self, settings: EdgeSettings, clock: Clock) -> None:
        self._clock = clock
        identity = load_identity(settings.state)
        self.roster = RosterStore(settings.state)
        self.ledger = Ledger(settings.state / LEDGER_FILE, identity.terminal_id, this_machine())
        self._newest_synced_ms = self.ledger.write(rows.newest_synced_ms)
        self.recorder = PunchRecorder(
            self.ledger, clock, self.clock_quality, repeat_window_s=settings.repeat_window_s
        )
        self.refresher = RosterRefresher(self.roster, identity)
        broker_url = settings.broker_url or identity.claimed.broker_url
        self.uplink = Uplink(
            self.ledger,
            Login(identity.terminal_id, identity.claimed.token, broker_url),
            clock,
            report=self.report,
            on_want=self._wanted,
        )
        self._stopping = threading.Event()
        self._chores = threading.Thread(target=self._do_chores, name="chores", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self.uplink.start()
        self.refresher.start()
        self._chores.start()
        log.info("agent_started", version=app_version(), waiting=self.uplink.waiting())

    def stop(self) -> None:
        """Stop the parts that make punches first, then those that deliver; nothing stored is lost."""
        self._stopping.set()
        self.refresher.stop()
        self.uplink.stop()
        self.ledger.close()
        log.info("agent_stopped")

    def identified(self, identification: Identification) -> Said:
        """Make the punch, if somebody was identified. From any thread."""
        match identification:
            case Identified():
                said = Said(identification, self.recorder.record(identification))
            case Unsure() | Unknown():
                said = Said(identification, None)
            case _:
                assert_never(identification)
        outcome = type(said.outcome).__name__ if said.outcome else type(identification).__name__
        log.info("identification_answered", method=identification.method.name.lower(), answer=outcome)
        return said

    def clock_quality(self) -> ClockQuality:
        """How far the wall clock can be trusted now."""
        return judge(
            wall_ms=self._clock.wall_ms(),
            synchronised=kernel_is_synchronised(),
            offset_ms=self.uplink.offset_ms,
            newest_synced_ms=self._newest_synced_ms,
        )

    def report(self) -> Report:
        """What the terminal says of itself to the cloud."""
        roster = self.roster.current
        return Report(
            clock=self.clock_quality(),
            people=len(roster.people),
            roster_version=roster.version,
            app_version=app_version(),
        )

    def _wanted(self, want: DesiredState) -> None:
        self.refresher.announced(want.roster_version)

    def _do_chores(self) -> None:
        while True:
            try:
                removed = self.ledger.prune(self._clock.wall_ms())
            except EdgeError as error:
                log.warning("ledger_not_pruned", reason=str(error))
            else:
                log.info("ledger_pruned", removed=removed)
            if self._stopping.wait(_CHORES_EVERY_S):
                return


def run(settings: EdgeSettings, *, ready: Callable[[Agent], None] = lambda _: None) -> None:
    """Run the agent until SIGTERM or SIGINT. ``ready`` is called once everything has started.

    Raises:
        CannotStart: see :class:`Agent`.
    """
    leave = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave.set())
    agent = Agent(settings, SystemClock())
    try:
        agent.start()
        ready(agent)
        leave.wait()
    finally:
        agent.stop()

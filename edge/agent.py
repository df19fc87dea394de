r"""The agent: one process, a thread for each part, and how a punch walks between them.

::

    camera -> face ---\
    sensor -> finger ---> door -> recorder -> ledger -> uplink -> cloud
    keys ---> PIN ----/    |
                           +--> screen, once the punch is durable
"""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from typing import Protocol

import structlog

from edge.door import Door
from edge.enrol.gallery import Gallery, open_gallery
from edge.errors import EdgeError, TryAgain
from edge.finger.worker import FingerWorker
from edge.health.clock_quality import IS_OFF_MS, judge, kernel_is_synchronised
from edge.health.machine import this_machine
from edge.health.parts import NONE, Absent, Supervised, Worker
from edge.health.storage import Reserve, StorageWatch
from edge.identification import Identification
from edge.kiosk.screen import Conditions, Screen
from edge.kiosk.server import Kiosk, Wiring
from edge.pin.check import PinDesk
from edge.punch import rows
from edge.punch.ledger import Ledger
from edge.punch.recorder import PunchRecorder
from edge.punch.signing import ledger_key
from edge.roster.certificate import certificate_path
from edge.roster.identity import load_identity
from edge.roster.refresher import RosterRefresher
from edge.roster.renewal import CertificateKeeper
from edge.roster.store import RosterStore
from edge.settings import EdgeSettings
from edge.sync.link import Login
from edge.sync.mqtt import parse_broker
from edge.sync.uplink import Report, Uplink
from edge.version import app_version
from models.clock import Clock, SystemClock
from models.crashpoint import crashpoint
from models.punch import ClockQuality
from models.wire.messages import DesiredState

LEDGER_FILE = "punches.db"
_COUNT_EVERY_S = 10.0
_PRUNE_EVERY_MS = 24 * 3600 * 1000
_RENEW_EVERY_MS = 600 * 1000

log = structlog.get_logger(__name__)


class Eye(Worker, Protocol):
    """The face worker, as far as the screen needs it."""

    def latest_frame(self) -> bytes | None:
        """The newest picture as JPEG, or None while there is none."""
        ...


class Agent:
    """Every part of one terminal, from :meth:`start` until :meth:`stop`.

    Raises:
        CannotStart: somebody has to act first; the message says how.
    """

    def __init__(self, settings: EdgeSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._version = app_version()
        self._identity = identity = load_identity(settings.state)
        self._roster = RosterStore(settings.state)
        self._ledger = Ledger(
            settings.state / LEDGER_FILE, identity.terminal_id, this_machine(settings.state)
        )
        self._storage = StorageWatch(settings.state, Reserve(settings.state))
        self._newest_synced_ms = self._ledger.write(rows.newest_synced_ms)
        self._refresher = RosterRefresher(self._roster, identity, clock)
        self._certificate = CertificateKeeper(settings.state, identity, ledger_key(settings.state).public)
        broker_url = settings.broker_url or identity.claimed.broker_url
        self._broker_has_tls = parse_broker(broker_url).tls
        self._uplink = Uplink(
            self._ledger,
            Login(
                identity.terminal_id,
                identity.claimed.token,
                broker_url,
                certificate_path(settings.state, identity.terminal_id),
                identity.cloud_url,
            ),
            clock,
            report=self._report,
            on_want=self._wanted,
        )
        self._door = Door(
            PunchRecorder(self._ledger, clock, self._clock_quality, repeat_window_s=settings.repeat_window_s),
            self._roster,
        )
        self._gallery: Gallery | None = None
        self._gallery_lock = threading.Lock()
        self._coverage = (0, 0)
        self._camera: Supervised[Eye] | Absent = Absent("camera")
        if settings.camera != NONE:
            self._camera = Supervised("camera", self._build_face)
        self._sensor: Supervised[FingerWorker] | Absent = Absent("sensor")
        if settings.sensor != NONE:
            self._sensor = Supervised("sensor", self._build_finger)
        wiring = Wiring(
            pin_desk=PinDesk(lambda: self._roster.current, clock),
            on_result=self._identified,
            on_not_me=self._door.disown,
            latest_frame=self._latest_frame,
            conditions=self._conditions,
        )
        self._kiosk = Kiosk(settings.kiosk_port, Screen(settings.names), wiring, clock)
        self._stopping = threading.Event()
        self._chores = threading.Thread(target=self._do_chores, name="chores", daemon=True)

    def start(self) -> None:
        """Begin; once.

        Raises:
            CannotStart: the kiosk's port is taken.
        """
        self._kiosk.start()
        self._uplink.start()
        self._refresher.start()
        self._camera.start()
        self._sensor.start()
        self._chores.start()
        log.info("agent_started", version=self._version, kiosk=self._kiosk.address)

    def stop(self) -> None:
        """Stop what makes punches, then what delivers them; nothing stored is lost."""
        self._stopping.set()
        self._kiosk.stop()
        self._camera.stop()
        self._sensor.stop()
        self._refresher.stop()
        self._uplink.stop()
        has_run = self._chores.ident is not None
        if has_run:
            self._chores.join()
        if self._gallery is not None:
            self._gallery.close()
        self._ledger.close()
        if has_run:
            log.info("agent_stopped")

    # -- parts -----------------------------------------------------------------------------------------------

    def _build_face(self) -> Eye:
        # OpenCV costs 30 MB: only a terminal with a camera loads it.
        from edge.camera.source import open_camera
        from edge.face.engine import FaceEngine
        from edge.face.worker import FaceWorker

        engine = FaceEngine.open()
        gallery = self._open_gallery()
        camera = open_camera(self._settings.camera)
        return FaceWorker(
            camera, engine, gallery, self._identified, self._clock, on_presence=self._kiosk.presence
        )

    def _build_finger(self) -> FingerWorker:
        return FingerWorker(self._settings.sensor, self._open_gallery(), self._identified, self._clock)

    def _open_gallery(self) -> Gallery:
        with self._gallery_lock:
            if self._gallery is None:
                self._gallery = open_gallery(self._settings.state)
            return self._gallery

    def _latest_frame(self) -> bytes | None:
        worker = None if isinstance(self._camera, Absent) else self._camera.worker
        return None if worker is None else worker.latest_frame()

    # -- what happens ----------------------------------------------------------------------------------------

    def _identified(self, identification: Identification) -> None:
        self._kiosk.show(self._door.answer(identification))
        crashpoint("punch_shown")

    def _wanted(self, want: DesiredState) -> None:
        self._refresher.announced(want.roster_version)

    def _do_chores(self) -> None:
        prune_due_ms = renew_due_ms = self._clock.monotonic_ms()
        while True:
            # Counting is for the cloud's list of terminals: what cannot be counted now stays as it was.
            with suppress(TryAgain):
                self._coverage = self._count_coverage()
            self._storage.look()
            if self._clock.monotonic_ms() >= prune_due_ms:
                self._prune()
                prune_due_ms = self._clock.monotonic_ms() + _PRUNE_EVERY_MS
            if self._clock.monotonic_ms() >= renew_due_ms:
                self._renew_certificate()
                renew_due_ms = self._clock.monotonic_ms() + _RENEW_EVERY_MS
            if self._stopping.wait(_COUNT_EVERY_S):
                return

    def _count_coverage(self) -> tuple[int, int]:
        """How many people are enrolled with a face, and how many with a finger."""
        if self._gallery is None:
            return 0, 0
        held = self._gallery.holdings()
        return sum(each.faces > 0 for each in held), sum(bool(each.fingers) for each in held)

    def _renew_certificate(self) -> None:
        """A clock that knows nothing cannot say what is due; a broker without TLS asks for no certificate."""
        if self._broker_has_tls and self._clock_quality() is not ClockQuality.UNTRUSTED:
            self._certificate.look(self._clock.wall_ms())

    def _prune(self) -> None:
        try:
            removed = self._ledger.prune()
        except EdgeError as error:
            log.warning("ledger_not_pruned", reason=str(error))
        else:
            log.info("ledger_pruned", removed=removed)

    # -- how it is -------------------------------------------------------------------------------------------

    def _clock_quality(self) -> ClockQuality:
        return judge(
            wall_ms=self._clock.wall_ms(),
            synchronised=kernel_is_synchronised(),
            offset_ms=self._uplink.offset_ms,
            newest_synced_ms=self._newest_synced_ms,
        )

    def _report(self) -> Report:
        roster = self._roster.current
        faces, fingers = self._coverage
        return Report(
            clock=self._clock_quality(),
            parts=(self._camera.health(), self._sensor.health(), self._storage.health()),
            people=len(roster.people),
            faces=faces,
            fingers=fingers,
            roster_version=roster.version,
            app_version=self._version,
        )

    def _conditions(self) -> Conditions:
        roster = self._roster.current
        return Conditions(
            site=roster.site or self._identity.claimed.site,
            zone=roster.zone if roster.version else self._identity.claimed.zone,
            is_online=self._uplink.answered,
            waiting=self._uplink.pending,
            camera=self._camera.health().health,
            sensor=self._sensor.health().health,
            is_clock_set=self._clock_quality() is not ClockQuality.UNTRUSTED,
            is_clock_off=abs(self._uplink.offset_ms or 0) > IS_OFF_MS,
            storage=self._storage.health().health,
        )


def run(settings: EdgeSettings) -> None:
    """Run the agent until SIGTERM or SIGINT.

    Raises:
        CannotStart: see :class:`Agent`.
    """
    leave = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave.set())
    agent = Agent(settings, SystemClock())
    try:
        agent.start()
        leave.wait()
    finally:
        agent.stop()

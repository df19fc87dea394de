"""``kaoqin-edge doctor``: is everything there that this terminal needs?"""

from __future__ import annotations

import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge.agent import LEDGER_FILE
from edge.errors import EdgeError, LedgerBusy
from edge.health.clock_quality import NOT_BEFORE_MS, kernel_is_synchronised
from edge.health.machine import this_machine
from edge.health.parts import NONE
from edge.health.storage import FULL
from edge.punch.history import read_history
from edge.punch.ledger import Ledger
from edge.punch.proving import verify
from edge.punch.signing import kept_key
from edge.roster.certificate import BadCertificate, certificate_path, read_certificate
from edge.roster.cloud import Unchanged, fetch_roster
from edge.roster.identity import Identity, load_identity
from edge.settings import EdgeSettings
from edge.sync.mqtt import parse_broker
from edge.sync.tls import broker_context, explain, try_handshake
from models.clock import Clock, from_ms

FREE_MIN_BYTES = 100 * 1024 * 1024
_CONNECT_S = 5.0
_FRAMES = 40
_RENEWAL_GRACE_MS = 7 * 86_400_000
_IN_USE = "in use by the running agent"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it is good, and why."""

    subject: str
    is_good: bool
    text: str


def examine(settings: EdgeSettings, clock: Clock) -> Iterator[Finding]:
    """Look at one thing after the other; nothing raises for what it finds."""
    try:
        identity = load_identity(settings.state)
        yield Finding("claim", is_good=True, text=f"{identity.terminal_id} at {identity.claimed.site}")
    except EdgeError as error:
        yield Finding("claim", is_good=False, text=str(error))
        return
    running = False
    try:
        text = _ledger(settings, identity)
        yield Finding("ledger", is_good=True, text=text)
    except LedgerBusy:
        running = True
        yield _look("ledger", lambda: f"{_IN_USE}; {_counts(settings)}")
    except EdgeError as error:
        yield Finding("ledger", is_good=False, text=str(error))
    yield _look("proof", lambda: _proof(settings))
    yield _disk(settings)
    yield _clock(clock)
    yield _part("camera", settings.camera, lambda: _camera(settings), running=running)
    yield _part("sensor", settings.sensor, lambda: _sensor(settings, clock), running=running)
    broker_url = settings.broker_url or identity.claimed.broker_url
    certificate = certificate_path(settings.state, identity.terminal_id)
    if certificate.exists() or broker_url.startswith("mqtts:"):
        yield _certificate(certificate, clock)
    yield _look("broker", lambda: _broker(broker_url, certificate, clock))
    yield _look("cloud", lambda: _cloud(identity))


def _look(subject: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, is_good=True, text=check())
    except (BadCertificate, EdgeError, OSError, ValueError) as error:
        return Finding(subject, is_good=False, text=str(error))


def _part(subject: str, spec: str, check: Callable[[], str], *, running: bool) -> Finding:
    if spec == NONE:
        return Finding(subject, is_good=True, text="none fitted")
    if running:
        return Finding(subject, is_good=True, text=_IN_USE)
    return _look(subject, check)


def _ledger(settings: EdgeSettings, identity: Identity) -> str:
    # Opening it is the check: pragmas read back, every page looked at.
    with Ledger(settings.state / LEDGER_FILE, identity.terminal_id, this_machine(settings.state)):
        pass
    return f"write-ahead log, full syncs; {_counts(settings)}"


def _counts(settings: EdgeSettings) -> str:
    counts, _ = read_history(settings.state / LEDGER_FILE, 0)
    return f"{counts.punches} punches, {counts.waiting} waiting, {counts.refused} refused"


def _proof(settings: EdgeSettings) -> str:
    proved = verify(settings.state / LEDGER_FILE, kept_key(settings.state).public)
    if proved.faults:
        raise ValueError("the ledger is NOT as this terminal wrote it: kaoqin-edge punches verify says where")
    return f"{proved.punches} punches as this terminal wrote them"


def _disk(settings: EdgeSettings) -> Finding:
    usage = shutil.disk_usage(settings.state)
    is_good = usage.free >= FREE_MIN_BYTES and usage.used < FULL * (usage.used + usage.free)
    return Finding("disk", is_good, f"{usage.free // 1024 // 1024} MB free")


def _clock(clock: Clock) -> Finding:
    wall_ms = clock.wall_ms()
    how = "synchronised" if kernel_is_synchronised() else "not synchronised by NTP"
    text = f"{from_ms(wall_ms).isoformat(timespec='seconds')}, {how}"
    return Finding("clock", wall_ms >= NOT_BEFORE_MS, text)


def _camera(settings: EdgeSettings) -> str:
    from edge.camera.frame import Frame, NoFrame
    from edge.camera.source import open_camera

    reason = "no picture"
    with closing(open_camera(settings.camera)) as camera:
        for _ in range(_FRAMES):
            match camera.read():
                case Frame(picture):
                    return f"{picture.shape[1]}x{picture.shape[0]}"
                case NoFrame(why):
                    reason = why
                case _:
                    break
    raise ValueError(reason)


def _sensor(settings: EdgeSettings, clock: Clock) -> str:
    from edge.finger.enrolment import FingerDesk

    with FingerDesk(settings.sensor, clock):
        return f"answers on {settings.sensor}"


def _certificate(path: Path, clock: Clock) -> Finding:
    if not path.exists():
        text = "none yet: a running agent asks the cloud for one"
        return Finding("certificate", is_good=False, text=text)
    try:
        facts = read_certificate(path)
    except BadCertificate as error:
        return Finding("certificate", is_good=False, text=str(error))
    now_ms, text = clock.wall_ms(), f"good until {facts.not_after:%Y-%m-%d}"
    if now_ms >= facts.not_after_ms:
        text = f"expired on {facts.not_after:%Y-%m-%d}: a running agent asks the cloud for another"
    elif now_ms >= facts.renew_ms + _RENEWAL_GRACE_MS:
        text += f", and renewal has been due since {from_ms(facts.renew_ms):%Y-%m-%d}"
    else:
        return Finding("certificate", is_good=True, text=text)
    return Finding("certificate", is_good=False, text=text)


def _broker(url: str, certificate: Path, clock: Clock) -> str:
    broker = parse_broker(url)
    if broker.tls:
        context = broker_context(certificate if certificate.exists() else None, clock.wall_ms())
        try:
            version = try_handshake(broker.host, broker.port, context, _CONNECT_S)
        except ssl.SSLError as error:
            raise OSError(explain(str(error))) from error
        return f"{broker.host}:{broker.port} accepts this terminal by {version}"
    with socket.create_connection((broker.host, broker.port), _CONNECT_S):
        return f"{broker.host}:{broker.port} accepts connections"


def _cloud(identity: Identity) -> str:
    roster = fetch_roster(identity.cloud_url, identity.claimed.token, "")
    people = 0 if isinstance(roster, Unchanged) else len(roster.people)
    return f"{identity.cloud_url} knows this terminal and {people} people for it"

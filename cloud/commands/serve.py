"""``serve``, ``ingest`` and ``migrate``: the service itself."""

from __future__ import annotations

import gc
import signal
import socket
import threading

import uvicorn

from cloud.app import Service, application
from cloud.commands.console import log_to_stderr, say
from cloud.commands.errors import NoBroker, PortTaken
from cloud.database import fill, open_database
from cloud.db.engine import Database
from cloud.db.migrate import migrate
from cloud.feed import Feed
from cloud.ingest.address import parse
from cloud.ingest.broker import BrokerNotStarted
from cloud.ingest.worker import IngestWorker
from cloud.settings import Settings
from models.clock import Clock

_GOODBYE_S = 5
_OBJECTS_A_COLLECTION = 50_000


def serve(settings: Settings, clock: Clock) -> int:
    """Serve until SIGTERM or SIGINT."""
    listening = _listen(settings.host, settings.port)
    with listening:
        service = _service(settings, clock)
        log_to_stderr()
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            application(service),
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=_GOODBYE_S,
        )
        server = uvicorn.Server(config)

        def leave(*_: object) -> None:
            # uvicorn listens to signals once it runs, and raises them again when it has stopped.
            server.should_exit = True

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, leave)
        collect_seldom()
        say(f"Kaoqin is at http://{settings.host}:{port} (terminals: {service.broker_url})")
        server.run(sockets=[listening])
        return 0 if server.started else 1


def ingest(settings: Settings, clock: Clock) -> int:
    """Only take punches: one of any number of workers on one database and one broker."""
    address = parse(settings.broker_url, settings.worker_certificate)
    if address.embedded:
        raise NoBroker("a worker needs a broker of its own: say --broker-url mqtt://HOST or mqtts://HOST")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    database = open_database(settings, clock)
    try:
        log_to_stderr()
        collect_seldom()
        worker = IngestWorker(database, Feed(), clock, settings.tzinfo, address)
        worker.start()
        say(f"Taking punches from {address.public_url}")
        stop.wait()
        worker.stop()
    finally:
        database.close()
    return 0


def bring_up_to_date(settings: Settings, clock: Clock) -> int:
    """Bring the database to this release, and fill it if it is empty."""
    database = Database(settings.database)
    try:
        new = migrate(database)
        fill(database, settings, clock)
    finally:
        database.close()
    say("made a new database" if new else "the database is up to date")
    return 0


def collect_seldom() -> None:
    """Look for garbage in fewer and smaller piles.

    A group of punches is many small tuples without a cycle: looking for one takes a tenth of the time. What
    is there at the start stays, and to look through it takes 50 ms in which no punch is judged.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS_A_COLLECTION)


def _service(settings: Settings, clock: Clock) -> Service:
    try:
        return Service(settings, clock)
    except BrokerNotStarted as error:
        raise NoBroker(str(error)) from error


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise PortTaken(f"cannot serve at {host}:{port}: {error.strerror or error}") from error

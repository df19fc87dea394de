"""Composition root: the parts of the service, put together and taken apart in order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import structlog
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware.gzip import GZipMiddleware
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cloud.attendance.worker import RecomputeWorker
from cloud.database import fill, open_database
from cloud.feed import Feed
from cloud.ingest import address
from cloud.ingest.broker import EmbeddedBroker
from cloud.ingest.tls import certificate_end
from cloud.ingest.worker import IngestWorker
from cloud.settings import Settings
from cloud.terminals.authority import Authority
from cloud.terminals.brokerfiles import BrokerFilesUnwritable, write_revoked
from cloud.terminals.certificates import Signer
from cloud.terminals.signpost import Signpost
from cloud.terminals.tries import Tries
from cloud.web import problems
from cloud.web.api import facts, health, office, terminal
from cloud.web.api.context import Context
from cloud.web.pages.router import add_pages
from models.clock import Clock, SystemClock, from_ms

_CLAIM_TRIES_EACH = 5
_CLAIM_TRIES_ALL = 50
_CLAIM_WINDOW_MS = 10 * 60_000
_GZIP_MIN_BYTES = 1_000
_CERTIFICATE_WARNING = timedelta(days=60)

log = structlog.get_logger()


class Service:
    """Everything that runs beside the web: broker, ingest, and what they tell the pages."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Open the database and start the embedded broker, so that what can fail fails here.

        Raises:
            BadBrokerUrl: the broker's address cannot be used.
            BadWorkerCertificate: the certificate for it cannot be used.
            BrokerNotStarted: the embedded broker cannot listen.
            DatabaseUnavailable, DatabaseNewer, DatabaseOlder: see ``open_database``.
        """
        self.settings = settings
        self.clock = clock
        self._address = address.parse(settings.broker_url, settings.worker_certificate)
        certificate = self._address.certificate
        self._certificate_end = None if certificate is None else certificate_end(certificate)
        self._broker = EmbeddedBroker(self._address) if self._address.embedded else None
        if self._broker is not None:
            self._address = self._broker.address
        self.database = open_database(settings, clock)
        fill(self.database, settings, clock)
        if self._broker is not None:
            self._broker.start()
        self.feed = Feed()
        self.ingest = IngestWorker(
            self.database, self.feed, clock, settings.tzinfo, self._address, listens=settings.ingest
        )
        self._recompute = RecomputeWorker(self.database, self.feed, clock, settings.tzinfo)
        self._signpost = Signpost(self.database, self.ingest, clock, settings.tzinfo)

    @property
    def broker_url(self) -> str:
        """What terminals are told."""
        return self.settings.public_broker_url or self._address.public_url

    def start(self) -> None:
        """Start every thread."""
        self.ingest.start()
        self._signpost.start()
        self._recompute.start()
        log.info("service_started", broker=self.broker_url)
        self._look_at_certificate()

    def _look_at_certificate(self) -> None:
        """The broker's certificate ends with ours: both were made at once."""
        if self._certificate_end is not None:
            left = self._certificate_end - from_ms(self.clock.wall_ms())
            if left < _CERTIFICATE_WARNING:
                log.warning("broker_certificate_ends", on=self._certificate_end.date().isoformat())

    def stop(self) -> None:
        """Stop taking messages, store what was taken, then stop and close the rest."""
        self._recompute.stop()
        self._signpost.stop()
        self.ingest.stop()
        if self._broker is not None:
            self._broker.stop()
        self.database.close()
        log.info("service_stopped")

    def ailments(self) -> dict[str, str]:
        """Why the service cannot do its work, by part; empty if it can."""
        found: dict[str, str] = {}
        if not self.ingest.connected:
            found["broker"] = "not connected"
        if self.ingest.failing is not None:
            found["ingest"] = f"the last commit failed: {self.ingest.failing}"
        if self._recompute.failing is not None:
            found["recompute"] = f"the last round failed: {self._recompute.failing}"
        try:
            with self.database.read() as connection:
                connection.execute(text("SELECT 1"))
        except DBAPIError as error:
            found["database"] = type(error.orig).__name__
        return found


def create_app(settings: Settings, clock: Clock | None = None) -> FastAPI:
    """The whole service as one application; see ``Service`` for what it raises."""
    return application(Service(settings, clock or SystemClock()))


def application(service: Service) -> FastAPI:
    """Pages and API over ``service``, which starts and stops with it.

    Raises:
        AuthorityUnusable: the site's authority cannot be read or made.
    """
    settings = service.settings
    authority = Authority.open(settings.state, service.clock.wall_ms())
    signer = Signer(authority, settings.certificate_life)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(service.start)
        try:
            yield
        finally:
            await run_in_threadpool(service.stop)

    app = FastAPI(title="Kaoqin", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=_GZIP_MIN_BYTES)
    app.state.context = Context(
        database=service.database,
        feed=service.feed,
        clock=service.clock,
        zone=settings.tzinfo,
        ingest=service.ingest,
        signer=signer,
        revocations=partial(_write_revoked, service, signer.authority),
        claims=Tries(service.clock, _CLAIM_TRIES_EACH, _CLAIM_TRIES_ALL, _CLAIM_WINDOW_MS),
        broker_url=lambda: service.broker_url,
        ailments=service.ailments,
    )
    problems.install(app)
    app.include_router(health.router)
    app.include_router(terminal.router)
    app.include_router(facts.router)
    app.include_router(office.router)
    add_pages(app, service.database, service.feed, service.clock, settings.tzinfo)
    return app


def _write_revoked(service: Service, authority: Authority) -> None:
    """For a broker of this site's own; another one, or one out of reach, learns it from people."""
    try:
        with service.database.read() as connection:
            write_revoked(connection, service.settings.broker_files, authority, service.clock.wall_ms())
    except BrokerFilesUnwritable as error:
        log.warning("broker_files_not_written", reason=str(error))

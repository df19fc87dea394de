"""The uplink without a broker of use, against the real service: the same batches, by HTTPS."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from cloud.app import create_app
from cloud.db.engine import Database
from cloud.db.tables import punches, terminals
from cloud.settings import Settings
from cloud.web.api.context import Context
from edge.health.machine import Machine
from edge.punch.ledger import Ledger
from edge.punch.rows import Draft
from edge.sync import core, links, ways
from edge.sync.link import Login
from edge.sync.outbox import Outbox
from edge.sync.uplink import Uplink
from models import ids
from models.ids import PersonId
from models.punch import ClockQuality, Method
from tests.integration.peers import CLOCK, TERMINAL, CloudPeer, Mosquitto, free_port, wait_for
from tests.terminals import add_person, add_terminal
from tests.unit.cloud.api.conftest import serving

TOKEN = f"token of {TERMINAL}"


@dataclass
class Cloud:
    """The real service, whose own broker is out of its reach."""

    url: str
    database: Database

    def stored(self) -> int:
        with self.database.read() as connection:
            return len(connection.execute(select(punches.c.punch_id)).all())

    def state(self) -> str:
        with self.database.read() as connection:
            return connection.execute(select(terminals.c.state)).scalar_one() or ""

    def online(self) -> bool:
        with self.database.read() as connection:
            return bool(connection.execute(select(terminals.c.online)).scalar_one())


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with service(tmp_path / "cloud") as running:
        yield running


@contextmanager
def service(state: Path) -> Iterator[Cloud]:
    state.mkdir()
    app = create_app(Settings(state=state, broker_url=f"mqtt://127.0.0.1:{free_port()}"))
    context = app.state.context
    assert isinstance(context, Context)
    with context.database.write() as connection:
        add_terminal(connection, TERMINAL)
        add_person(connection, "p-1")
    with serving(app) as url:
        yield Cloud(url, context.database)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "punches.db", TERMINAL, Machine("machine-1", "boot-1")) as opened:
        yield opened


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "OUTAGE_MS", 200)
    monkeypatch.setattr(ways, "SILENCE_MS", 200)
    monkeypatch.setattr(links, "RECONNECT_LAST_S", 0.5)
    monkeypatch.setattr(links, "_MUTE_FIRST_S", 0.5)
    monkeypatch.setattr(links, "_MUTE_LAST_S", 0.5)
    monkeypatch.setattr(core, "RESEND_FIRST_MS", 500)


def drafts(count: int) -> list[Draft]:
    now = CLOCK.wall_ms()
    return [
        Draft(
            punch_id=ids.punch_id(now + number, os.urandom(10)),
            person_id=PersonId("p-1"),
            wall_ms=now + number,
            monotonic_ms=CLOCK.monotonic_ms(),
            clock=ClockQuality.SYNCED,
            method=Method.PIN,
        )
        for number in range(count)
    ]


def test_without_any_broker_everything_arrives_once_and_the_state_too(cloud: Cloud, ledger: Ledger):
    ledger.append_many(drafts(1_234))
    login = Login(TERMINAL, TOKEN, f"mqtt://127.0.0.1:{free_port()}", cloud_url=cloud.url)
    link = Uplink(ledger, login, CLOCK)

    assert link.run_until_drained(60)

    assert cloud.stored() == 1_234
    assert Outbox(ledger).waiting() == 0
    assert link.offset_ms is not None
    assert not cloud.online()  # its last word arrived too


def test_while_the_terminal_is_on_the_detour_the_cloud_knows_why(cloud: Cloud, ledger: Ledger):
    login = Login(TERMINAL, TOKEN, f"mqtt://127.0.0.1:{free_port()}", cloud_url=cloud.url)
    link = Uplink(ledger, login, CLOCK)
    link.start()

    wait_for(lambda: '"broker","away","[Errno 111] Connection refused"' in cloud.state())
    link.stop()


def test_a_broker_behind_which_nobody_answers_is_left_and_taken_up_again_when_somebody_does(
    cloud: Cloud, ledger: Ledger, broker: Mosquitto
):
    broker.start()
    ledger.append_many(drafts(3))
    login = Login(TERMINAL, TOKEN, f"mqtt://127.0.0.1:{broker.port}", cloud_url=cloud.url)
    link = Uplink(ledger, login, CLOCK)
    link.start()
    wait_for(lambda: cloud.stored() == 3)
    wait_for(lambda: Outbox(ledger).waiting() == 0)

    peer = CloudPeer(broker.port)
    peer.start()
    wait_for(lambda: link._links.in_use is ways.Way.MQTT)
    ledger.append_many(drafts(2))

    wait_for(lambda: {4, 5} <= {seq for _, seq in peer.stored})
    wait_for(lambda: Outbox(ledger).waiting() == 0)
    link.stop()
    peer.stop()
    assert cloud.stored() == 3


def test_the_broker_that_comes_back_is_used_and_https_is_left(
    cloud: Cloud, ledger: Ledger, broker: Mosquitto
):
    login = Login(TERMINAL, TOKEN, f"mqtt://127.0.0.1:{broker.port}", cloud_url=cloud.url)
    ledger.append_many(drafts(1))
    link = Uplink(ledger, login, CLOCK)
    link.start()
    wait_for(lambda: cloud.stored() == 1)
    wait_for(lambda: Outbox(ledger).waiting() == 0)

    broker.start()
    peer = CloudPeer(broker.port)
    peer.start()
    wait_for(lambda: link._links.in_use is ways.Way.MQTT)
    ledger.append_many(drafts(1))

    wait_for(lambda: len(peer.stored) == 1)
    wait_for(lambda: Outbox(ledger).waiting() == 0)
    link.stop()
    peer.stop()
    assert cloud.stored() == 1


def test_a_cloud_that_is_down_is_asked_ever_more_slowly_and_nothing_is_lost(tmp_path: Path, ledger: Ledger):
    """Behind the port is first something that is no cloud, then nothing, then the cloud."""
    asked: list[str] = []

    class Portal(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html>please log in</html>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    portal = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    threading.Thread(target=portal.serve_forever, args=(0.05,), daemon=True).start()
    ledger.append_many(drafts(5))
    nowhere = f"mqtt://127.0.0.1:{free_port()}"
    login = Login(TERMINAL, TOKEN, nowhere, cloud_url=f"http://127.0.0.1:{portal.server_port}")
    link = Uplink(ledger, login, CLOCK)
    with capture_logs() as logs:
        link.start()
        wait_for(lambda: len(asked) >= 4)
    assert not link.online
    assert set(asked) == {"/terminal/v1/state"}  # no punch is handed to what is no cloud
    complaints = [log for log in logs if log["event"] == "uplink_disconnected" and log["way"] == "https"]
    assert len(complaints) == 1
    assert "answered 200" in complaints[0]["reason"]
    link.stop()
    portal.shutdown()
    portal.server_close()
    assert Outbox(ledger).waiting() == 5

    with service(tmp_path / "cloud") as cloud:
        assert Uplink(ledger, Login(TERMINAL, TOKEN, nowhere, cloud_url=cloud.url), CLOCK).run_until_drained(
            60
        )
        assert cloud.stored() == 5


def test_a_revoked_terminal_keeps_its_punches_and_says_why_it_cannot_deliver(cloud: Cloud, ledger: Ledger):
    ledger.append_many(drafts(2))
    login = Login(TERMINAL, "another", f"mqtt://127.0.0.1:{free_port()}", cloud_url=cloud.url)
    link = Uplink(ledger, login, CLOCK)
    with capture_logs() as logs:
        link.start()
        wait_for(lambda: any(log.get("way") == "https" for log in logs))
    link.stop()

    assert cloud.stored() == 0
    assert Outbox(ledger).waiting() == 2
    (complaint,) = {log["reason"] for log in logs if log.get("way") == "https"}
    assert "401" in complaint

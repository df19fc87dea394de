"""A site with certificates: the real service, mosquitto as the product configures it, and real terminals."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import select
from structlog.testing import capture_logs

from cloud.app import create_app
from cloud.cli import main as cloud_command
from cloud.db.engine import Database
from cloud.db.tables import certificates, punches, quarantine, terminals
from cloud.settings import Settings
from cloud.terminals.authority import Request, new_key
from cloud.terminals.claim import issue_code
from cloud.web.api.context import Context
from edge.doctor import examine
from edge.health.machine import Machine
from edge.punch.ledger import Ledger
from edge.punch.rows import Draft
from edge.roster.certificate import certificate_path
from edge.roster.identity import Identity
from edge.roster.join import join
from edge.roster.renewal import CertificateKeeper
from edge.settings import load_settings
from edge.sync import links, ways
from edge.sync.link import Login
from edge.sync.outbox import Outbox
from edge.sync.tls import broker_context, try_handshake
from edge.sync.uplink import Uplink
from edge.sync.ways import Way
from models import ids
from models.ids import PersonId
from models.punch import ClockQuality, Method
from tests.integration.peers import CLOCK, wait_for
from tests.integration.tls_site import Client, TlsBroker, serial_of, tls_broker
from tests.terminals import add_person
from tests.unit.cloud.api.conftest import serving

REVOKED = "the broker says that this terminal's certificate was revoked"


@dataclass
class Site:
    broker: TlsBroker
    url: str
    database: Database

    def code(self, name: str = "North") -> str:
        with self.database.write() as connection:
            return issue_code(connection, name, "HQ", CLOCK.wall_ms())

    def stored(self) -> int:
        with self.database.read() as connection:
            return len(connection.execute(select(punches.c.punch_id)).all())

    def online(self) -> bool:
        with self.database.read() as connection:
            return bool(connection.execute(select(terminals.c.online)).scalars().first())


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[TlsBroker]:
    with tls_broker(tmp_path / "cloud") as made:
        yield made


@pytest.fixture
def site(broker: TlsBroker) -> Iterator[Site]:
    broker.start()
    settings = Settings(
        state=broker.state,
        broker_url=f"mqtts://127.0.0.1:{broker.worker_port}",
        public_broker_url=f"mqtts://127.0.0.1:{broker.port}",
        broker_directory=broker.directory,
    )
    app = create_app(settings)
    context = app.state.context
    assert isinstance(context, Context)
    with context.database.write() as connection:
        add_person(connection, "p-1")
    with serving(app) as url:
        wait_for(lambda: "broker" not in context.ailments())
        yield Site(broker, url, context.database)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "OUTAGE_MS", 300)
    monkeypatch.setattr(links, "RECONNECT_LAST_S", 0.5)


class Door:
    """A claimed terminal with its ledger."""

    def __init__(self, site: Site, state: Path, name: str = "North") -> None:
        self.state = state
        self.identity: Identity = join(state, site.url, site.code(name))
        self.ledger = Ledger(state / "punches.db", self.identity.terminal_id, Machine("machine-1", "boot-1"))
        self.broker_url = self.identity.claimed.broker_url

    @property
    def certificate(self) -> Path:
        return certificate_path(self.state, self.identity.terminal_id)

    def uplink(self) -> Uplink:
        identity = self.identity
        login = Login(
            identity.terminal_id,
            identity.claimed.token,
            self.broker_url,
            self.certificate,
            identity.cloud_url,
        )
        return Uplink(self.ledger, login, CLOCK)

    def punch(self, count: int) -> None:
        now = CLOCK.wall_ms()
        self.ledger.append_many(
            [
                Draft(
                    punch_id=ids.punch_id(now, os.urandom(10)),
                    person_id=PersonId("p-1"),
                    wall_ms=now,
                    monotonic_ms=CLOCK.monotonic_ms(),
                    clock=ClockQuality.SYNCED,
                    method=Method.PIN,
                )
                for _ in range(count)
            ]
        )

    def deliver(self) -> Way | None:
        """The way by which everything that waits got through."""
        link = self.uplink()
        link.start()
        wait_for(lambda: Outbox(self.ledger).waiting() == 0)
        way = link._links.in_use
        link.stop()
        return way

    def findings(self) -> dict[str, tuple[bool, str]]:
        settings = load_settings(state=self.state, broker_url=self.broker_url)
        return {one.subject: (one.is_good, one.text) for one in examine(settings, CLOCK)}

    def expire(self, site: Site) -> None:
        """As if it had been away for too long: its certificate, known to the cloud, ended a minute ago."""
        text = self.certificate.read_text()
        key_pem = text[: text.index("-----BEGIN CERT")]
        key = load_pem_private_key(key_pem.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        name, authority = self.identity.terminal_id, site.broker.authority
        request = Request(key.public_key())
        made = authority.certify_client(name, request, CLOCK.wall_ms(), timedelta(minutes=-1))
        self.certificate.write_text(key_pem + made.pem + authority.pem)
        with site.database.write() as connection:
            connection.execute(
                certificates.update().values(serial=made.serial, pem=made.pem, not_after_ms=made.not_after_ms)
            )


@pytest.fixture
def door(site: Site, tmp_path: Path) -> Iterator[Door]:
    made = Door(site, tmp_path / "door")
    yield made
    made.ledger.close()


def complaints(logs: Sequence[Mapping[str, object]]) -> list[object]:
    return [log["reason"] for log in logs if log["event"] == "uplink_disconnected" and log["way"] == "mqtt"]


def test_a_claimed_terminal_delivers_by_its_certificate_and_no_password(site: Site, door: Door):
    door.punch(234)

    assert door.deliver() is Way.MQTT

    assert site.stored() == 234
    assert f"u'{door.identity.terminal_id}'" in site.broker.log()
    assert door.findings()["certificate"][0]
    assert door.findings()["broker"] == (
        True,
        f"127.0.0.1:{site.broker.port} accepts this terminal by TLSv1.3",
    )


def test_a_broker_at_an_address_its_certificate_does_not_name_is_not_spoken_to(site: Site, door: Door):
    request, key = new_key()
    made = site.broker.authority.certify_server(["elsewhere.example"], request, CLOCK.wall_ms())
    (site.broker.directory / "server.key").write_bytes(key)
    (site.broker.directory / "server.crt").write_text(made.pem)
    site.broker.reload()
    door.punch(3)

    with capture_logs() as logs:
        assert door.deliver() is Way.HTTPS

    assert site.stored() == 3
    assert complaints(logs) == ["the broker's certificate is for another address"]
    assert door.findings()["broker"] == (False, "the broker's certificate is for another address")


def test_a_broker_of_another_authority_is_not_spoken_to(site: Site, door: Door, tmp_path: Path):
    with tls_broker(tmp_path / "another") as impostor:
        impostor.start()
        door.broker_url = f"mqtts://127.0.0.1:{impostor.port}"
        door.punch(3)

        with capture_logs() as logs:
            assert door.deliver() is Way.HTTPS

        assert complaints(logs) == ["the broker's certificate is not of this site's authority"]
        assert not door.findings()["broker"][0]
    assert site.stored() == 3


def test_an_expired_certificate_is_said_once_goes_by_https_and_is_renewed(site: Site, door: Door):
    door.expire(site)
    door.punch(3)

    with capture_logs() as logs:
        assert door.deliver() is Way.HTTPS

    (complaint,) = complaints(logs)
    assert str(complaint).startswith("this terminal's certificate expired on ")
    assert site.stored() == 3
    found = door.findings()
    assert not found["certificate"][0]
    assert "expired on" in found["certificate"][1]
    assert not found["broker"][0]

    assert CertificateKeeper(door.state, door.identity).look(CLOCK.wall_ms())
    door.punch(1)
    assert door.deliver() is Way.MQTT
    assert site.stored() == 4
    assert door.findings()["certificate"][0]


def test_the_broker_s_no_is_told_in_plain_words(site: Site, door: Door):
    """The certificate is good by the terminal's own clock, and the broker has it on its list."""
    authority = site.broker.authority
    now = CLOCK.wall_ms()
    crl = authority.revocation_list([(serial_of(door.certificate), now)], now)
    (site.broker.directory / "crl.pem").write_bytes(crl)
    site.broker.reload()
    door.punch(1)

    with capture_logs() as logs:
        assert door.deliver() is Way.HTTPS

    assert complaints(logs) == [REVOKED]
    assert door.findings()["broker"] == (
        False,
        REVOKED,
    )


def test_a_revoked_terminal_gets_nothing_through_and_keeps_its_punches(
    site: Site, door: Door, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KAOQIN_CLOUD_BROKER_DIRECTORY", str(site.broker.directory))
    client = Client(site.broker.port, door.certificate, door.identity.terminal_id)
    with closing(client.connect()) as still_open:
        assert cloud_command(["terminal", "revoke", "--state", str(site.broker.state), "North"]) == 0
        assert "systemctl reload mosquitto" in capsys.readouterr().err
        # Before the reload the broker still lets it in; the registry does not.
        still_open.publish(f"kaoqin/v1/{door.identity.terminal_id}/up", b"x")
        wait_for(lambda: quarantined(site) == 1)
    site.broker.reload()
    door.punch(2)
    link = door.uplink()

    with capture_logs() as logs:
        link.start()
        wait_for(lambda: any(log.get("way") == "https" for log in logs) and bool(complaints(logs)))
    link.stop()

    assert complaints(logs) == [REVOKED]
    assert Outbox(door.ledger).waiting() == 2
    assert site.stored() == 0


def quarantined(site: Site) -> int:
    with site.database.read() as connection:
        return len(connection.execute(select(quarantine)).all())


class Reset:
    """A clock that was never set."""

    def wall_ms(self) -> int:
        return 1_000_000

    def monotonic_ms(self) -> int:
        return CLOCK.monotonic_ms()


def test_a_terminal_that_believes_it_is_1970_still_reaches_its_broker_and_no_other(
    site: Site, door: Door, tmp_path: Path
):
    """Without a clock battery and without NTP its time comes from the cloud, by this very connection."""
    identity = door.identity
    login = Login(identity.terminal_id, "", door.broker_url, door.certificate)
    assert handshake(door, Reset().wall_ms(), site.broker.port).startswith("TLSv1")

    link = Uplink(door.ledger, login, Reset())
    link.start()
    wait_for(lambda: link.online)
    link.stop()

    with tls_broker(tmp_path / "another") as impostor:
        impostor.start()
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(door, Reset().wall_ms(), impostor.port)


def handshake(door: Door, now_ms: int, port: int) -> str:
    return try_handshake("127.0.0.1", port, broker_context(door.certificate, now_ms), 5)


def test_a_terminal_replaced_by_another_machine_is_shut_out_of_the_broker_too(
    site: Site, door: Door, tmp_path: Path
):
    with site.database.write() as connection:
        code = issue_code(connection, "North", "HQ", CLOCK.wall_ms(), replace=True)

    join(tmp_path / "fresh", site.url, code)
    site.broker.reload()

    with pytest.raises(ssl.SSLError, match="revoked"):
        handshake(door, CLOCK.wall_ms(), site.broker.port)

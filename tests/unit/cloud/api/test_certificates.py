"""Claiming with a key, and asking for another certificate."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from sqlalchemy import select
from structlog.testing import capture_logs

from cloud.db.tables import certificates, terminals
from cloud.terminals.certificates import revoked
from cloud.terminals.claim import issue_code
from cloud.terminals.fleet import revoke
from edge.roster import certificate
from edge.roster import renewal as renewal_module
from edge.roster.certificate import certificate_path
from edge.roster.identity import Identity
from edge.roster.renewal import CertificateKeeper
from models.ids import TerminalId
from models.wire.messages import CertificateAnswer, CertificateRequest, Claimed
from tests.unit.cloud.api.conftest import Running

LEDGER_KEY = bytes(range(32))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Of a terminal, beside the cloud's own."""
    made = tmp_path / "terminal"
    made.mkdir()
    return made


def code_for(service: Running, name: str = "North", *, replace: bool = False) -> str:
    with service.database.write() as connection:
        return issue_code(connection, name, "HQ", service.clock.wall_ms(), replace=replace)


def claim(service: Running, state: Path, code: str) -> Claimed:
    body = {"code": code, "csr": certificate.make_request(state), "ledger_key": b64(LEDGER_KEY)}
    answer = service.client.post("/terminal/v1/claim", json=body)
    assert answer.status_code == 201, answer.text
    claimed = msgspec.json.decode(answer.content, type=Claimed)
    certificate.adopt(state, TerminalId(claimed.terminal_id), claimed.certificate, claimed.authority)
    return claimed


def ask(service: Running, claimed: Claimed, request: CertificateRequest):
    return service.client.post(
        "/terminal/v1/certificate",
        content=msgspec.json.encode(request),
        headers={"Authorization": f"Bearer {claimed.token}"},
    )


def renewal(state: Path, claimed: Claimed) -> CertificateRequest:
    path = certificate_path(state, TerminalId(claimed.terminal_id))
    csr = certificate.make_request(state)
    return CertificateRequest(csr, certificate.read_certificate(path).serial, certificate.prove(path, csr))


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def test_a_claim_with_a_key_brings_a_certificate_and_keeps_the_ledger_s_key(service: Running, state: Path):
    claimed = claim(service, state, code_for(service))

    facts = certificate.read_certificate(certificate_path(state, TerminalId(claimed.terminal_id)))
    assert facts.terminal_id == claimed.terminal_id
    assert facts.authority == claimed.authority
    with service.database.read() as connection:
        row = connection.execute(select(certificates)).one()
        kept = connection.execute(
            select(terminals.c.ledger_key).where(terminals.c.terminal_id == claimed.terminal_id)
        ).scalar_one()
    assert (row.terminal_id, row.serial, row.not_after_ms, row.revoked_ms) == (
        claimed.terminal_id,
        facts.serial,
        facts.not_after_ms,
        None,
    )
    assert kept == LEDGER_KEY


def test_a_terminal_of_before_is_claimed_without_any_key(service: Running):
    answer = service.client.post("/terminal/v1/claim", json={"code": code_for(service), "app_version": "0.1"})

    claimed = msgspec.json.decode(answer.content, type=Claimed)
    assert (claimed.certificate, claimed.authority) == ("", "")
    with service.database.read() as connection:
        assert connection.execute(select(certificates)).all() == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"csr": "nonsense"}, "csr: no certificate request in PEM"),
        ({"ledger_key": b64(b"short")}, "ledger_key: 5 bytes, an Ed25519 public key has 32"),
    ],
)
def test_a_bad_key_is_named_and_does_not_use_the_code_up(service: Running, more: dict[str, str], said: str):
    code = code_for(service)

    refused = service.client.post("/terminal/v1/claim", json={"code": code, **more})

    assert refused.status_code == 422
    assert said in refused.json()["detail"]
    assert service.client.post("/terminal/v1/claim", json={"code": code}).status_code == 201


def test_a_renewed_certificate_is_another_one_and_the_earlier_stays_good(service: Running, state: Path):
    claimed = claim(service, state, code_for(service))
    path = certificate_path(state, TerminalId(claimed.terminal_id))
    before = certificate.read_certificate(path)
    service.clock.pass_ms(243 * 86_400_000)
    request = renewal(state, claimed)

    first, again = (ask(service, claimed, request) for _ in range(2))

    assert first.status_code == 200, first.text
    assert first.content == again.content  # an answer that got lost is asked for again
    answer = msgspec.json.decode(first.content, type=CertificateAnswer)
    certificate.adopt(state, TerminalId(claimed.terminal_id), answer.certificate, answer.authority)
    after = certificate.read_certificate(path)
    assert after.serial != before.serial
    assert after.not_after_ms == before.not_after_ms + 243 * 86_400_000
    with service.database.read() as connection:
        assert len(connection.execute(select(certificates)).all()) == 2
        assert revoked(connection, service.clock.wall_ms()) == []


def test_the_token_alone_renews_nothing(service: Running, state: Path, tmp_path: Path):
    claimed = claim(service, state, code_for(service))
    thief = tmp_path / "thief"
    thief.mkdir()
    good = renewal(state, claimed)
    other = claim(service, thief, code_for(service, "South"))
    foreign = renewal(thief, other)

    for request, why in [
        (CertificateRequest(good.csr), "unknown_certificate"),
        (CertificateRequest(good.csr, good.serial), "not_proven"),
        (CertificateRequest(good.csr, good.serial, b"\x30\x00"), "not_proven"),
        (CertificateRequest(foreign.csr, good.serial, good.signature), "not_proven"),
        (foreign, "unknown_certificate"),
    ]:
        refused = ask(service, claimed, request)
        assert (refused.status_code, refused.json()["code"]) == (403, why)
    assert ask(service, claimed, good).status_code == 200


def test_a_terminal_claimed_before_there_were_certificates_gets_its_first_by_token(
    service: Running, state: Path
):
    plain = service.client.post("/terminal/v1/claim", json={"code": code_for(service)})
    claimed = msgspec.json.decode(plain.content, type=Claimed)

    answer = ask(service, claimed, CertificateRequest(certificate.make_request(state), ledger_key=LEDGER_KEY))

    assert answer.status_code == 200
    with service.database.read() as connection:
        kept = connection.execute(
            select(terminals.c.ledger_key).where(terminals.c.terminal_id == claimed.terminal_id)
        ).scalar_one()
    assert kept == LEDGER_KEY


def test_a_ledger_s_key_is_never_replaced(service: Running, state: Path):
    claimed = claim(service, state, code_for(service))
    request = msgspec.structs.replace(renewal(state, claimed), ledger_key=bytes(32))

    assert ask(service, claimed, request).status_code == 200

    with service.database.read() as connection:
        kept = connection.execute(
            select(terminals.c.ledger_key).where(terminals.c.terminal_id == claimed.terminal_id)
        ).scalar_one()
    assert kept == LEDGER_KEY


def test_an_expired_certificate_still_proves_whose_key_it_is(service: Running, state: Path):
    claimed = claim(service, state, code_for(service))
    service.clock.pass_ms(500 * 86_400_000)

    assert ask(service, claimed, renewal(state, claimed)).status_code == 200


def test_a_revoked_terminal_loses_every_certificate_and_gets_no_other(service: Running, state: Path):
    claimed = claim(service, state, code_for(service))
    serial = certificate.read_certificate(certificate_path(state, TerminalId(claimed.terminal_id))).serial
    request = renewal(state, claimed)
    with service.database.write() as connection:
        revoke(connection, "North", service.clock.wall_ms())

    assert ask(service, claimed, request).status_code == 401

    with service.database.read() as connection:
        assert revoked(connection, service.clock.wall_ms()) == [(serial, service.clock.wall_ms())]


def test_the_machine_that_takes_a_terminal_s_place_shuts_it_out_when_it_joins(
    service: Running, state: Path, tmp_path: Path
):
    old = claim(service, state, code_for(service))
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    code = code_for(service, replace=True)
    assert ask(service, old, renewal(state, old)).status_code == 200  # it works until then

    new = claim(service, fresh, code)

    assert new.terminal_id != old.terminal_id
    assert new.name == old.name
    assert ask(service, old, renewal(state, old)).status_code == 401
    assert ask(service, new, renewal(fresh, new)).status_code == 200
    with service.database.read() as connection:
        assert len(revoked(connection, service.clock.wall_ms())) == 2


def test_five_wrong_codes_and_the_address_has_to_wait(service: Running, state: Path):
    code = code_for(service)
    for _ in range(5):
        assert service.client.post("/terminal/v1/claim", json={"code": "WRONG"}).status_code == 403

    assert service.client.post("/terminal/v1/claim", json={"code": code}).status_code == 429
    service.clock.pass_ms(9 * 60_000)
    assert service.client.post("/terminal/v1/claim", json={"code": code}).status_code == 429
    service.clock.pass_ms(60_001)  # now the code is ten minutes old
    assert service.client.post("/terminal/v1/claim", json={"code": code}).status_code == 403


def identity(service: Running, claimed: Claimed) -> Identity:
    return Identity(str(service.client.base_url), claimed)


def test_the_terminal_renews_at_two_thirds_of_the_life_with_a_new_key(service: Running, state: Path):
    claimed = claim(service, state, code_for(service))
    path = certificate_path(state, TerminalId(claimed.terminal_id))
    before = certificate.read_certificate(path)
    keeper = CertificateKeeper(state, identity(service, claimed))
    old_key = path.read_text().split("-----BEGIN CERT")[0]

    assert not keeper.look(before.renew_ms - 1)
    service.clock.pass_ms(before.renew_ms - service.clock.wall_ms())
    assert keeper.look(before.renew_ms)

    after = certificate.read_certificate(path)
    assert after.not_after_ms > before.not_after_ms
    assert path.read_text().split("-----BEGIN CERT")[0] != old_key
    assert not keeper.look(before.renew_ms)
    assert [one.name for one in state.iterdir()] == [path.name]


def test_a_crash_between_the_answer_and_the_disk_leaves_a_certificate_that_works(
    service: Running, state: Path, monkeypatch: pytest.MonkeyPatch
):
    claimed = claim(service, state, code_for(service))
    path = certificate_path(state, TerminalId(claimed.terminal_id))
    before = path.read_bytes()
    due = certificate.read_certificate(path).renew_ms

    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(renewal_module, "adopt", crash)
        with pytest.raises(Crash):
            CertificateKeeper(state, identity(service, claimed)).look(due)
    assert path.read_bytes() == before

    assert CertificateKeeper(state, identity(service, claimed)).look(due)

    with service.database.read() as connection:
        assert len(connection.execute(select(certificates)).all()) == 2  # asked twice, made once


def test_a_key_left_over_by_a_crash_does_not_keep_the_old_certificate_alive(service: Running, state: Path):
    claimed = claim(service, state, code_for(service))
    path = certificate_path(state, TerminalId(claimed.terminal_id))
    before = certificate.read_certificate(path)
    key = path.read_text().split("-----BEGIN CERT")[0]
    (state / "certificate-next.key").write_text(key)  # the power went before it was removed
    service.clock.pass_ms(before.renew_ms - service.clock.wall_ms())

    assert CertificateKeeper(state, identity(service, claimed)).look(service.clock.wall_ms())

    assert certificate.read_certificate(path).not_after_ms > before.not_after_ms


def test_what_hinders_renewal_is_said_once(service: Running, state: Path):
    claimed = claim(service, state, code_for(service))
    path = certificate_path(state, TerminalId(claimed.terminal_id))
    due = certificate.read_certificate(path).renew_ms
    nowhere = CertificateKeeper(state, Identity("http://127.0.0.1:9", claimed))

    with capture_logs() as logs:
        assert not nowhere.look(due)
        assert not nowhere.look(due + 1)

    assert [log["event"] for log in logs] == ["certificate_not_renewed"]


def test_a_certificate_the_cloud_made_is_of_the_site_s_authority(service: Running, state: Path):
    claimed = claim(service, state, code_for(service))

    made = x509.load_pem_x509_certificate(claimed.certificate.encode())

    made.verify_directly_issued_by(x509.load_pem_x509_certificate(claimed.authority.encode()))

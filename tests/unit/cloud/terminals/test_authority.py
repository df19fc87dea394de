from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud.terminals.authority import (
    Authority,
    AuthorityUnusable,
    BadRequest,
    Request,
    new_key,
    read_request,
)
from models.clock import from_ms
from tests.terminals import NOW_MS

DAY = timedelta(days=1)


def csr(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, name: str = "anybody") -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder(subject).sign(key, SHA256())
    return made.public_bytes(Encoding.PEM).decode()


def test_the_authority_is_made_once_and_its_key_is_private(tmp_path: Path):
    first = Authority.open(tmp_path / "state", NOW_MS)
    second = Authority.open(tmp_path / "state", NOW_MS + 1_000_000)

    assert first.pem == second.pem
    (path,) = (tmp_path / "state").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "PRIVATE" not in first.pem


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_authority_is_named_and_never_replaced(tmp_path: Path, damage: bytes | None):
    Authority.open(tmp_path, NOW_MS)
    path = tmp_path / "authority.pem"
    content = path.read_bytes()
    spoiled = content[: content.index(b"-----BEGIN CERT")] if damage is None else damage
    path.write_bytes(spoiled)

    with pytest.raises(AuthorityUnusable, match=r"authority\.pem is damaged"):
        Authority.open(tmp_path, NOW_MS)
    assert path.read_bytes() == spoiled


def test_a_key_that_belongs_to_another_certificate_is_noticed(tmp_path: Path):
    for name in ("a", "b"):
        Authority.open(tmp_path / name, NOW_MS)
    one, other = ((tmp_path / name / "authority.pem").read_bytes() for name in ("a", "b"))
    cut = one.index(b"-----BEGIN CERT")
    (tmp_path / "a" / "authority.pem").write_bytes(one[:cut] + other[other.index(b"-----BEGIN CERT") :])

    with pytest.raises(AuthorityUnusable, match="of something else"):
        Authority.open(tmp_path / "a", NOW_MS)


def test_a_certificate_says_the_name_we_give_and_can_only_log_in(tmp_path: Path):
    authority = Authority.open(tmp_path, NOW_MS)
    key = ec.generate_private_key(ec.SECP256R1())
    request = read_request(csr(key, "t-somebody-else"))
    assert isinstance(request, Request)

    made = authority.certify_client("t-1", request, NOW_MS, 365 * DAY)

    certificate = x509.load_pem_x509_certificate(made.pem.encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.pem.encode()))
    assert certificate.subject.rfc4514_string() == "CN=t-1"
    assert certificate.public_key() == key.public_key()
    assert certificate.not_valid_before_utc < from_ms(NOW_MS)
    assert certificate.not_valid_after_utc == from_ms(NOW_MS - NOW_MS % 1000) + 365 * DAY
    assert made.serial == f"{certificate.serial_number:x}"
    assert made.fingerprint == certificate.fingerprint(SHA256()).hex()
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_a_broker_s_certificate_is_good_for_names_and_addresses(tmp_path: Path):
    authority = Authority.open(tmp_path, NOW_MS)
    request, _ = new_key()

    made = authority.certify_server(["broker.example", "10.1.2.3", "::1"], request, NOW_MS)

    certificate = x509.load_pem_x509_certificate(made.pem.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.example"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["10.1.2.3", "::1"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_what_is_no_request_is_refused_with_the_reason():
    forged = csr(ec.generate_private_key(ec.SECP256R1()))
    lines = forged.splitlines()
    lines[-2] = lines[-2][:-8] + ("AAAA" if lines[-2][-8:-4] != "AAAA" else "BBBB") + lines[-2][-4:]

    for text, reason in [
        ("", "no certificate request"),
        ("x" * 4_000, "no certificate request"),
        (csr(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (csr(rsa.generate_private_key(65537, 2048)), "P-256"),
        ("\n".join(lines), ""),
    ]:
        refused = read_request(text)
        assert isinstance(refused, BadRequest)
        assert reason in refused.reason


def test_a_revocation_list_names_what_was_revoked_and_outlives_every_certificate(tmp_path: Path):
    authority = Authority.open(tmp_path, NOW_MS)

    found = x509.load_pem_x509_crl(authority.revocation_list([("ab12", NOW_MS - 5_000)], NOW_MS))

    issuer = x509.load_pem_x509_certificate(authority.pem.encode())
    key = issuer.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert found.is_signature_valid(key)
    assert [one.serial_number for one in found] == [0xAB12]
    assert found.next_update_utc == issuer.not_valid_after_utc

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from cloud.terminals.authority import Authority, Request, read_request
from edge.errors import CannotStart
from edge.roster.certificate import (
    BadCertificate,
    adopt,
    certificate_path,
    make_request,
    prove,
    read_certificate,
)
from models.ids import TerminalId
from tests.terminals import NOW_MS

TERMINAL = TerminalId("t-1")
LIFE = timedelta(days=300)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.open(tmp_path / "cloud", NOW_MS)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    made = tmp_path / "terminal"
    made.mkdir()
    return made


def signed(authority: Authority, csr: str, name: str = TERMINAL) -> str:
    request = read_request(csr)
    assert isinstance(request, Request)
    return authority.certify_client(name, request, NOW_MS, LIFE).pem


def test_key_certificate_and_authority_are_one_private_file(authority: Authority, state: Path):
    adopt(state, TERMINAL, signed(authority, make_request(state)), authority.pem)

    (path,) = state.iterdir()
    assert path == certificate_path(state, TERMINAL)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    facts = read_certificate(path)
    assert (facts.terminal_id, facts.authority) == (TERMINAL, authority.pem)
    assert facts.renew_ms == pytest.approx(NOW_MS + 200 * 86_400_000, abs=3_600_000)


def test_a_request_asked_for_twice_is_of_one_key_and_the_key_is_private(state: Path):
    first, second = (read_request(make_request(state)) for _ in range(2))

    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert first.key_hash == second.key_hash
    (path,) = state.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_half_a_key_is_replaced(state: Path):
    make_request(state)
    (path,) = state.iterdir()
    path.write_bytes(path.read_bytes()[:40])

    assert isinstance(read_request(make_request(state)), Request)


def test_a_certificate_of_another_key_or_terminal_changes_nothing(
    authority: Authority, state: Path, tmp_path: Path
):
    adopt(state, TERMINAL, signed(authority, make_request(state)), authority.pem)
    before = certificate_path(state, TERMINAL).read_bytes()
    csr = make_request(state)
    other = tmp_path / "other"
    other.mkdir()

    for pem in (signed(authority, make_request(other)), signed(authority, csr, "t-2"), "", "nonsense"):
        with pytest.raises(BadCertificate):
            adopt(state, TERMINAL, pem, authority.pem)

    assert certificate_path(state, TERMINAL).read_bytes() == before
    adopt(state, TERMINAL, signed(authority, csr), authority.pem)  # the key still waits


def test_the_certificate_of_an_earlier_claim_goes(authority: Authority, state: Path):
    adopt(state, TERMINAL, signed(authority, make_request(state)), authority.pem)

    adopt(state, TerminalId("t-2"), signed(authority, make_request(state), "t-2"), authority.pem)

    assert [path.name for path in state.iterdir()] == ["certificate-t-2.pem"]


@pytest.mark.parametrize("keep", [0, 1, 100, 400, 900])
def test_a_damaged_file_says_what_to_do(authority: Authority, state: Path, keep: int):
    path = adopt(state, TERMINAL, signed(authority, make_request(state)), authority.pem)
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(BadCertificate, match="claim the terminal anew"):
        read_certificate(path)
    with pytest.raises(BadCertificate):
        prove(path, "csr")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    with pytest.raises(CannotStart, match="cannot write"):
        make_request(tmp_path / "missing")

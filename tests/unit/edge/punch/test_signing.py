from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge.errors import LedgerUnsafe
from edge.punch.signing import KEY_FILE, kept_key, ledger_key


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path):
    state = tmp_path / "state"

    first, again = ledger_key(state), ledger_key(state)

    assert first.public == again.public
    assert len(first.public) == 32
    assert (state / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert ledger_key(tmp_path / "other").public != first.public


def test_what_it_signs_the_public_key_proves(tmp_path: Path):
    key = ledger_key(tmp_path)
    public = Ed25519PublicKey.from_public_bytes(key.public)

    public.verify(key.sign(b"these bytes"), b"these bytes")
    with pytest.raises(InvalidSignature):
        public.verify(key.sign(b"these bytes"), b"those bytes")


def test_a_key_others_can_read_is_refused(tmp_path: Path):
    ledger_key(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o640)

    with pytest.raises(LedgerUnsafe, match="chmod 600"):
        ledger_key(tmp_path)


def test_what_is_no_key_is_refused_and_kept(tmp_path: Path):
    (tmp_path / KEY_FILE).write_bytes(b"half a k")
    (tmp_path / KEY_FILE).chmod(0o600)

    with pytest.raises(LedgerUnsafe, match="not a ledger's key"):
        ledger_key(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == b"half a k"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "state").write_text("a file")

    with pytest.raises(LedgerUnsafe, match=r"ledger\.key cannot be made"):
        ledger_key(tmp_path / "state")


def test_looking_for_a_key_makes_none(tmp_path: Path):
    with pytest.raises(LedgerUnsafe, match="cannot be read"):
        kept_key(tmp_path)
    assert list(tmp_path.iterdir()) == []

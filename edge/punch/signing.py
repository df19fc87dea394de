"""The terminal's own signature: an Ed25519 key made on the device, which never leaves it.

The cloud learns the public half at the claim. Whoever copies the card copies the key too: it proves that a
ledger was written by this installation, not that nobody stole it.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from edge.errors import LedgerUnsafe
from edge.roster.files import replace_file

KEY_FILE = "ledger.key"
_PRIVATE = 0o600
_OTHERS = 0o077


class LedgerKey:
    """Signs with the private key.

    Attributes:
        public: the 32 raw bytes of the public key.
    """

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        """The signature of ``message``, 64 bytes. Source: RFC 8032."""
        return self._private.sign(message)


def ledger_key(state: Path) -> LedgerKey:
    """The key in the state folder; made there if there is none.

    Raises:
        LedgerUnsafe: it cannot be made or read, others may read it, or it is no such key.
    """
    path = state / KEY_FILE
    try:
        if not path.exists():
            state.mkdir(parents=True, exist_ok=True)
            replace_file(path, _pem(Ed25519PrivateKey.generate()), _PRIVATE)
    except OSError as error:
        raise LedgerUnsafe(f"the ledger's key {path} cannot be made: {error.strerror}") from error
    return kept_key(state)


def kept_key(state: Path) -> LedgerKey:
    """The key in the state folder, where one was made before.

    Raises:
        LedgerUnsafe: there is none, it cannot be read, others may read it, or it is no such key.
    """
    path = state / KEY_FILE
    try:
        mode = path.stat().st_mode
        private = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise LedgerUnsafe(f"the ledger's key {path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise LedgerUnsafe(
            f"{path} is not a ledger's key: put it back, or move it aside and claim anew"
        ) from error
    if mode & _OTHERS:
        raise LedgerUnsafe(f"the ledger's key {path} can be read by others: chmod 600 it")
    if not isinstance(private, Ed25519PrivateKey):
        raise LedgerUnsafe(f"{path} is not an Ed25519 key")
    return LedgerKey(private)


def _pem(private: Ed25519PrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

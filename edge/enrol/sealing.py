"""Sealing templates: AES-256-GCM under the terminal's own key, each bound to whose and what it is."""

from __future__ import annotations

import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edge.enrol.errors import KeyUnusable
from models.template import Template

_KEY_BYTES = 32
_NONCE_BYTES = 12
_OTHERS = 0o077


def make_key(path: Path) -> bytes:
    """A new random key, in a new file that only its owner can read.

    Raises:
        FileExistsError: there is one already.
        OSError: it cannot be written; no file is left.
    """
    key = AESGCM.generate_key(_KEY_BYTES * 8)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        # Half a key would keep every later gallery from being made.
        path.unlink()
        raise
    return key


def read_key(path: Path) -> bytes:
    """The key in ``path``.

    Raises:
        KeyUnusable: missing, readable by others, or not a key.
    """
    try:
        mode = path.stat().st_mode
        key = path.read_bytes()
    except OSError as error:
        raise KeyUnusable(f"the gallery's key {path} cannot be read: {error.strerror}") from error
    if mode & _OTHERS:
        raise KeyUnusable(f"the gallery's key {path} can be read by others: chmod 600 it")
    if len(key) != _KEY_BYTES:
        raise KeyUnusable(f"{path} is not a gallery's key: {len(key)} bytes, not {_KEY_BYTES}")
    return key


class Seal:
    """Seals and opens with one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, template: Template) -> bytes:
        """The sealed data of ``template``: nonce, ciphertext, tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, template.data, _bound_to(template))

    def open(self, sealed: bytes, label: Template) -> Template | None:
        """``label`` with its data; None if ``sealed`` is damaged, or is for another label or key."""
        try:
            data = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(label))
        except (InvalidTag, ValueError):
            return None
        return Template(label.person_id, label.modality, label.network, label.position, data)


def _bound_to(template: Template) -> bytes:
    label = [template.person_id, template.modality.value, template.network, template.position]
    return b"kaoqin template 1\n" + json.dumps(label, ensure_ascii=False).encode()

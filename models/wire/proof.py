"""What a terminal signs to prove that it holds the key of its certificate."""

from __future__ import annotations

_RENEWAL = b"kaoqin certificate renewal 1\n"


def renewal_bytes(serial: str, csr: str) -> bytes:
    """Signed (ECDSA, SHA-256) with the key of certificate ``serial`` to ask for another one by ``csr``.

    A copy of the request is good for nothing: it only ever yields a certificate of the key in ``csr``.
    """
    return _RENEWAL + serial.encode() + b"\n" + csr.encode()

"""Random secrets: what is stored of them."""

from __future__ import annotations

from hashlib import sha256


def hash_secret(secret: str) -> str:
    """What is stored of a random secret; 160 bits and more of randomness need no slow hash."""
    return sha256(secret.encode()).hexdigest()

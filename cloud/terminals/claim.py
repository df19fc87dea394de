"""Joining a terminal to the cloud: an admin reads out a one-time code, the terminal gets its own secret."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from cloud.db.tables import claim_codes, terminals
from models.ids import TerminalId, terminal_id

CODE_LIFE_MS = 10 * 60_000
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing to mistake for anything else
_CODE_LENGTH = 8
_TOKEN_BYTES = 32
_ID_BYTES = 10


class NameTaken(Exception):
    """A terminal of this name is in use; revoke it first."""


class ClaimRefusal(StrEnum):
    """Why a code was not accepted."""

    UNKNOWN = "unknown_code"
    EXPIRED = "code_expired"
    USED = "code_used"


@dataclass(frozen=True, slots=True)
class ClaimedTerminal:
    """A terminal that just joined; ``token`` is its secret and is kept nowhere else."""

    terminal_id: TerminalId
    name: str
    site: str
    token: str


def hash_secret(secret: str) -> str:
    """What is stored of a random secret; 160 bits and more of randomness need no slow hash."""
    return sha256(secret.encode()).hexdigest()


def issue_code(connection: Connection, name: str, site: str, now_ms: int) -> str:
    """A code that lets one terminal join as ``name`` at ``site`` within ten minutes, as "ABCD-EFGH".

    Raises:
        NameTaken: a terminal in use has this name.
    """
    taken = select(terminals.c.name).where(terminals.c.name == name, terminals.c.revoked_ms.is_(None))
    if connection.execute(taken).first() is not None:
        raise NameTaken(f"a terminal named {name} is in use: revoke it first, or choose another name")
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    connection.execute(
        insert(claim_codes).values(
            code_hash=hash_secret(code), name=name, site=site, expires_ms=now_ms + CODE_LIFE_MS
        )
    )
    return f"{code[:4]}-{code[4:]}"


def claim(connection: Connection, code: str, now_ms: int) -> ClaimedTerminal | ClaimRefusal:
    """Use ``code`` up; spaces, dashes and case do not matter."""
    code_hash = hash_secret(code.upper().replace("-", "").replace(" ", ""))
    row = connection.execute(select(claim_codes).where(claim_codes.c.code_hash == code_hash)).first()
    if row is None:
        return ClaimRefusal.UNKNOWN
    if row.expires_ms <= now_ms:
        return ClaimRefusal.EXPIRED
    used = connection.execute(
        update(claim_codes)
        .where(claim_codes.c.code_hash == code_hash, claim_codes.c.used_ms.is_(None))
        .values(used_ms=now_ms)
    )
    if used.rowcount != 1:
        return ClaimRefusal.USED
    joined = ClaimedTerminal(
        terminal_id(secrets.token_bytes(_ID_BYTES)), row.name, row.site, secrets.token_urlsafe(_TOKEN_BYTES)
    )
    connection.execute(
        insert(terminals).values(
            terminal_id=joined.terminal_id,
            name=joined.name,
            site=joined.site,
            token_hash=hash_secret(joined.token),
            claimed_ms=now_ms,
        )
    )
    return joined

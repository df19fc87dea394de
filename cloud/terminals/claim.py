"""Joining a terminal to the cloud: an admin reads out a one-time code, the terminal gets its own secret."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from cloud.db.tables import claim_codes, terminals
from cloud.errors import CloudError
from cloud.terminals.fleet import revoke
from cloud.terminals.secret import hash_secret
from models.ids import TerminalId, terminal_id

CODE_LIFE_MS = 10 * 60_000
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing to mistake for anything else
_CODE_LENGTH = 8
_TOKEN_BYTES = 32
_ID_BYTES = 10


class NameTaken(CloudError):
    """A terminal of this name is in use; the message says what can be done."""


class ClaimRefusal(StrEnum):
    """Why a code was not accepted."""

    UNKNOWN = "unknown_code"
    EXPIRED = "code_expired"
    USED = "code_used"


@dataclass(frozen=True, slots=True)
class ClaimedTerminal:
    """A terminal that just joined; ``token`` is its secret and is kept nowhere else.

    ``replaced``: the terminal whose place it took, which is shut out now.
    """

    terminal_id: TerminalId
    name: str
    site: str
    token: str
    replaced: TerminalId | None = None


def issue_code(connection: Connection, name: str, site: str, now_ms: int, *, replace: bool = False) -> str:
    """A code that lets one terminal join as ``name`` at ``site`` within ten minutes, as "ABCD-EFGH".

    ``replace``: another machine takes the place of the terminal of this name, which works until then.

    Raises:
        NameTaken: a terminal in use has this name, and is not to be replaced.
    """
    taken = connection.execute(
        select(terminals.c.terminal_id).where(terminals.c.name == name, terminals.c.revoked_ms.is_(None))
    ).scalar()
    if taken is not None and not replace:
        raise NameTaken(f"a terminal named {name} is in use: --replace it, or choose another name")
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    connection.execute(
        insert(claim_codes).values(
            code_hash=hash_secret(code),
            name=name,
            site=site,
            expires_ms=now_ms + CODE_LIFE_MS,
            replaces=taken,
        )
    )
    return f"{code[:4]}-{code[4:]}"


def claim(
    connection: Connection, code: str, now_ms: int, ledger_key: bytes = b""
) -> ClaimedTerminal | ClaimRefusal:
    """Use ``code`` up; spaces, dashes and case do not matter.

    A terminal that is replaced keeps its punches under its own id, and is shut out.
    """
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
    if row.replaces is not None:
        revoke(connection, row.replaces, now_ms)
    joined = ClaimedTerminal(
        terminal_id(secrets.token_bytes(_ID_BYTES)),
        row.name,
        row.site,
        secrets.token_urlsafe(_TOKEN_BYTES),
        row.replaces,
    )
    connection.execute(
        insert(terminals).values(
            terminal_id=joined.terminal_id,
            name=joined.name,
            site=joined.site,
            token_hash=hash_secret(joined.token),
            claimed_ms=now_ms,
            ledger_key=ledger_key or None,
        )
    )
    return joined

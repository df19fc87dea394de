"""The certificates of the terminals: which were made, which is good, and who may have another one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from cloud.db.tables import certificates, terminals
from cloud.terminals.authority import Authority, Request, is_signed_by
from models.ids import TerminalId
from models.wire.messages import CertificateRequest
from models.wire.proof import renewal_bytes

LEDGER_KEY_BYTES = 32
_SAME_ANSWER_MS = 86_400_000


class Refused(StrEnum):
    """Why a terminal gets no certificate."""

    UNKNOWN_CERTIFICATE = "unknown_certificate"
    NOT_PROVEN = "not_proven"


@dataclass(frozen=True, slots=True)
class Signer:
    """What it takes to make a certificate: the authority, and how long a terminal's is good for."""

    authority: Authority
    life: timedelta


def certify(
    connection: Connection, terminal: TerminalId, request: Request, signer: Signer, now_ms: int
) -> str:
    """A certificate (PEM) for the key of ``request``.

    Asked again within a day, because the answer got lost, it is the same one. Later it is not: a terminal
    that crashed before it forgot its key may ask with the key of its old certificate, and needs a new one.
    """
    known = connection.execute(
        select(certificates.c.pem).where(
            certificates.c.terminal_id == terminal,
            certificates.c.key_hash == request.key_hash,
            certificates.c.revoked_ms.is_(None),
            certificates.c.issued_ms > now_ms - _SAME_ANSWER_MS,
        )
    ).scalar()
    if known is not None:
        return str(known)
    made = signer.authority.certify_client(terminal, request, now_ms, signer.life)
    connection.execute(
        insert(certificates).values(
            serial=made.serial,
            terminal_id=terminal,
            fingerprint=made.fingerprint,
            key_hash=request.key_hash,
            pem=made.pem,
            issued_ms=now_ms,
            not_after_ms=made.not_after_ms,
        )
    )
    return made.pem


def certify_again(
    connection: Connection,
    terminal: TerminalId,
    asked: CertificateRequest,
    request: Request,
    signer: Signer,
    now_ms: int,
) -> str | Refused:
    """Another certificate for a terminal that holds the key of one it has; the earlier one stays good.

    A terminal that never had one, because it was claimed before there were any, needs no proof but its token.
    One that has expired proves as much as ever who holds its key: what ends a terminal is its revocation.
    """
    has = connection.execute(
        select(certificates.c.serial, certificates.c.pem).where(
            certificates.c.terminal_id == terminal, certificates.c.revoked_ms.is_(None)
        )
    ).all()
    if has:
        shown = next((row.pem for row in has if row.serial == asked.serial), None)
        if shown is None:
            return Refused.UNKNOWN_CERTIFICATE
        if not is_signed_by(shown, asked.signature, renewal_bytes(asked.serial, asked.csr)):
            return Refused.NOT_PROVEN
    keep_ledger_key(connection, terminal, asked.ledger_key)
    return certify(connection, terminal, request, signer, now_ms)


def keep_ledger_key(connection: Connection, terminal: TerminalId, key: bytes) -> None:
    """Keep the key with which the terminal signs its ledger, if none is known: it is never replaced."""
    if key:
        connection.execute(
            update(terminals)
            .where(terminals.c.terminal_id == terminal, terminals.c.ledger_key.is_(None))
            .values(ledger_key=key)
        )


def revoke_all(connection: Connection, of: list[TerminalId], now_ms: int) -> None:
    """Revoke what these terminals have."""
    connection.execute(
        update(certificates)
        .where(certificates.c.terminal_id.in_(of), certificates.c.revoked_ms.is_(None))
        .values(revoked_ms=now_ms)
    )


def revoked(connection: Connection, now_ms: int) -> list[tuple[str, int]]:
    """Serial and instant of what was revoked and would not have expired by itself."""
    rows = connection.execute(
        select(certificates.c.serial, certificates.c.revoked_ms)
        .where(certificates.c.revoked_ms.is_not(None), certificates.c.not_after_ms > now_ms)
        .order_by(certificates.c.revoked_ms, certificates.c.serial)
    )
    return [(serial, revoked_ms) for serial, revoked_ms in rows]


def shut_out(connection: Connection, now_ms: int) -> list[str]:
    """Revoked terminals that hold a certificate which would not have expired by itself."""
    return list(
        connection.execute(
            select(terminals.c.terminal_id)
            .join(certificates, certificates.c.terminal_id == terminals.c.terminal_id)
            .where(terminals.c.revoked_ms.is_not(None), certificates.c.not_after_ms > now_ms)
            .distinct()
            .order_by(terminals.c.terminal_id)
        ).scalars()
    )

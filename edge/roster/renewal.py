"""Another certificate before the present one ends: a new key, and a request signed with the present one's."""

from __future__ import annotations

from pathlib import Path

import structlog

from edge.errors import EdgeError
from edge.roster.certificate import (
    BadCertificate,
    CertificateFacts,
    adopt,
    certificate_path,
    make_request,
    prove,
    read_certificate,
)
from edge.roster.cloud import request_certificate
from edge.roster.identity import Identity
from models.wire.messages import CertificateRequest

log = structlog.get_logger(__name__)


class CertificateKeeper:
    """Looks after the certificate of one terminal; what hinders it is said once.

    The present certificate stays in use until the new one is whole on the disk, and the broker knows both: a
    crash anywhere in between leaves a terminal that works and asks again.
    """

    def __init__(self, state: Path, identity: Identity, ledger_key: bytes = b"") -> None:
        """``ledger_key``: told to a cloud that does not know it yet, with the first certificate."""
        self._state = state
        self._identity = identity
        self._path = certificate_path(state, identity.terminal_id)
        self._ledger_key = ledger_key
        self._trouble: str | None = None

    def look(self, now_ms: int) -> bool:
        """Renew the certificate if that is due; whether there is a new one. Asking may take half a minute."""
        try:
            facts = read_certificate(self._path) if self._path.exists() else None
            if facts is not None and now_ms < facts.renew_ms:
                return False
            self._renew(facts)
        except (BadCertificate, EdgeError) as error:
            if str(error) != self._trouble:
                log.warning("certificate_not_renewed", reason=str(error))
            self._trouble = str(error)
            return False
        self._trouble = None
        log.info("certificate_renewed", until=read_certificate(self._path).not_after.date().isoformat())
        return True

    def _renew(self, present: CertificateFacts | None) -> None:
        csr = make_request(self._state)
        serial = "" if present is None else present.serial
        signature = b"" if present is None else prove(self._path, csr)
        identity = self._identity
        answer = request_certificate(
            identity.cloud_url,
            identity.claimed.token,
            CertificateRequest(csr, serial, signature, self._ledger_key),
        )
        adopt(self._state, identity.terminal_id, answer.certificate, answer.authority)

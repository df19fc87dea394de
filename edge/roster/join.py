"""Joining a cloud: keys made here, a one-time code, and what the cloud gives for them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge.errors import CloudUnavailable
from edge.punch.signing import ledger_key
from edge.roster.certificate import BadCertificate, adopt, make_request
from edge.roster.cloud import claim
from edge.roster.identity import Identity, prepare_state, save_identity
from edge.version import app_version
from models.ids import TerminalId
from models.wire.messages import Claim


def join(state: Path, cloud_url: str, code: str) -> Identity:
    """Claim this terminal; private keys stay in the state folder.

    Raises:
        CannotStart: the folder cannot be written, the address is none, or the code was refused.
        CloudUnavailable: no answer, or none that makes sense; the code may be used up.
    """
    prepare_state(state)
    asked = Claim(code, app_version(), make_request(state), ledger_key(state).public)
    claimed = claim(cloud_url, asked)
    if claimed.certificate:
        try:
            adopt(state, TerminalId(claimed.terminal_id), claimed.certificate, claimed.authority)
        except BadCertificate as error:
            raise CloudUnavailable(str(error)) from error
    # The certificate has a file of its own, which is renewed.
    identity = Identity(cloud_url, msgspec.structs.replace(claimed, certificate="", authority=""))
    save_identity(state, identity)
    return identity

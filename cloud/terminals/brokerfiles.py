"""The files of the broker: a complete mosquitto configuration, its access rules, keys and revocations.

Written for mosquitto 2.0.11 and later 2.x. A terminal's name is the common name of its certificate and its
client id too, so that none can push another off its connection. Workers come in by a port of their own,
because many of them share one name.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from cloud.errors import CloudError
from cloud.terminals.authority import BROKER_LIFE, Authority, new_key
from cloud.terminals.certificates import revoked, shut_out
from cloud.terminals.ownership import give_to_owner
from models.wire.codec import PAYLOAD_MAX_BYTES
from models.wire.topics import ROOT, Channel, every

WORKER = "ingest"
"""The name of all workers; no terminal can have it, ids are made by us."""

WORKER_FILE = "worker.pem"
_PACKET_MAX_BYTES = PAYLOAD_MAX_BYTES + 1024
_PUBLIC, _SHARED, _PRIVATE = 0o644, 0o640, 0o600
_SETGID = 0o2755  # what is made in the directory belongs to the broker's group
_BROKER_USER = "mosquitto"
_CONFIG, _RULES, _REVOKED = "mosquitto.conf", "acl", "crl.pem"
_SERVER_KEY, _SERVER, _AUTHORITY = "server.key", "server.crt", "ca.crt"

_CONFIG_TEXT = """\
# Written by `kaoqin-cloud broker config`, for mosquitto 2.0.11 and later 2.x; what is changed here is lost.
allow_anonymous false
acl_file {directory}/acl

# What the broker keeps may be lost at any time: terminals send again what the cloud has not acknowledged.
# Our clients have clean sessions, so only retained messages are ever written.
persistence true
persistence_location {directory}/data/
autosave_interval 300
persistent_client_expiration 1d

# A terminal has four batches under way at most. Never 0, which means "none" to some releases.
max_queued_messages 200000
max_inflight_messages 1000
max_packet_size {packet_max}
max_keepalive 600
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
log_type notice

# Terminals: the common name of the certificate is user name and client id.
listener {port}
use_username_as_clientid true
{tls}
# Workers: one name, many client ids.
listener {worker_port} {worker_address}
{tls}"""

_TLS_TEXT = """\
cafile {directory}/ca.crt
certfile {directory}/server.crt
keyfile {directory}/server.key
crlfile {directory}/crl.pem
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
"""


class BrokerFilesUnwritable(CloudError):
    """The directory of the broker's files cannot be written; the message says why."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the broker listens: for terminals on every address, for workers on ``worker_address``.

    ``hosts``: the names and addresses its certificate is good for; the first is what terminals are told.
    """

    hosts: Sequence[str]
    port: int
    worker_port: int
    worker_address: str


def configuration(directory: Path, listening: Listening) -> str:
    """mosquitto.conf."""
    return _CONFIG_TEXT.format(
        directory=directory,
        packet_max=_PACKET_MAX_BYTES,
        port=listening.port,
        worker_port=listening.worker_port,
        worker_address=listening.worker_address,
        tls=_TLS_TEXT.format(directory=directory),
    )


def access_rules(shut_out_terminals: Iterable[str]) -> str:
    """The ACL: a terminal has its own four topics, the workers the other side of everybody's.

    Terminals that were revoked are named, which silences connections they still have open.
    """
    lines = [
        *(f"pattern write {ROOT}/%u/{channel}" for channel in (Channel.UP, Channel.STATE)),
        *(f"pattern read {ROOT}/%u/{channel}" for channel in (Channel.ACK, Channel.WANT)),
        "",
        f"user {WORKER}",
        *(f"topic read {every(channel)}" for channel in (Channel.UP, Channel.STATE)),
        *(f"topic write {every(channel)}" for channel in (Channel.ACK, Channel.WANT)),
    ]
    for terminal in shut_out_terminals:
        lines += ["", f"user {terminal}", "topic deny #"]
    return "\n".join(lines) + "\n"


def write_all(directory: Path, state: Path, authority: Authority, listening: Listening, now_ms: int) -> None:
    """Write what does not change with the terminals: configuration, certificates, and the workers' key.

    Raises:
        BrokerFilesUnwritable: see there.
    """
    request, key = new_key()
    hosts = dict.fromkeys([*listening.hosts, listening.worker_address, "localhost", "127.0.0.1", "::1"])
    server = authority.certify_server(hosts, request, now_ms)
    worker_request, worker_key = new_key()
    worker = authority.certify_client(WORKER, worker_request, now_ms, BROKER_LIFE)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "data").mkdir(exist_ok=True)
        _share(directory, state)
        _replace(directory / _CONFIG, configuration(directory, listening).encode(), _PUBLIC)
        _replace(directory / _AUTHORITY, authority.pem.encode(), _PUBLIC)
        _replace(directory / _SERVER, server.pem.encode(), _PUBLIC)
        _replace(directory / _SERVER_KEY, key, _SHARED)
        _replace(state / WORKER_FILE, worker_key + worker.pem.encode() + authority.pem.encode(), _PRIVATE)
    except OSError as error:
        raise BrokerFilesUnwritable(f"cannot write {error.filename}: {error.strerror}") from error


def write_revoked(connection: Connection, directory: Path, authority: Authority, now_ms: int) -> bool:
    """Write revocation list and access rules, where there is a broker's directory; whether there is one.

    mosquitto reads them again when it is told to reload.

    Raises:
        BrokerFilesUnwritable: see there.
    """
    if not directory.is_dir():
        return False
    rules = access_rules(shut_out(connection, now_ms))
    try:
        _replace(
            directory / _REVOKED, authority.revocation_list(revoked(connection, now_ms), now_ms), _PUBLIC
        )
        _replace(directory / _RULES, rules.encode(), _SHARED)
    except OSError as error:
        raise BrokerFilesUnwritable(f"cannot write {error.filename}: {error.strerror}") from error
    return True


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Make ``content`` the whole of ``path``: the old or the new file, never half of either."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    if mode == _PRIVATE:
        give_to_owner(fresh)
    fresh.replace(path)


def _share(directory: Path, state: Path) -> None:
    """Let the service write and the broker read, whoever of them made a file; only root can arrange it."""
    if os.geteuid() != 0:
        return
    try:
        shutil.chown(directory, state.stat().st_uid, _BROKER_USER)
        directory.chmod(_SETGID)
        shutil.chown(directory / "data", _BROKER_USER, _BROKER_USER)
    except LookupError:
        return  # mosquitto is not installed here

"""The embedded broker: iotcore in a child process, for one machine, for demonstration and tests.

It keeps nothing on disk, knows no access rules and dies with us. See docs/decisions/0008.
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

from iotcore import Broker

from cloud.ingest.address import BrokerAddress

# Segments are its memory of each topic filter; unbounded, it grows to a gigabyte. A terminal waits for our
# ack and sends again, so what falls out of a full segment is not lost.
_CONFIG = """
id = 0
[router]
id = 0
max_connections = 1024
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 2
[v4.1]
name = "v4-1"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 5000
max_payload_size = 131072
max_inflight_count = 100
dynamic_filters = true
"""


class BrokerNotStarted(Exception):
    """The embedded broker cannot run; the message says why."""


class EmbeddedBroker:
    """A broker on a loopback port; a context manager."""

    def __init__(self, address: BrokerAddress) -> None:
        host = "127.0.0.1" if address.host == "localhost" else address.host
        self.address = replace(address, host=host, port=address.port or _free_port(host))
        self._broker: Broker | None = None

    def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            BrokerNotStarted: the port is taken, or the child ended.
        """
        host, port = self.address.host, self.address.port
        with tempfile.TemporaryDirectory(prefix="kaoqin-broker-") as directory:
            config = Path(directory) / "broker.toml"
            config.write_text(_CONFIG.format(host=host, port=port))
            try:
                self._broker = Broker(config_path=str(config)).start()
            except (OSError, RuntimeError, ValueError) as error:
                raise BrokerNotStarted(f"no embedded broker on {host}:{port}: {error}") from error

    def stop(self) -> None:
        """Stop it; safe to call twice."""
        if self._broker is not None:
            self._broker.stop()
            self._broker = None


def _free_port(host: str) -> int:
    with contextlib.closing(socket.socket(socket.AF_INET)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])

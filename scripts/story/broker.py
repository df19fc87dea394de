"""The embedded broker in a process of its own, so that the story can kill it while the cloud lives on."""

from __future__ import annotations

import signal
import threading

from cloud.ingest import address
from cloud.ingest.broker import EmbeddedBroker


def serve(port: int) -> None:
    """Run a broker on the loopback until told to end."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    broker = EmbeddedBroker(address.parse(f"embedded://127.0.0.1:{port}"))
    broker.start()
    told.wait()
    broker.stop()

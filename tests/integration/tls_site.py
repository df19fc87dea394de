"""A broker with the product's own configuration and real certificates, and clients that log in to it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion

from cloud.cli import main as cloud_command
from cloud.terminals.authority import Authority, new_key
from models.clock import SystemClock
from tests.integration.peers import free_port, wait_for

CLOCK = SystemClock()
LIFE = timedelta(days=30)
_PUBLIC = 0o755


@dataclass
class TlsBroker:
    """Made by ``kaoqin-cloud broker config``; ``state`` is the cloud's state directory."""

    state: Path
    directory: Path
    port: int = field(default_factory=free_port)
    worker_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def worker(self) -> Path:
        return self.state / "worker.pem"

    @property
    def authority(self) -> Authority:
        return Authority.open(self.state, CLOCK.wall_ms())

    def configure(self, *more: str) -> None:
        options = ["--state", self.state, "--out", self.directory, "--host", "127.0.0.1", "--port", self.port]
        command = ["broker", "config", *options, "--worker-port", self.worker_port, *more]
        assert cloud_command(list(map(str, command))) == 0

    def start(self) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            pytest.skip("mosquitto is not installed")
        with (self.directory / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", str(self.directory / "mosquitto.conf"), "-v"], stdout=log, stderr=log
            )
        wait_for(lambda: "running" in self.log())

    def log(self) -> str:
        return (self.directory / "broker.log").read_text(errors="replace")

    def reload(self) -> None:
        assert self._process is not None
        seen = self.log().count("Reloading config")
        self._process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.log().count("Reloading config") > seen)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def credentials(self, name: str, life: timedelta = LIFE, authority: Authority | None = None) -> Path:
        """A file of key, certificate and authority, as terminals and workers have it."""
        signer = authority or self.authority
        request, key = new_key()
        made = signer.certify_client(name, request, CLOCK.wall_ms(), life)
        path = self.state / f"{name}-{made.serial}.pem"
        path.write_bytes(key + made.pem.encode() + self.authority.pem.encode())
        return path


@contextmanager
def tls_broker(state: Path) -> Iterator[TlsBroker]:
    """The broker's user must be able to walk to its files, so they are not below pytest's own directory."""
    directory = Path(tempfile.mkdtemp(prefix="kaoqin-broker-"))
    directory.chmod(_PUBLIC)
    broker = TlsBroker(state, directory)
    try:
        broker.configure()
        yield broker
    finally:
        broker.stop()
        shutil.rmtree(directory)


def serial_of(credentials: Path) -> str:
    return f"{x509.load_pem_x509_certificate(credentials.read_bytes()).serial_number:x}"


class Client:
    """A plain MQTT client, which does whatever it likes."""

    def __init__(
        self, port: int, credentials: Path, client_id: str, will: tuple[str, bytes] | None = None
    ) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self.lost = ""
        self._port = port
        self._answered = 0
        self._news = threading.Condition()
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=paho.MQTTv311,
            reconnect_on_failure=False,
        )
        text = credentials.read_text()
        context = ssl.create_default_context(cadata=text[text.rindex("-----BEGIN CERTIFICATE") :])
        context.load_cert_chain(credentials)
        client.tls_set_context(context)
        if will is not None:
            client.will_set(*will, qos=1)
        client.on_connect = lambda *_: self._count()
        client.on_subscribe = lambda *_: self._count()
        client.on_publish = lambda *_: self._count()
        client.on_disconnect = lambda *_: self._note("connection lost")
        client.on_log = lambda _c, _d, level, text: self._note(text) if level == paho.MQTT_LOG_ERR else None
        client.on_message = lambda _c, _d, m: self.heard.append((m.topic, bytes(m.payload), bool(m.retain)))
        self.paho = client

    def connect(self) -> Client:
        self.paho.connect("127.0.0.1", self._port)
        self.paho.loop_start()
        self._wait(1)
        return self

    def subscribe(self, *filters: str) -> None:
        for one in filters:
            answered = self._answered
            self.paho.subscribe(one, 1)
            self._wait(answered + 1)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Until the broker has answered; what it thinks of it does not show."""
        answered = self._answered
        self.paho.publish(topic, payload, 1, retain)
        self._wait(answered + 1)

    def vanish(self) -> None:
        """Without a word, so that the broker says the will."""
        sock = self.paho.socket()
        assert isinstance(sock, ssl.SSLSocket)
        sock.shutdown(socket.SHUT_RDWR)
        self.paho.loop_stop()

    def close(self) -> None:
        self.paho.on_disconnect = None
        self.paho.disconnect()
        self.paho.loop_stop()

    def _count(self) -> None:
        with self._news:
            self._answered += 1
            self._news.notify_all()

    def _note(self, text: str) -> None:
        with self._news:
            self.lost = self.lost or text
            self._news.notify_all()

    def _wait(self, answers: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self._answered >= answers or bool(self.lost), 20)
        if self._answered < answers:
            raise ConnectionError(self.lost)

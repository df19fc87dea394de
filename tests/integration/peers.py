"""Peers of the terminal for tests: real brokers, and a small cloud that speaks the wire."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol

import msgspec
import paho.mqtt.client as paho
import pytest
from iotcore import Broker as IotcoreBroker
from paho.mqtt.enums import CallbackAPIVersion

from models.clock import Clock, SystemClock
from models.ids import TerminalId
from models.wire import topics
from models.wire.codec import decode, encode
from models.wire.messages import (
    VERSION,
    Claim,
    Claimed,
    DesiredState,
    PunchAck,
    PunchBatch,
    Refusal,
    Roster,
    TerminalState,
)
from models.wire.topics import Channel
from scripts.story.processes import dying_with_us

TERMINAL = TerminalId("t-0000000000000001")
CLOCK: Clock = SystemClock()


class RunningBroker(Protocol):
    port: int

    def start(self) -> None: ...
    def stop(self) -> None: ...


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Iotcore:
    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._broker: IotcoreBroker | None = None

    def start(self) -> None:
        self._broker = IotcoreBroker(port=self.port, listen="127.0.0.1").start()

    def stop(self) -> None:
        if self._broker is not None:
            self._broker.stop()
            self._broker = None


class Mosquitto:
    def __init__(self, directory: Path) -> None:
        program = shutil.which("mosquitto")
        if program is None:
            pytest.skip("mosquitto is not installed")
        self._program = program
        self.port = free_port()
        self._config = directory / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            dying_with_us([self._program, "-c", str(self._config)]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._listens)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def wait_for(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    pause = threading.Event()
    deadline = CLOCK.monotonic_ms() + timeout_s * 1000
    while not condition():
        assert CLOCK.monotonic_ms() < deadline, "it did not happen in time"
        pause.wait(0.02)


class CloudPeer:
    """Stores by (stream, seq), acknowledges what it stored, and remembers how often each punch came."""

    def __init__(self, port: int) -> None:
        self.stored: dict[tuple[bytes, int], bytes] = {}
        self.batches: list[PunchBatch] = []
        self.states: list[TerminalState] = []
        self.mute = False
        self.refuse: dict[int, str] = {}
        self._port = port
        self._client: paho.Client | None = None

    def start(self) -> None:
        self._client = client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"cloud-{os.getpid()}")
        client.on_message = self._on_message
        subscribed = threading.Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect("127.0.0.1", self._port)
        client.subscribe([(topics.every(Channel.UP), 1), (topics.every(Channel.STATE), 1)])
        client.loop_start()
        assert subscribed.wait(10)

    def stop(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def want(self, version: str) -> None:
        assert self._client is not None
        self._client.publish(
            topics.topic(TERMINAL, Channel.WANT), encode(DesiredState(VERSION, version)), qos=1, retain=True
        )

    def _on_message(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        topic = topics.parse(message.topic)
        assert topic is not None
        if topic.channel is Channel.STATE:
            state = decode(bytes(message.payload), TerminalState)
            assert isinstance(state, TerminalState)
            self.states.append(state)
            return
        batch = decode(bytes(message.payload), PunchBatch)
        assert isinstance(batch, PunchBatch)
        self.batches.append(batch)
        if self.mute:
            return
        taken = [punch for punch in batch.punches if punch.seq not in self.refuse]
        for punch in taken:
            assert self.stored.setdefault((batch.stream_id, punch.seq), punch.punch_id) == punch.punch_id
        ack = PunchAck(
            VERSION,
            batch.stream_id,
            tuple((punch.seq, punch.seq) for punch in taken),
            (),
            tuple(
                Refusal(punch.seq, self.refuse[punch.seq])
                for punch in batch.punches
                if punch.seq in self.refuse
            ),
            CLOCK.wall_ms() + 1234,
            batch.sent_monotonic_ms,
        )
        client.publish(topics.topic(topic.terminal_id, Channel.ACK), encode(ack))


class HttpCloud:
    """The cloud's HTTPS side without the S: one claim code, one roster, one token."""

    CODE = "ABCD-EFGH"
    TOKEN = "a-token"

    def __init__(self, roster: Roster, broker_url: str = "mqtt://127.0.0.1:1") -> None:
        self.roster = roster
        self.asked: list[tuple[str, str]] = []
        self.is_sick = False
        self._claimed = Claimed(TERMINAL, "Front door", self.TOKEN, broker_url, "hq", "Asia/Shanghai")
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                claim = msgspec.json.decode(body, type=Claim)
                cloud.asked.append(("claim", claim.code))
                if claim.code != cloud.CODE:
                    self._answer(HTTPStatus.FORBIDDEN, b'{"detail": "the code is wrong"}')
                else:
                    self._answer(HTTPStatus.CREATED, msgspec.json.encode(cloud._claimed))

            def do_GET(self) -> None:
                known = self.headers.get("If-None-Match", "")
                cloud.asked.append(("roster", known))
                if cloud.is_sick:
                    self._answer(HTTPStatus.BAD_GATEWAY, b"<html>")
                elif self.headers.get("Authorization") != f"Bearer {cloud.TOKEN}":
                    self._answer(HTTPStatus.UNAUTHORIZED, b'{"detail": "no token"}')
                elif known == f'"{cloud.roster.version}"':
                    self._answer(HTTPStatus.NOT_MODIFIED, b"")
                else:
                    self._answer(HTTPStatus.OK, msgspec.json.encode(cloud.roster))

            def _answer(self, status: HTTPStatus, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

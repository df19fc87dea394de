"""The uplink through real brokers, against a small cloud that speaks the wire."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import paho.mqtt.client as paho
import pytest
from iotcore import Broker as IotcoreBroker
from paho.mqtt.enums import CallbackAPIVersion

from edge.health.machine import Machine
from edge.identification import Identified
from edge.punch.ledger import Ledger
from edge.punch.recorder import PunchRecorder, Recorded
from edge.punch.rows import Draft
from edge.sync import uplink as uplink_module
from edge.sync.mqtt import Login
from edge.sync.outbox import Outbox
from edge.sync.uplink import Report, Uplink
from models import ids
from models.clock import Clock, SystemClock
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality, Method
from models.wire import topics
from models.wire.codec import decode, encode
from models.wire.messages import VERSION, DesiredState, Part, PunchAck, PunchBatch, Refusal, TerminalState
from models.wire.topics import Channel

TERMINAL = TerminalId("t-0000000000000001")
MACHINE = Machine("machine-1", "boot-1")
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
            [self._program, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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


@pytest.fixture(params=[Iotcore, Mosquitto], ids=["iotcore", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningBroker]:
    running: RunningBroker = request.param(tmp_path)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def cloud(broker: RunningBroker) -> Iterator[CloudPeer]:
    peer = CloudPeer(broker.port)
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "punches.db", TERMINAL, MACHINE) as opened:
        yield opened


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink_module, "_RECONNECT_LAST_S", 0.5)


def login(broker: RunningBroker) -> Login:
    return Login(TERMINAL, "a-token", f"mqtt://127.0.0.1:{broker.port}")


def drafts(count: int) -> list[Draft]:
    return [
        Draft(
            punch_id=ids.punch_id(1_790_000_000_000 + number, os.urandom(10)),
            person_id=PersonId(f"p-{number % 150:016d}"),
            wall_ms=1_790_000_000_000 + number * 60_000,
            monotonic_ms=number * 60_000,
            clock=ClockQuality.SYNCED,
            method=Method.FACE,
            score_milli=700,
        )
        for number in range(count)
    ]


def recorder(ledger: Ledger) -> PunchRecorder:
    return PunchRecorder(ledger, CLOCK, lambda: ClockQuality.SYNCED)


def punch(ledger: Ledger, number: int) -> None:
    outcome = recorder(ledger).record(Identified(PersonId(f"p-live-{number}"), Method.PIN))
    assert isinstance(outcome, Recorded)


def test_a_backlog_is_delivered_once_and_the_terminal_says_so(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger
):
    punches = ledger.append_many(drafts(1_234))

    drained = Uplink(ledger, login(broker), CLOCK).run_until_drained(30)

    assert drained
    assert set(cloud.stored.values()) == {each.punch_id.bytes for each in punches}
    assert sum(len(batch.punches) for batch in cloud.batches) == 1_234
    wait_for(lambda: bool(cloud.states) and not cloud.states[-1].online)
    assert [state.online for state in cloud.states[-2:]] == [True, False]
    assert cloud.states[-1].highest == 1_234
    assert Outbox(ledger).waiting() == 0


def test_punches_made_while_the_broker_is_away_are_delivered_when_it_is_back(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger
):
    link = Uplink(ledger, login(broker), CLOCK)
    link.start()
    wait_for(lambda: link.online)
    punch(ledger, 1)
    wait_for(lambda: len(cloud.stored) == 1)
    cloud.stop()
    broker.stop()
    wait_for(lambda: not link.online)
    punch(ledger, 2)
    punch(ledger, 3)

    broker.start()
    cloud.start()

    wait_for(lambda: len(cloud.stored) == 3)
    wait_for(lambda: Outbox(ledger).waiting() == 0)
    link.stop()
    assert {seq for _, seq in cloud.stored} == {1, 2, 3}


def test_a_live_punch_overtakes_the_backlog_in_a_batch_of_its_own(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger
):
    cloud.mute = True
    ledger.append_many(drafts(300))
    link = Uplink(ledger, login(broker), CLOCK)
    link.start()
    wait_for(lambda: len(cloud.batches) == 3)

    punch(ledger, 1)

    wait_for(lambda: len(cloud.batches) == 4)
    link.stop()
    assert [each.seq for each in cloud.batches[-1].punches] == [301]


def test_a_refused_punch_is_kept_and_the_others_go_on(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger
):
    cloud.refuse = {2: "malformed"}
    ledger.append_many(drafts(5))

    drained = Uplink(ledger, login(broker), CLOCK).run_until_drained(30)

    assert drained
    assert {seq for _, seq in cloud.stored} == {1, 3, 4, 5}
    (stream,) = Outbox(ledger).streams()
    assert list(stream.refused) == [2]
    assert len(cloud.batches) == 1


def test_a_stream_whose_numbers_are_taken_is_left_and_its_punches_get_new_ones(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger
):
    cloud.refuse = {2: "key_conflict"}
    punches = ledger.append_many(drafts(3))
    old = ledger.stream.stream_id
    link = Uplink(ledger, login(broker), CLOCK)
    link.start()

    wait_for(lambda: len(cloud.stored) == 3)
    link.stop()

    assert ledger.stream.stream_id != old
    assert cloud.stored[ledger.stream.stream_id, 1] == punches[1].punch_id.bytes


def test_the_state_says_what_changed_and_the_cloud_s_wish_arrives(
    broker: RunningBroker, cloud: CloudPeer, ledger: Ledger
):
    report = Report(people=3)
    wishes: list[DesiredState] = []
    cloud.want("v7")
    link = Uplink(ledger, login(broker), CLOCK, report=lambda: report, on_want=wishes.append)
    link.start()
    wait_for(lambda: bool(cloud.states))
    assert cloud.states[0].people == 3

    report = Report(people=3, parts=(Part("camera", "away", "unplugged"),))

    wait_for(lambda: any(state.parts for state in cloud.states))
    wait_for(lambda: wishes == [DesiredState(VERSION, "v7")])
    punch(ledger, 1)
    wait_for(lambda: link.offset_ms is not None)
    link.stop()
    assert link.offset_ms is not None
    assert abs(link.offset_ms - 1234) < 2_000


def test_the_broker_says_that_a_terminal_which_vanished_is_offline(
    broker: RunningBroker, cloud: CloudPeer, tmp_path: Path
):
    script = f"""
import os
from pathlib import Path
from edge.health.machine import Machine
from edge.punch.ledger import Ledger
from edge.sync.mqtt import Login
from edge.sync.uplink import Uplink
from models.clock import SystemClock
ledger = Ledger(Path({str(tmp_path / "other.db")!r}), "{TERMINAL}", Machine("m", "b"))
link = Uplink(ledger, Login("{TERMINAL}", "", "mqtt://127.0.0.1:{broker.port}"), SystemClock())
link.start()
while not link.online:
    pass
import time
time.sleep(0.5)
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", script], check=False)

    wait_for(lambda: bool(cloud.states) and not cloud.states[-1].online)
    assert cloud.states[0].online

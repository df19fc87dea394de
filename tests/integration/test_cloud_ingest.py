"""The ingest on real brokers: what a terminal hears, and when."""

from __future__ import annotations

import queue
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import func, select

from cloud.db.engine import Database
from cloud.db.migrate import migrate
from cloud.db.tables import punches, streams
from cloud.feed import Feed
from cloud.ingest.address import BrokerAddress, parse
from cloud.ingest.broker import EmbeddedBroker
from cloud.ingest.worker import IngestWorker
from cloud.terminals.signpost import Signpost
from models.clock import SystemClock
from models.ids import TerminalId
from models.wire import topics
from models.wire.messages import DesiredState, PunchAck
from models.wire.topics import Channel
from tests.terminals import Door, add_person, add_terminal, committed, read_ack

ZONE = ZoneInfo("Asia/Shanghai")
PATIENCE_S = 20


class Mosquitto:
    """The broker of real installations, on a loopback port."""

    def __init__(self, address: BrokerAddress, directory: Path) -> None:
        self.address = address
        self._config = directory / "mosquitto.conf"
        self._config.write_text(f"listener {address.port} {address.host}\nallow_anonymous true\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["mosquitto", "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(params=["iotcore", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedBroker | Mosquitto]:
    started: EmbeddedBroker | Mosquitto
    if request.param == "iotcore":
        started = EmbeddedBroker(parse("embedded://127.0.0.1:0"))
    elif shutil.which("mosquitto") is None:
        pytest.skip("mosquitto is not installed")
    else:
        started = Mosquitto(parse(f"mqtt://127.0.0.1:{free_port()}"), tmp_path)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'k.db'}")
    migrate(database)
    with database.write() as connection:
        add_terminal(connection, "t-1")
        add_person(connection, "p-1")
    yield database
    database.close()


@contextmanager
def ingest(database: Database, address: BrokerAddress) -> Iterator[IngestWorker]:
    worker = IngestWorker(database, Feed(), SystemClock(), ZONE, address)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


class Peer:
    """A terminal's MQTT side."""

    def __init__(self, address: BrokerAddress) -> None:
        self.heard: queue.Queue[MQTTMessage] = queue.Queue()
        self._subscribed = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, client_id="t-1")
        self.client.reconnect_delay_set(1, 1)
        self.client.on_message = lambda _client, _data, message: self.heard.put(message)
        self.client.on_connect = lambda client, *_: client.subscribe(
            [
                (topics.topic(TerminalId("t-1"), Channel.ACK), 0),
                (topics.topic(TerminalId("t-1"), Channel.WANT), 1),
            ]
        )
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_disconnect = lambda *_: self._subscribed.clear()
        self.client.connect_async(address.host, address.port)
        self.client.loop_start()

    def wait(self) -> None:
        assert self._subscribed.wait(PATIENCE_S)

    def send(self, door: Door, *seqs: int) -> None:
        self.client.publish(door.topic, door.payload(*(door.made[seq] for seq in seqs)), 1)

    def ack(self) -> PunchAck:
        message = self.heard.get(timeout=PATIENCE_S)
        assert message.topic.endswith("/ack")
        return read_ack(bytes(message.payload))

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def peer(broker: EmbeddedBroker | Mosquitto) -> Iterator[Peer]:
    peer = Peer(broker.address)
    yield peer
    peer.close()


def until(true: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(PATIENCE_S * 20):
        if true():
            return
        pause.wait(0.05)
    pytest.fail("it did not come true")


def stored(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(punches)).scalar_one()


def test_an_ack_comes_after_the_commit(database: Database, broker: EmbeddedBroker | Mosquitto, peer: Peer):
    door = Door()
    for seq in (1, 2, 3):
        door.punch(seq)
    with ingest(database, broker.address) as worker:
        until(lambda: worker.connected)
        peer.wait()
        peer.send(door, 1, 2, 3)

        assert committed(peer.ack()) == {1, 2, 3}
        assert stored(database) == 3


def test_without_a_commit_there_is_no_ack(database: Database, broker: EmbeddedBroker | Mosquitto, peer: Peer):
    door = Door()
    door.punch(1)
    with ingest(database, broker.address) as worker:
        until(lambda: worker.connected)
        peer.wait()
        with database.write():  # nobody else can commit meanwhile
            peer.send(door, 1)
            with pytest.raises(queue.Empty):
                peer.heard.get(timeout=1)

        assert committed(peer.ack()) == {1}


def test_poison_does_not_stop_the_next_message(
    database: Database, broker: EmbeddedBroker | Mosquitto, peer: Peer
):
    door = Door()
    door.punch(1)
    with ingest(database, broker.address) as worker:
        until(lambda: worker.connected)
        peer.wait()
        peer.client.publish(door.topic, b"\xc1 poison", 1)
        peer.send(door, 1)

        assert committed(peer.ack()) == {1}


def test_a_broker_that_restarts_is_found_again(
    database: Database, broker: EmbeddedBroker | Mosquitto, peer: Peer
):
    door = Door()
    door.punch(1)
    door.punch(2)
    with ingest(database, broker.address) as worker:
        until(lambda: worker.connected)
        peer.wait()
        peer.send(door, 1)
        assert committed(peer.ack()) == {1}

        broker.stop()
        until(lambda: not worker.connected)
        broker.start()
        until(lambda: worker.connected)
        peer.wait()
        peer.send(door, 2)

        assert committed(peer.ack()) == {2}
        assert stored(database) == 2


def test_a_terminal_is_told_of_a_new_roster(
    database: Database, broker: EmbeddedBroker | Mosquitto, peer: Peer
):
    with ingest(database, broker.address) as worker:
        until(lambda: worker.connected)
        peer.wait()
        signpost = Signpost(database, worker, SystemClock(), ZONE)
        signpost.look()
        first = msgspec.msgpack.decode(peer.heard.get(timeout=PATIENCE_S).payload, type=DesiredState)
        signpost.look()
        with database.write() as connection:
            add_person(connection, "p-2")
        signpost.look()
        second = msgspec.msgpack.decode(peer.heard.get(timeout=PATIENCE_S).payload, type=DesiredState)

    assert first.roster_version != second.roster_version
    assert peer.heard.empty()


def test_workers_share_the_punches_and_each_is_stored_once(
    database: Database, broker: EmbeddedBroker | Mosquitto, peer: Peer
):
    door = Door()
    for seq in range(1, 41):
        door.punch(seq)
    with ingest(database, broker.address) as first, ingest(database, broker.address) as second:
        until(lambda: first.connected and second.connected)
        peer.wait()
        for seq in range(1, 41):
            peer.send(door, seq)
        acked: set[int] = set()
        while len(acked) < 40:
            acked |= committed(peer.ack())

        assert stored(database) == 40
        assert first.counts.punches + second.counts.punches == 40
        assert first.counts.punches
        assert second.counts.punches


def test_a_state_that_the_broker_kept_is_read_by_a_worker_that_comes_later(
    database: Database, broker: EmbeddedBroker | Mosquitto, peer: Peer
):
    door = Door()
    peer.wait()
    peer.client.publish(door.state_topic, door.state(highest=3), 1, retain=True).wait_for_publish(PATIENCE_S)

    with ingest(database, broker.address):
        until(lambda: highest(database) == 3)


def test_a_worker_that_does_not_listen_leaves_punches_to_others(
    database: Database, broker: EmbeddedBroker | Mosquitto, peer: Peer
):
    door = Door()
    door.punch(1)
    deaf = IngestWorker(database, Feed(), SystemClock(), ZONE, broker.address, listens=False)
    deaf.start()
    with ingest(database, broker.address) as worker:
        until(lambda: worker.connected and deaf.connected)
        peer.wait()
        peer.send(door, 1)

        assert committed(peer.ack()) == {1}
        assert (worker.counts.punches, deaf.counts.messages) == (1, 0)
    deaf.stop()


def highest(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(streams.c.highest)).scalar() or 0

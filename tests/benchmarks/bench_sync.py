"""The whole way of punches: ledger, broker, workers, commit, ack; beside what people write without us.

Terminals are one process of real ledgers (in memory, for each would have a disk of its own), outboxes and
cores over one connection to the broker; workers are real processes on a real disk. Beside it: a paho loop
that trusts the PUBACK, and a worker that inserts and commits one message at a time. For a quiet machine.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import func, select

from cloud.db.engine import Database
from cloud.db.migrate import migrate
from cloud.db.tables import people, punches
from cloud.ingest.address import parse
from cloud.ingest.broker import EmbeddedBroker
from edge.health.machine import Machine
from edge.punch.file import LedgerFile
from edge.punch.rows import Draft
from edge.sync.core import WINDOW, Acked, Connected, MarkDelivered, Publish, PunchMade, Tick, UplinkCore
from edge.sync.outbox import Load, Outbox
from models import ids
from models.clock import SystemClock
from models.ids import PersonId, StreamId, TerminalId
from models.punch import ClockQuality, Method
from models.wire import topics
from models.wire.codec import decode, encode
from models.wire.messages import VERSION, PunchAck, PunchBatch
from models.wire.punches import to_wire
from models.wire.topics import Channel
from tests.benchmarks.figures import Figure
from tests.postgres import running
from tests.terminals import add_person, add_terminal

TERMINALS = 50
PEOPLE = 5_000
BACKLOG = 120_000
ONE_BY_ONE = 10_000
_NAIVE = 1_000
PATIENCE_S = 180.0
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  each terminal has its own disk
CLOCK = SystemClock()


@dataclass
class Door:
    """One terminal: its ledger, its outbox, its core."""

    terminal_id: TerminalId
    ledger: LedgerFile
    news: list[PunchMade] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.ledger)
        self.ledger.listen(lambda stream, first, last: self.news.append(PunchMade(stream, first, last)))
        self.core = UplinkCore(self.outbox.streams(), lambda: 1.0)

    def make(self, count: int, number: int) -> None:
        now = CLOCK.wall_ms()
        self.ledger.append_many([_draft(now, number + each) for each in range(count)])


class Fleet:
    """All terminals on one connection; ``pump`` carries out what their cores decide until they are empty."""

    def __init__(self, place: Path, port: int) -> None:
        self.doors: dict[str, Door] = {}
        for number in range(TERMINALS):
            name = TerminalId(f"t-{number:016d}")
            ledger = LedgerFile(place / f"{number}.db", name, Machine("m", "b"), lambda _: bytes(64))
            self.doors[name] = Door(name, ledger)
        self.sent_at: dict[tuple[str, int], float] = {}
        self.took: list[float] = []
        self.heard: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self.client = client = paho.Client(CallbackAPIVersion.VERSION2, client_id="fleet")
        client.max_inflight_messages_set(4 * TERMINALS + 50)
        client.on_message = lambda _client, _data, message: self.heard.put(
            (message.topic, bytes(message.payload))
        )
        client.connect("127.0.0.1", port)
        client.subscribe(topics.every(Channel.ACK))
        client.loop_start()

    @property
    def waiting(self) -> int:
        return sum(door.core.waiting for door in self.doors.values())

    def connect(self) -> None:
        for door in self.doors.values():
            self._carry_out(door, door.core.on(Connected(), CLOCK.monotonic_ms()))

    def tell_news(self, door: Door) -> None:
        while door.news:
            self._carry_out(door, door.core.on(door.news.pop(0), CLOCK.monotonic_ms()))

    def pump(self, *, down_to: int = 0) -> None:
        deadline = time.perf_counter() + PATIENCE_S
        while self.waiting > down_to:
            self.step()
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{self.waiting} punches were not acknowledged")

    def step(self) -> None:
        try:
            topic, payload = self.heard.get(timeout=1)
        except queue.Empty:
            for door in self.doors.values():
                self._carry_out(door, door.core.on(Tick(), CLOCK.monotonic_ms()))
            return
        door = self.doors[topic.split("/")[2]]
        ack = decode(payload, PunchAck)
        if isinstance(ack, PunchAck):
            now = time.perf_counter()
            for first, last in ack.committed:
                for seq in range(first, last + 1):
                    if (began := self.sent_at.pop((door.terminal_id, seq), None)) is not None:
                        self.took.append(now - began)
            self._carry_out(door, door.core.on(Acked(ack), CLOCK.monotonic_ms()))

    def _carry_out(self, door: Door, effects: tuple[object, ...]) -> None:
        for effect in effects:
            if isinstance(effect, Publish):
                load = door.outbox.load(effect.stream_id, effect.seqs, CLOCK)
                if len(load.punches) == 1:
                    self.sent_at[door.terminal_id, load.punches[0].seq] = time.perf_counter()
                batch = _batch(door.terminal_id, effect.stream_id, door.ledger.boot, load)
                self.client.publish(topics.topic(door.terminal_id, Channel.UP), encode(batch), qos=1)
            elif isinstance(effect, MarkDelivered):
                door.outbox.mark_delivered(effect.stream_id, effect.seqs, CLOCK.wall_ms())

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        for door in self.doors.values():
            door.ledger.close()


def _draft(now_ms: int, number: int) -> Draft:
    who = PersonId(f"p-{number % PEOPLE:05d}")
    serial = number.to_bytes(10, "big")
    return Draft(ids.punch_id(now_ms, serial), who, now_ms, number, ClockQuality.SYNCED, Method.FINGER)


def _batch(terminal: TerminalId, stream: StreamId, boot: int, load: Load) -> PunchBatch:
    wires = tuple(map(to_wire, load.punches))
    return PunchBatch(
        VERSION,
        terminal,
        stream,
        boot,
        load.at_ms,
        load.at_monotonic_ms,
        load.lowest,
        load.highest,
        wires,
    )


# -- the other side ------------------------------------------------------------------------------------------


@contextmanager
def _mosquitto(place: Path) -> Iterator[int]:
    port = _free_port()
    config = place / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 1000\n"
        "max_queued_messages 200000\n"
    )
    program = shutil.which("mosquitto") or "mosquitto"
    with subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL) as process:
        _wait_for_port(port)
        yield port
        process.terminate()


@contextmanager
def _embedded(_place: Path) -> Iterator[int]:
    broker = EmbeddedBroker(parse("embedded://127.0.0.1:0"))
    broker.start()
    try:
        yield broker.address.port
    finally:
        broker.stop()


@contextmanager
def _workers(port: int, url: str, count: int) -> Iterator[list[int]]:
    command = [sys.executable, "-m", "cloud.cli", "ingest", "--broker-url", f"mqtt://127.0.0.1:{port}"]
    started = [
        subprocess.Popen(
            [*command, "--database-url", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    try:
        for each in started:
            for line in each.stderr or ():
                if "broker_connected" in line:
                    break
        yield [each.pid for each in started]
    finally:
        for each in started:
            each.terminate()
            each.communicate()


def _database(url: str) -> Database:
    database = Database(url)
    migrate(database)
    with database.write() as connection:
        for number in range(TERMINALS):
            add_terminal(connection, f"t-{number:016d}")
        add_person(connection, "p-00000")
        connection.execute(people.insert(), [_person(number) for number in range(1, PEOPLE)])
    return database


def _person(number: int) -> dict[str, object]:
    who = f"p-{number:05d}"
    return {"person_id": who, "employee_no": who, "name": who, "department_id": "d", "updated_ms": 0}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nobody listens on port {port}")


# -- what is measured ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """Wall seconds and CPU seconds (of terminals and workers) for a number of punches; acks in ms."""

    punches: int
    wall_s: float
    cpu_s: float
    acks_ms: tuple[float, ...]

    def __str__(self) -> str:
        text = f"{self.punches / self.wall_s:,.0f}/s, {1e6 * self.cpu_s / self.punches:.0f} us CPU a punch"
        if self.acks_ms:
            ordered = sorted(self.acks_ms)
            p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
            text += f", ack p50 {p50:.0f} ms, p99 {p99:.0f} ms"
        return text


def _run(port: int, url: str, workers: int, work: Work, count: int) -> Run:
    """``work`` of a fleet against ``workers``; every punch must be stored once."""
    database = _database(url)
    with tempfile.TemporaryDirectory(dir=MEMORY) as place, _workers(port, url, workers) as processes:
        fleet = Fleet(Path(place), port)
        work.prepare(fleet)
        cpu, began = _cpu_s(processes), time.perf_counter()
        work.run(fleet)
        wall, cpu = time.perf_counter() - began, _cpu_s(processes) - cpu
        took = tuple(1000 * each for each in fleet.took)
        fleet.close()
    with database.read() as connection:
        stored = connection.execute(select(func.count()).select_from(punches)).scalar_one()
    database.close()
    if stored != count:
        raise AssertionError(f"{stored} punches are stored, {count} were made")
    return Run(count, wall, cpu, took)


def _cpu_s(workers: list[int]) -> float:
    """CPU seconds of this process and of the workers so far."""
    ticks = 0
    for process in (os.getpid(), *workers):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Work(Protocol):
    """What the terminals do; only ``run`` is measured."""

    def prepare(self, fleet: Fleet) -> None: ...
    def run(self, fleet: Fleet) -> None: ...


class Backlog:
    """Everything was made while the terminals were offline; meanwhile somebody punches now and then."""

    LIVE = 20

    def prepare(self, fleet: Fleet) -> None:
        each = BACKLOG // TERMINALS
        for number, door in enumerate(fleet.doors.values()):
            door.make(each, number * each)
            fleet.tell_news(door)

    def run(self, fleet: Fleet) -> None:
        fleet.connect()
        doors = list(fleet.doors.values())
        for number in range(self.LIVE):
            fleet.pump(down_to=BACKLOG - (number + 1) * BACKLOG // (self.LIVE + 1))
            door = doors[number % len(doors)]
            door.make(1, BACKLOG + number)
            fleet.tell_news(door)
        fleet.pump()


class OneByOne:
    """A message a punch, at most four under way at each terminal."""

    def prepare(self, fleet: Fleet) -> None:
        fleet.connect()

    def run(self, fleet: Fleet) -> None:
        doors = list(fleet.doors.values())
        made = 0
        while made < ONE_BY_ONE:
            free = [door for door in doors if door.core.in_flight < WINDOW]
            for door in free[: ONE_BY_ONE - made]:
                door.make(1, made)
                fleet.tell_news(door)
                made += 1
            fleet.step()
        fleet.pump()


def measure() -> Iterator[Figure]:
    """The figures, and the absolute numbers of this machine on standard error."""
    with (
        tempfile.TemporaryDirectory() as place,
        _mosquitto(Path(place)) as port,
        running(durable=True) as server,
    ):
        one_insert = _one_insert_a_message(Path(place), port)
        trusting = _trusting_loop(port)
        named: dict[str, Run] = {}
        for name, url, workers in (
            ("SQLite, one worker", f"sqlite:///{place}/batched.db", 1),
            ("PostgreSQL, two workers", server.fresh("bench_batched"), 2),
        ):
            named[f"backlog, mosquitto, {name}"] = _run(port, url, workers, Backlog(), BACKLOG + Backlog.LIVE)
        for name, url, workers in (
            ("SQLite, one worker", f"sqlite:///{place}/single.db", 1),
            ("PostgreSQL, two workers", server.fresh("bench_single"), 2),
        ):
            named[f"one by one, mosquitto, {name}"] = _run(port, url, workers, OneByOne(), ONE_BY_ONE)
        with _embedded(Path(place)) as embedded:
            url = f"sqlite:///{place}/embedded.db"
            name = "backlog, embedded broker, SQLite, one worker"
            named[name] = _run(embedded, url, 1, Backlog(), BACKLOG + Backlog.LIVE)
    for name, run in named.items():
        sys.stderr.write(f"  {name}: {run} (load {os.getloadavg()[0]:.1f})\n")
        per_1000 = 1000 * run.wall_s / run.punches
        yield Figure(f"1000 punches, {name}", per_1000, "one INSERT a message", one_insert)
        yield Figure(f"1000 punches, {name}", per_1000, "a paho loop that trusts the PUBACK", trusting)


def _one_insert_a_message(place: Path, port: int) -> float:
    """A worker as people write it: a JSON message, an INSERT, a commit. Seconds for 1000, durable."""
    db = sqlite3.connect(place / "naive.db", check_same_thread=False, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE punches (id TEXT PRIMARY KEY, person TEXT, at INTEGER)")
    done = threading.Event()
    seen = count(1)

    def store(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        punch = json.loads(message.payload)
        db.execute(
            "INSERT OR IGNORE INTO punches VALUES (?, ?, ?)", (punch["id"], punch["person"], punch["at"])
        )
        if next(seen) == _NAIVE:
            done.set()

    worker = _client(port, "naive-worker")
    worker.on_message = store
    worker.subscribe("naive", 1)
    began = time.perf_counter()
    _publish_all(port, "naive", _NAIVE)
    if not done.wait(PATIENCE_S):
        raise TimeoutError("the worker with one INSERT a message did not finish")
    took = time.perf_counter() - began
    worker.disconnect()
    worker.loop_stop()
    db.close()
    return 1000 * took / _NAIVE


def _trusting_loop(port: int) -> float:
    """A terminal as people write it: publish, wait for the PUBACK, forget. Nobody stores anything."""
    began = time.perf_counter()
    _publish_all(port, "trusting", _NAIVE)
    return 1000 * (time.perf_counter() - began) / _NAIVE


def _publish_all(port: int, topic: str, number: int) -> None:
    client = _client(port, "naive-terminal")
    for each in range(number):
        punch = json.dumps({"id": f"{each:032x}", "person": f"p-{each % PEOPLE:05d}", "at": CLOCK.wall_ms()})
        client.publish(topic, punch, qos=1).wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


def _client(port: int, name: str) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client

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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
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
DAYS = 30
A_DAY = 4
ONE_BY_ONE = 10_000
_NAIVE = 1_000
PATIENCE_S = 180.0
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  each terminal has its own disk
_DAY_MS = 24 * 3600 * 1000
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
        """Punches of now, each of somebody else."""
        now = CLOCK.wall_ms()
        self.ledger.append_many([_draft(now, number + each, number + each) for each in range(count)])

    def make_month(self, count: int, number: int) -> None:
        """Punches of the days before now: the same people, four times each day."""
        begin, people = CLOCK.wall_ms() - DAYS * _DAY_MS, count // (DAYS * A_DAY)
        self.ledger.append_many(
            [
                _draft(begin + each * DAYS * _DAY_MS // count, number + each, number + each % people)
                for each in range(count)
            ]
        )

    def tell_one_by_one(self) -> None:
        """Let the core hear of what was made as if each had just been."""
        self.news = [
            PunchMade(made.stream_id, seq, seq)
            for made in self.news
            for seq in range(made.first, made.last + 1)
        ]


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
            self.tell_next(door)

    def tell_next(self, door: Door) -> None:
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


def _draft(at_ms: int, number: int, person: int) -> Draft:
    who = PersonId(f"p-{person % PEOPLE:05d}")
    serial = number.to_bytes(10, "big")
    return Draft(ids.punch_id(at_ms, serial), who, at_ms, number, ClockQuality.SYNCED, Method.FINGER)


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


@dataclass(frozen=True, slots=True)
class Broker:
    """Where it listens, and its process."""

    port: int
    process: int


@contextmanager
def _mosquitto(place: Path) -> Iterator[Broker]:
    port = _free_port()
    config = place / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 1000\n"
        "max_queued_messages 200000\n"
    )
    program = shutil.which("mosquitto") or "mosquitto"
    with subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL) as process:
        _wait_for_port(port)
        yield Broker(port, process.pid)
        process.terminate()


@contextmanager
def _embedded() -> Iterator[Broker]:
    broker = EmbeddedBroker(parse("embedded://127.0.0.1:0"))
    others = set(_children(os.getpid()))
    broker.start()
    (process,) = set(_children(os.getpid())) - others
    try:
        yield Broker(broker.address.port, process)
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
    """Wall seconds, and CPU seconds by who used them, for a number of punches; acks in ms."""

    punches: int
    wall_s: float
    cpu_s: dict[str, float]
    acks_ms: tuple[float, ...]

    def __str__(self) -> str:
        each = {name: 1e6 * cpu / self.punches for name, cpu in self.cpu_s.items()}
        shares = ", ".join(f"{name} {cpu:.0f}" for name, cpu in each.items())
        text = f"{self.punches / self.wall_s:,.0f}/s; us CPU a punch: {sum(each.values()):.0f} ({shares})"
        if self.acks_ms:
            ordered = sorted(self.acks_ms)
            p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
            text += f"; ack p50 {p50:.0f} ms, p99 {p99:.0f} ms"
        return text


@dataclass(frozen=True, slots=True)
class Place:
    """A database, what runs it (none: it is in the workers), and how many workers fill it."""

    url: str
    server: int | None
    workers: int


def _run(broker: Broker, place: Place, work: Work, count: int) -> Run:
    """``work`` of a fleet against the workers of ``place``; every punch must be stored once."""
    database = _database(place.url)
    with (
        tempfile.TemporaryDirectory(dir=MEMORY) as folder,
        _workers(broker.port, place.url, place.workers) as processes,
    ):
        fleet = Fleet(Path(folder), broker.port)
        work.prepare(fleet)

        def used() -> dict[str, float]:
            found = {
                "terminals": _cpu_s([os.getpid()]),
                "broker": _cpu_s([broker.process]),
                "workers": _cpu_s(processes),
            }
            if place.server is not None:
                found["database"] = _cpu_s([place.server, *_children(place.server)])
            return found

        before, began = used(), time.perf_counter()
        work.run(fleet)
        wall, after = time.perf_counter() - began, used()
        took = tuple(1000 * each for each in fleet.took)
        fleet.close()
    with database.read() as connection:
        stored = connection.execute(select(func.count()).select_from(punches)).scalar_one()
    database.close()
    if stored != count:
        raise AssertionError(f"{stored} punches are stored, {count} were made")
    return Run(count, wall, {name: after[name] - before[name] for name in after}, took)


def _cpu_s(processes: Iterable[int]) -> float:
    """CPU seconds of processes so far, with those of their children that ended."""
    ticks = 0
    for process in processes:
        ticks += sum(int(field) for field in _stat(process)[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(parent: int) -> list[int]:
    """The processes that ``parent`` has started and that run."""
    running = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    found = []
    for process in running:
        with suppress(OSError):
            if int(_stat(process)[1]) == parent:
                found.append(process)
    return found


def _stat(process: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, ..."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


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
            door.make_month(each, number * each)
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
    """A message a punch, at most four under way at each terminal; all were made before."""

    def prepare(self, fleet: Fleet) -> None:
        each = ONE_BY_ONE // TERMINALS
        for number, door in enumerate(fleet.doors.values()):
            door.make(each, number * each)
            door.tell_one_by_one()
        fleet.connect()

    def run(self, fleet: Fleet) -> None:
        doors = list(fleet.doors.values())
        while any(door.news for door in doors):
            for door in doors:
                while door.news and door.core.in_flight < WINDOW:
                    fleet.tell_next(door)
            fleet.step()
        fleet.pump()


def measure() -> Iterator[Figure]:
    """The figures, and the absolute numbers of this machine on standard error."""
    with (
        tempfile.TemporaryDirectory() as place,
        _mosquitto(Path(place)) as broker,
        running(durable=True) as server,
    ):
        one_insert = _one_insert_a_message(Path(place), broker.port)
        trusting = _trusting_loop(broker.port)
        postgres = int((server.directory / "data" / "postmaster.pid").read_text().splitlines()[0])

        def places(name: str) -> dict[str, Place]:
            return {
                "SQLite, one worker": Place(f"sqlite:///{place}/{name}.db", None, 1),
                "PostgreSQL, two workers": Place(server.fresh(name), postgres, 2),
            }

        named: dict[str, Run] = {}
        for name, each in places("batched").items():
            named[f"backlog, mosquitto, {name}"] = _run(broker, each, Backlog(), BACKLOG + Backlog.LIVE)
        for name, each in places("single").items():
            named[f"one by one, mosquitto, {name}"] = _run(broker, each, OneByOne(), ONE_BY_ONE)
        with _embedded() as embedded:
            each = Place(f"sqlite:///{place}/embedded.db", None, 1)
            name = "backlog, embedded broker, SQLite, one worker"
            named[name] = _run(embedded, each, Backlog(), BACKLOG + Backlog.LIVE)
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

"""The whole way of punches: ledger, broker, workers, commit, ack; beside what people write without us.

The terminals are one process with one connection. Their punches are in real ledgers, and real outboxes and
the real encoder made every batch of them, all before the clock starts: that work is done by fifty computers
at fifty doors, not by the two cores on which the cloud is measured. While it runs a terminal does what the
cloud can notice: at most four batches under way, the next when one is acknowledged, a punch of now first and
beside them, the moment of sending in each batch, and a punch counts only when a PunchAck covers it. Left out:
reading and marking the ledger, resending (a lost message fails the run), TLS, a connection each.

Workers are real processes on a real disk. Beside it: a paho loop that trusts the PUBACK, and a worker that
inserts and commits one message at a time. For a quiet machine.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path
from typing import Protocol

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import func, select

from cloud.db.engine import Database
from cloud.db.migrate import migrate
from cloud.db.tables import people, punches
from cloud.ingest import packets
from cloud.ingest.address import parse
from cloud.ingest.broker import EmbeddedBroker
from edge.health.machine import Machine
from edge.punch.file import LedgerFile
from edge.punch.rows import Draft
from edge.sync.core import LIVE_WINDOW, WINDOW
from edge.sync.outbox import Load, Outbox
from models import ids
from models.clock import SystemClock
from models.ids import PersonId, StreamId, TerminalId
from models.punch import ClockQuality, Method
from models.ranges import Ranges
from models.wire import topics
from models.wire.codec import encode
from models.wire.messages import BATCH_MAX_PUNCHES, VERSION, PunchAck, PunchBatch
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
ONE_BY_ONE = 20_000
MIDS = 1_000
"""Packet ids a terminal has of the connection's 65,535; it has few under way."""
_NAIVE = 1_000
PATIENCE_S = 180.0
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  each terminal has its own disk
_DAY_MS = 24 * 3600 * 1000
CLOCK = SystemClock()


@dataclass(slots=True)
class Flight:
    """A batch as bytes; ``since``: when it was sent, or the punch of now was made."""

    first: int
    last: int
    packet: bytearray
    sent_ms_at: int
    is_live: bool = False
    since: float = 0.0


class Door:
    """One terminal: its ledger and outbox, what waits to be sent, what is under way."""

    def __init__(self, place: Path, number: int) -> None:
        self.terminal_id = TerminalId(f"t-{number:016d}")
        self._ledger = LedgerFile(
            place / f"{number}.db", self.terminal_id, Machine("m", "b"), lambda _: bytes(64)
        )
        self._outbox = Outbox(self._ledger)
        self._made: list[tuple[StreamId, int, int]] = []
        self._ledger.listen(lambda *made: self._made.append(made))
        self._mids = cycle(range(number * MIDS + 1, (number + 1) * MIDS + 1))
        self.waiting: deque[Flight] = deque()
        self.under_way: list[Flight] = []

    def make_month(self, count: int, number: int) -> None:
        """Punches of the days before now: the same people, four times each day."""
        begin, people = CLOCK.wall_ms() - DAYS * _DAY_MS, count // (DAYS * A_DAY)
        self._append(
            [
                _draft(begin + each * DAYS * _DAY_MS // count, number + each, number + each % people)
                for each in range(count)
            ]
        )
        self.waiting.extend(self._batches(BATCH_MAX_PUNCHES))

    def make_one_by_one(self, count: int, number: int) -> None:
        """Punches of now, each of somebody else, and each a batch of its own."""
        now = CLOCK.wall_ms()
        self._append([_draft(now, number + each, number + each) for each in range(count)])
        self.waiting.extend(self._batches(1))

    def punch(self, number: int) -> None:
        """Somebody punches now: it goes before the backlog."""
        self._append([_draft(CLOCK.wall_ms(), number, number)])
        for flight in self._batches(1):
            flight.is_live, flight.since = True, time.perf_counter()
            self.waiting.appendleft(flight)

    def next(self) -> Flight | None:
        """What may be sent now."""
        if not self.waiting:
            return None
        if len(self.under_way) >= (LIVE_WINDOW if self.waiting[0].is_live else WINDOW):
            return None
        flight = self.waiting.popleft()
        if not flight.is_live:
            flight.since = time.perf_counter()
        struct.pack_into(">Q", flight.packet, flight.sent_ms_at, CLOCK.wall_ms())
        self.under_way.append(flight)
        return flight

    def acked(self, ack: PunchAck) -> list[Flight]:
        """The batches that the ack covers from the first punch to the last."""
        done = [
            each
            for each in self.under_way
            if any(first <= each.first and each.last <= last for first, last in ack.committed)
        ]
        self.under_way = [each for each in self.under_way if each not in done]
        return done

    def close(self) -> None:
        self._ledger.close()

    def _append(self, drafts: list[Draft]) -> None:
        self._ledger.append_many(drafts)

    def _batches(self, size: int) -> Iterator[Flight]:
        for stream, first, last in self._made:
            for low in range(first, last + 1, size):
                high = min(low + size - 1, last)
                load = self._outbox.load(stream, Ranges.of([(low, high)]), CLOCK)
                payload = encode(_batch(self.terminal_id, stream, self._ledger.boot, load))
                topic = topics.topic(self.terminal_id, Channel.UP)
                packet = bytearray(packets.publish(topic, payload, mid=next(self._mids)))
                yield Flight(low, high, packet, packet.index(struct.pack(">Q", load.at_ms)))
        self._made.clear()


class Fleet:
    """All terminals on one connection."""

    def __init__(self, place: Path, port: int) -> None:
        self.doors = [Door(place, number) for number in range(TERMINALS)]
        self._of = {topics.topic(door.terminal_id, Channel.ACK): door for door in self.doors}
        self.took: list[float] = []
        self.live_took: list[float] = []
        self._reader = packets.Reader()
        self._link = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._link.sendall(packets.connect("fleet", 600, None, None))
        self._link.sendall(packets.subscribe(1, [topics.every(Channel.ACK)], 0))
        while not any(isinstance(said, packets.Subscribed) for said in self._hear()):
            pass

    @property
    def left(self) -> int:
        """Batches not yet acknowledged."""
        return sum(len(door.waiting) + len(door.under_way) for door in self.doors)

    def send(self, doors: Iterable[Door]) -> None:
        out: list[bytearray] = []
        for door in doors:
            while (flight := door.next()) is not None:
                out.append(flight.packet)
        if out:
            self._link.sendall(b"".join(out))

    def pump(self, *, down_to: int = 0) -> None:
        """Until so many batches are left."""
        self.send(self.doors)
        left = self.left
        while left > down_to:
            moved: dict[int, Door] = {}
            heard = self._hear()
            now = time.perf_counter()
            for said in heard:
                if isinstance(said, packets.Published):
                    door = self._of[said.topic]
                    for flight in door.acked(msgspec.msgpack.decode(said.payload, type=PunchAck)):
                        (self.live_took if flight.is_live else self.took).append(now - flight.since)
                        left -= 1
                    moved[id(door)] = door
            self.send(moved.values())

    def _hear(self) -> list[packets.Said]:
        data = self._link.recv(1 << 18)
        if not data:
            raise ConnectionError("the broker closed the connection")
        return list(self._reader.feed(data))

    def close(self) -> None:
        self._link.close()
        for door in self.doors:
            door.close()


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
    """As ``kaoqin-cloud broker config`` has it where time is concerned, without certificates."""
    port = _free_port()
    config = place / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 1000\n"
        "max_queued_messages 200000\nset_tcp_nodelay true\n"
    )
    program = shutil.which("mosquitto") or "mosquitto"
    with subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for_port(port)
            yield Broker(port, process.pid)
        finally:
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
    """Wall seconds, and CPU seconds by who used them, for a number of punches; acks in ms.

    ``acks_ms``: from the sending of a batch; ``live_ms``: from the moment a punch of now was in its ledger.
    """

    punches: int
    wall_s: float
    cpu_s: dict[str, float]
    acks_ms: tuple[float, ...]
    live_ms: tuple[float, ...]

    def __str__(self) -> str:
        each = {name: 1e6 * cpu / self.punches for name, cpu in self.cpu_s.items()}
        shares = ", ".join(f"{name} {cpu:.0f}" for name, cpu in each.items())
        text = f"{self.punches / self.wall_s:,.0f}/s; us CPU a punch: {sum(each.values()):.0f} ({shares})"
        if self.acks_ms:
            ordered = sorted(self.acks_ms)
            p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
            text += f"; ack p50 {p50:.0f} ms, p99 {p99:.0f} ms"
        if self.live_ms:
            mean = sum(self.live_ms) / len(self.live_ms)
            text += (
                f"; all in {self.wall_s:.1f} s; punches of now beside it: acks {mean:.0f} ms in the mean, "
            )
            text += f"{max(self.live_ms):.0f} ms the slowest of {len(self.live_ms)}"
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
        acks, live = (tuple(1000 * each for each in took) for took in (fleet.took, fleet.live_took))
        fleet.close()
    with database.read() as connection:
        stored = connection.execute(select(func.count()).select_from(punches)).scalar_one()
    database.close()
    if stored != count:
        raise AssertionError(f"{stored} punches are stored, {count} were made")
    return Run(count, wall, {name: after[name] - before[name] for name in after}, acks, live)


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
        for number, door in enumerate(fleet.doors):
            door.make_month(each, number * each)

    def run(self, fleet: Fleet) -> None:
        batches = fleet.left
        for number in range(self.LIVE):
            fleet.pump(down_to=batches - (number + 1) * batches // (self.LIVE + 1))
            door = fleet.doors[number % TERMINALS]
            door.punch(BACKLOG + number)
            fleet.send([door])
        fleet.pump()


class OneByOne:
    """A message a punch, at most four under way at each terminal; all were made before."""

    def prepare(self, fleet: Fleet) -> None:
        each = ONE_BY_ONE // TERMINALS
        for number, door in enumerate(fleet.doors):
            door.make_one_by_one(each, number * each)

    def run(self, fleet: Fleet) -> None:
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

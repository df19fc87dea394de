"""A site of real processes that can be killed one by one: terminals, broker, workers, service, database.

Terminals reach the broker, and workers a PostgreSQL, through proxies of ours, so that networks can fail too.
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self
from uuid import UUID

from argon2 import PasswordHasher
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from cloud.attendance.defaults import seed
from cloud.db.engine import Database
from cloud.db.migrate import migrate
from cloud.db.tables import departments, people, punches, quarantine
from edge.agent import LEDGER_FILE
from edge.punch.proving import verify
from edge.punch.signing import ledger_key
from edge.roster.identity import Identity, save_identity
from edge.roster.store import RosterStore
from models.clock import SystemClock, from_ms
from models.ids import TerminalId
from models.wire.messages import Claimed, Roster, RosterPerson
from tests.chaos import points
from tests.chaos.checker import Row
from tests.chaos.doom import Doom, read_notes
from tests.chaos.nursery import Birth, Nursery
from tests.chaos.people import PIN
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Embedded, Mosquitto, Postgres, free_port, listens
from tests.terminals import add_terminal

PEOPLE = 5_000
RANDOM = "random"
_BY_NAME = 0.75
_READY_S = 60.0
_AGAIN_S = 0.3
"""No process is born twice within it, as a service manager has it."""
_ON_THEIR_WAY = (
    *("punch_before_insert", "punch_inserted", "punch_committed", "punch_shown"),
    *("batch_before_publish", "batch_published", "ack_received", "ack_marked"),
)


class SiteFailed(Exception):
    """The site does not come to life, or does not heal; the message has the end of a log."""


@dataclass
class Role:
    """A process of the site: how it is born, again and again."""

    name: str
    birth: Callable[[], Birth]
    points: Sequence[str] = ()
    port: int | None = None
    pid: int | None = None
    not_before_s: float = 0.0

    @property
    def kind(self) -> str:
        """The name without its number."""
        return self.name.partition("-")[0]


@dataclass
class Site:
    """One site in ``folder``; a context manager."""

    folder: Path
    broker_kind: str
    database_kind: str
    terminals: int
    luck: Random
    kills: Counter[str] = field(default_factory=Counter)
    gave_up: Counter[str] = field(default_factory=Counter)
    armed: bool = True

    def __enter__(self) -> Self:
        self._nursery = Nursery().__enter__()
        self._notes = self.folder / "died"
        self.broker = Mosquitto(self.folder) if self.broker_kind == "mosquitto" else Embedded(self.folder)
        self.postgres = Postgres(self.folder) if self.database_kind == "postgresql" else None
        self.uplink = Proxy(self.broker.port)
        self.trunk = Proxy(self.postgres.port) if self.postgres else None
        self.service_port = free_port()
        self.kiosks = [free_port() for _ in range(self.terminals)]
        self.roles = {role.name: role for role in self._cast()}
        if self.postgres:
            self.start("database")
            self._until(lambda: listens(self.postgres.port) if self.postgres else True, "database")
        self._fill()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        database = self.roles.get("database")
        if database is not None and database.pid is not None:
            # Killed, it would leave a piece of shared memory to the machine.
            self._nursery.end(database.pid, signal.SIGINT)
        self._nursery.__exit__(None, None, None)
        self.uplink.close()
        if self.trunk:
            self.trunk.close()

    # -- who is who ------------------------------------------------------------------------------------------

    def terminal(self, place: int) -> TerminalId:
        """The id of a door."""
        return TerminalId(f"t-{place:016d}")

    def state(self, place: int) -> Path:
        """The state folder of a door."""
        return self.folder / f"terminal-{place}"

    @property
    def url(self) -> str:
        """The database, without anything in between."""
        return self.postgres.url() if self.postgres else f"sqlite:///{self.folder / 'cloud' / 'kaoqin.db'}"

    def _cast(self) -> list[Role]:
        cloud = points.POINTS["cloud"]
        cast = [Role("broker", lambda: self.broker.birth(self._log("broker")), port=self.broker.port)]
        if self.postgres:
            database = self.postgres
            cast.insert(
                0, Role("database", lambda: database.birth(self._log("database")), port=database.port)
            )
        cast += [
            Role(f"worker-{number}", self._cloud(f"worker-{number}", "ingest"), cloud) for number in (1, 2)
        ]
        serve = ("serve", "--port", str(self.service_port))
        cast.append(Role("service", self._cloud("service", *serve), cloud, self.service_port))
        cast += [
            Role(f"terminal-{place}", self._edge(place), _ON_THEIR_WAY, self.kiosks[place])
            for place in range(self.terminals)
        ]
        return cast

    def _cloud(self, name: str, *arguments: str) -> Callable[[], Birth]:
        url = self.postgres.url(self.trunk.port) if self.postgres and self.trunk else self.url
        env = {
            "KAOQIN_CLOUD_DATABASE_URL": url,
            "KAOQIN_CLOUD_BROKER_URL": f"mqtt://127.0.0.1:{self.broker.port}",
            "KAOQIN_CLOUD_STATE": str(self.folder / "cloud"),
        }
        return lambda: Birth(["kaoqin-cloud", *arguments], self._log(name), env)

    def _edge(self, place: int) -> Callable[[], Birth]:
        env = {
            "KAOQIN_EDGE_STATE": str(self.state(place)),
            "KAOQIN_EDGE_KIOSK_PORT": str(self.kiosks[place]),
            "KAOQIN_EDGE_BROKER_URL": f"mqtt://127.0.0.1:{self.uplink.port}",
            "KAOQIN_EDGE_REPEAT_WINDOW_S": "0",
        }
        return lambda: Birth(["kaoqin-edge", "run"], self._log(f"terminal-{place}"), env)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    # -- what there is before the first process --------------------------------------------------------------

    def _fill(self) -> None:
        (self.folder / "cloud").mkdir(exist_ok=True)
        pin_hash = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PIN)
        clock = SystemClock()
        database = Database(self.url)
        self._migrate(database)
        with database.write() as connection:
            seed(connection, from_ms(clock.wall_ms()).year)
            connection.execute(insert(departments).values(department_id="d", name="研发部"))
            connection.execute(
                insert(people),
                [
                    {
                        "person_id": f"p-{number}",
                        "employee_no": str(number),
                        "name": f"Person {number}",
                        "department_id": "d",
                        "pin_hash": pin_hash,
                        "updated_ms": 0,
                    }
                    for number in range(PEOPLE)
                ],
            )
            for place in range(self.terminals):
                add_terminal(connection, self.terminal(place))
        database.close()
        roster = tuple(
            RosterPerson(f"p-{number}", str(number), f"Person {number}", "zh", pin_hash)
            for number in range(PEOPLE)
        )
        for place in range(self.terminals):
            terminal = self.terminal(place)
            claimed = Claimed(
                terminal,
                f"door {place}",
                f"token of {terminal}",
                f"mqtt://127.0.0.1:{self.uplink.port}",
                "HQ",
                "Asia/Shanghai",
            )
            self.state(place).mkdir()
            RosterStore(self.state(place)).replace(Roster("first", "HQ", "Asia/Shanghai", roster))
            save_identity(self.state(place), Identity(f"http://127.0.0.1:{self.service_port}", claimed))

    def _migrate(self, database: Database) -> None:
        deadline = time.perf_counter() + _READY_S
        while True:
            try:
                migrate(database)
            except OperationalError:
                if time.perf_counter() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    # -- life and death --------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """Bear a process; ours may be doomed to die at one of their points."""
        role = self.roles[name]
        birth = role.birth()
        if self.armed and role.points and self.luck.random() < _BY_NAME:
            doom = Doom(self._rare(role.points), self.luck.randint(1, 3))
            birth = Birth(birth.argv, birth.log, birth.env, doom, self._notes, birth.user)
        role.pid = self._nursery.start(birth)
        role.not_before_s = time.perf_counter() + _AGAIN_S

    def _rare(self, names: Sequence[str]) -> str:
        """One of them, rather one at which few have died: late points are seldom reached alive."""
        (name,) = self.luck.choices(names, [1 / (1 + self.kills[each]) for each in names])
        return name

    def kill(self, name: str) -> None:
        """``kill -9``, counted."""
        role = self.roles[name]
        if role.pid is not None:
            if self._nursery.kill(role.pid):
                self.kills[read_notes(self._notes).get(role.pid, f"{RANDOM} {role.kind}")] += 1
            else:
                self.gave_up[role.kind] += 1
            role.pid = None

    def bury(self) -> list[str]:
        """The roles whose process ended by itself since the last look; deaths by a point are counted."""
        ended = set(self._nursery.ended())
        gone = [role for role in self.roles.values() if role.pid in ended]
        notes = read_notes(self._notes)
        for role in gone:
            self._count(role, notes)
        return [role.name for role in gone]

    def _count(self, role: Role, notes: Mapping[int, str]) -> None:
        if role.pid is not None and role.pid in notes:
            self.kills[notes[role.pid]] += 1
        else:
            self.gave_up[role.kind] += 1
        role.pid = None

    def start_all(self) -> None:
        """Start whatever does not run."""
        now = time.perf_counter()
        for name, role in self.roles.items():
            if role.pid is None and now >= role.not_before_s:
                self.start(name)

    def wait_until_ready(self) -> None:
        """Everything listens that is asked by a port.

        Raises:
            SiteFailed: it does not.
        """
        for role in self.roles.values():
            if role.port is not None:
                self._until(partial(listens, role.port), role.name)

    def stop_ours(self) -> dict[str, int]:
        """Ask terminals, then workers and service, to end; their exit codes."""
        codes = {}
        for name, role in reversed(self.roles.items()):
            if role.points and role.pid is not None:
                codes[name] = self._nursery.end(role.pid)
                role.pid = None
        return codes

    def drained(self) -> bool:
        """Whether no terminal has anything left to deliver."""
        return all(_waiting(self.state(place) / LEDGER_FILE) == 0 for place in range(self.terminals))

    def waiting(self) -> int:
        """How many punches the terminals still hold back for want of an acknowledgement."""
        return sum(_waiting(self.state(place) / LEDGER_FILE) for place in range(self.terminals))

    def _until(self, true: Callable[[], bool], name: str) -> None:
        deadline = time.perf_counter() + _READY_S
        while not true():
            if time.perf_counter() > deadline:
                raise SiteFailed(f"{name}: {self.tail(name)}")
            time.sleep(0.05)

    def tail(self, name: str, lines: int = 20) -> str:
        """The end of a log."""
        path = self._log(name)
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    # -- the data of the cloud -------------------------------------------------------------------------------

    def database_is_gone(self) -> None:
        """Wait until a killed database has let go of its files."""
        if self.postgres:
            self._until(self.postgres.is_gone, "database")

    def database_is_back(self) -> None:
        """Wait until the database answers again: a server first recovers what it had not written."""
        self._until(self._answers, "database")

    def _answers(self) -> bool:
        database = Database(self.url)
        try:
            with database.read():
                return True
        except OperationalError:
            return False
        finally:
            database.close()

    def copy_database(self) -> None:
        """Keep the database as it is; nothing of the cloud may run."""
        _copy_tree(self._data(), self.folder / "copy")

    def restore_database(self) -> None:
        """Put the copy in its place; nothing of the cloud may run."""
        shutil.rmtree(self._data())
        _copy_tree(self.folder / "copy", self._data())

    def _data(self) -> Path:
        return self.postgres.data if self.postgres else self.folder / "cloud"

    # -- what is stored --------------------------------------------------------------------------------------

    def at_the_doors(self) -> list[Row]:
        """Every punch of every terminal, read by another SQLite than the product's."""
        return [
            row
            for place in range(self.terminals)
            for row in _ledger_rows(self.state(place) / LEDGER_FILE, self.terminal(place))
        ]

    def acknowledged(self) -> list[Row]:
        """Every punch that a terminal believes to be in the cloud."""
        return [
            row
            for place in range(self.terminals)
            for row in _ledger_rows(
                self.state(place) / LEDGER_FILE, self.terminal(place), "acked_ms IS NOT NULL"
            )
        ]

    def faults(self) -> list[str]:
        """What the terminals' own proof finds wrong."""
        return [
            str(fault)
            for place in range(self.terminals)
            for fault in verify(self.state(place) / LEDGER_FILE, ledger_key(self.state(place)).public).faults
        ]

    def in_the_cloud(self) -> tuple[list[Row], list[str]]:
        """Every punch of the cloud, and why things were put aside."""
        database = Database(self.url)
        columns = [punches.c[name] for name in _CONTENT]
        with database.read() as connection:
            rows = [
                _row(terminal, stream, seq, punch_id, person, content)
                for terminal, stream, seq, punch_id, person, *content in connection.execute(
                    select(
                        punches.c.terminal_id,
                        punches.c.stream_id,
                        punches.c.seq,
                        punches.c.punch_id,
                        punches.c.person_id,
                        *columns,
                    )
                )
            ]
            aside = connection.execute(select(quarantine.c.code, quarantine.c.reason)).all()
        database.close()
        return rows, [f"{code}: {reason}" for code, reason in aside]


_ACKED = "acked_ms IS NOT NULL"
_CONTENT = ("wall_ms", "monotonic_ms", "boot", "clock", "method", "direction", "score_milli")


def _row(
    terminal: str, stream: bytes, seq: int, punch_id: bytes, person: str, content: Sequence[object]
) -> Row:
    return Row(terminal, bytes(stream), seq, UUID(bytes=bytes(punch_id)), person, tuple(content))


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)


def _waiting(path: Path) -> int:
    try:
        db = _read_only(path)
    except sqlite3.OperationalError:
        return -1
    try:
        (count,) = db.execute("SELECT count(*) FROM punches WHERE acked_ms IS NULL").fetchone()
        return int(count)
    except sqlite3.OperationalError:
        return -1
    finally:
        db.close()


def _copy_tree(source: Path, target: Path) -> None:
    """Copy a folder with its owners: a database server is particular about them."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def _ledger_rows(path: Path, terminal: str, which: str = "TRUE") -> list[Row]:
    db = _read_only(path)
    try:
        return [
            _row(terminal, stream, seq, punch_id, person, content)
            for stream, seq, punch_id, person, *content in db.execute(
                f"SELECT stream_id, seq, punch_id, person_id, {', '.join(_CONTENT)} "  # noqa: S608 - constants
                f"FROM punches JOIN streams USING (stream_no) WHERE {which}"
            )
        ]
    finally:
        db.close()

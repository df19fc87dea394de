"""A process that has everything of ours loaded and forks it on demand: a start costs milliseconds.

``python -m tests.chaos.nursery`` obeys JSON lines on standard input and answers each with a line: a start
with the child's pid, ``{"await": pid, "within_s": s}`` with its wait status, ``{"reap": true}`` with ``[[pid,
status], ...]`` of those that ended. Every child leads a group of its own and dies with the nursery; the
nursery ends when its input does.
"""

from __future__ import annotations

import ctypes
import faulthandler
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from tests.chaos.doom import Doom, arm

_PR_SET_PDEATHSIG = 1
_OURS = {"kaoqin-edge": "edge.cli", "kaoqin-cloud": "cloud.cli"}
_PRELOADED = (
    *_OURS.values(),
    "edge.agent",
    "cloud.app",
    "cloud.commands.serve",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
)
_A_YEAR = 2026
_END_S = 60.0
"""Who was told to end and has not by then is aborted, and says in its log where each of its threads is."""


@dataclass(frozen=True, slots=True)
class Birth:
    """What to start.

    Attributes:
        argv: one of our commands, or a program on the path.
        log: the file that gets its output.
        user: who runs a foreign program, when we are root.
    """

    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    doom: Doom | None = None
    note: Path | None = None
    user: int | None = None


class Nursery:
    """The other end: starts and buries processes. A context manager; all children die when it ends."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.chaos.nursery"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lock = threading.Lock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def start(self, birth: Birth) -> int:
        """Start it; its pid, which is its group's too."""
        order = {
            "argv": list(birth.argv),
            "log": str(birth.log),
            "env": dict(birth.env),
            "doom": str(birth.doom) if birth.doom else None,
            "note": str(birth.note) if birth.note else None,
            "user": birth.user,
        }
        return int(self._ask(order))

    def kill(self, pid: int) -> bool:
        """``kill -9`` of a process and its group, gone when this returns; whether that is what ended it."""
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        killed = int(self._ask({"await": pid, "within_s": _END_S}))
        return os.waitstatus_to_exitcode(killed) == -signal.SIGKILL

    def end(self, pid: int, number: signal.Signals = signal.SIGTERM, within_s: float = _END_S) -> int:
        """Ask a process to end; its exit code, negative for a signal: -6 if it had to be made to."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        return os.waitstatus_to_exitcode(int(self._ask({"await": pid, "within_s": within_s})))

    def ended(self) -> list[int]:
        """Those that ended since the last time, by pid."""
        return [pid for pid, _ in self._ask({"reap": True})]

    def _ask(self, order: Mapping[str, object]) -> Any:
        with self._lock:
            if self._process.stdin is None or self._process.stdout is None:
                raise RuntimeError("the nursery has no pipes")
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
            if not answer:
                raise RuntimeError(f"the nursery ended with {self._process.wait()}")
            return json.loads(answer)


def _serve() -> None:
    for module in _PRELOADED:
        importlib.import_module(module)
    _warm_up()
    children: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "await" in order:
            answer: object = _await(order["await"], children, order["within_s"])
        elif "reap" in order:
            answer = _reap(children)
        else:
            answer = _fork(order)
            children.add(int(str(answer)))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in children:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _warm_up() -> None:
    """What every start would load or work out anew, and finds done: lazy imports, mappings, a slow hash."""
    from cloud.attendance.defaults import seed
    from cloud.db.engine import Database
    from cloud.db.migrate import migrate
    from edge.pin.check import _nobodys_hash

    _nobodys_hash()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/warm.db")
        migrate(database)
        with database.write() as connection:
            seed(connection, _A_YEAR)
        database.close()
    if threading.active_count() > 1:
        raise RuntimeError(f"a thread does not survive a fork: {threading.enumerate()}")


_EARLY: dict[int, int] = {}


def _await(pid: int, children: set[int], within_s: float) -> int:
    if pid in children:
        children.discard(pid)
        _EARLY[pid] = _ended(pid, within_s)
    return _EARLY.get(pid, 0)


def _ended(pid: int, within_s: float) -> int:
    deadline = time.perf_counter() + within_s
    while time.perf_counter() < deadline:
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            return status
        time.sleep(0.002)
    os.kill(pid, signal.SIGABRT)
    return os.waitpid(pid, 0)[1]


def _reap(children: set[int]) -> list[tuple[int, int]]:
    found = []
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            break
        children.discard(pid)
        _EARLY[pid] = status
        found.append((pid, status))
    return found


def _fork(order: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            _become(order)
        finally:
            os._exit(70)
    return pid


def _become(order: dict[str, Any]) -> NoReturn:
    os.setsid()
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for theirs, ours in ((null, 0), (log, 1), (log, 2)):
        os.dup2(theirs, ours)
    os.environ.update(order["env"])
    if order["user"] is not None:
        os.setgroups([])
        os.setgid(order["user"])
        os.setuid(order["user"])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    program, *arguments = order["argv"]
    if program not in _OURS:
        os.execvp(program, [program, *arguments])  # noqa: S606 - that is what it is for
    if order["doom"]:
        arm(Doom.read(order["doom"]), Path(order["note"]))
    faulthandler.enable(2)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - the pipe of the nursery is not the child's
    code = importlib.import_module(_OURS[program]).main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()

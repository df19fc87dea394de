"""The processes of a site: started with their own log, watched, measured and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
_STOP_SECONDS = 15


class StoryFailed(Exception):
    """The story cannot go on; the message is what a person should read."""


class PortTaken(StoryFailed):
    """Something else listens there."""


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What a child process sees: nothing of ours is inherited from the caller's shell."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("KAOQIN_")}
    return inherited | {"PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"} | dict(extra)


def dying_with_us(command: Sequence[str]) -> list[str]:
    """``command`` so that it is killed when the process that starts it ends, even by SIGKILL.

    Source: PR_SET_PDEATHSIG of prctl(2), by setpriv(1) of util-linux; without that, as it is.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else list(command)


def free_port() -> int:
    """A TCP port of the loopback that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ask_for_port(port: int) -> None:
    """Make sure that ``port`` can be listened on.

    Raises:
        PortTaken: somebody else has it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(
                f"Port {port} cannot be used: {error.strerror}. Choose another: --port N"
            ) from error


@dataclass
class Processes:
    """What runs, in the order in which it was started; stopped in the reverse one.

    Every process leads its own group, so that a Ctrl-C of the terminal reaches the story alone.
    """

    logs: Path
    env: Mapping[str, str] = field(default_factory=dict)
    _running: list[tuple[str, subprocess.Popen[str]]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop all."""
        for name, _ in reversed(list(self._running)):
            self.stop(name)

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Start one of our commands; its output goes to ``name.log``."""
        with (self.logs / f"{name}.log").open("a") as log:
            process = subprocess.Popen(
                dying_with_us([str(BIN / command[0]), *command[1:]]),
                cwd=ROOT,
                env=environment({**self.env, **(env or {})}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self._running.append((name, process))

    def stop(self, name: str, *, kill: bool = False) -> None:
        """Ask one process to end, or kill it; it is gone when this returns."""
        process = next(process for known, process in self._running if known == name)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL) if kill else process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running = [(known, other) for known, other in self._running if known != name]

    def check(self) -> None:
        """Make sure that all still run.

        Raises:
            StoryFailed: one ended; the message has the end of its log.
        """
        for name, process in self._running:
            if (code := process.poll()) is not None:
                raise StoryFailed(f"{name} ended with exit code {code}:\n{self.tail(name)}")

    def tail(self, name: str, lines: int = 15) -> str:
        """The end of a log."""
        return "\n".join((self.logs / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])

    def run(self, command: Sequence[str], *, give: str | None = None, ok: Sequence[int] = (0,)) -> str:
        """Run one of our commands to its end and return what it printed.

        Raises:
            StoryFailed: its exit code is not one of ``ok``.
        """
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=ROOT,
            env=environment(self.env),
            input=give,
            stdin=None if give is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        with (self.logs / "commands.log").open("a") as log:
            log.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}")
        if done.returncode not in ok:
            said = (done.stderr.strip() or done.stdout.strip())[-1500:]
            raise StoryFailed(f"{' '.join(command)}: exit code {done.returncode}\n{said}")
        return done.stdout


class MemoryWatch:
    """The peak of the memory of this process and all below it, in MB of 10^6 bytes.

    Proportional set sizes are added up: a page that several processes share counts once in all.
    """

    def __init__(self, interval_s: float = 0.5) -> None:
        self.peak_mb = 0.0
        self._interval_s = interval_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            total = sum(_proportional_bytes(pid) for pid in _family(os.getpid()))
            self.peak_mb = max(self.peak_mb, total / 1e6)
            if self._done.wait(self._interval_s):
                return


def _family(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:
                continue  # the thread has just ended
    return found


def _proportional_bytes(pid: int) -> int:
    """Source: proc(5), smaps_rollup."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # it has just ended
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))

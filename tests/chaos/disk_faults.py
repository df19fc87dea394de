"""Disks that fail under a real terminal process: random errors by libfiu, and a tmpfs without room.

libfiu comes between the process and the C library (LD_PRELOAD), so it reaches the SQLite inside ``apsw``
too. The tmpfs is mounted in a namespace of its own: it is gone with the process, whatever that dies of.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from tests.chaos import door_kills
from tests.chaos.checker import Outcome, Verdict
from tests.chaos.door_kills import Memory, Seen, Tally, child, compare, hear, last_look, listen, remember
from tests.chaos.servers import Missing

_ROOT = Path(__file__).parents[2]
_ERRORS = {
    "write": "enable_random name=posix/io/rw/pwrite*,probability=0.03",
    "sync": "enable_random name=posix/io/sync/*,probability=0.03",
}
NO_MOUNT = 69
"""The exit code that says so."""

_MANY = 120
_ROOM = "2m"
_LEFT_BYTES = 64 * 1024
_PUNCHES_MAX = 3_000


def under_errors(folder: Path, sessions: int, seed: int) -> Tally:
    """Punch in ``sessions`` processes whose writes, or syncs, fail now and then.

    Raises:
        Missing: libfiu is not installed.
    """
    program = shutil.which("fiu-run")
    if program is None:
        raise Missing("fiu-run is not installed (package fiu-utils)")
    luck = Random(f"errors {seed}")
    tally, memory, state = Tally(), Memory(), folder / "door"
    state.mkdir()
    for session in range(sessions):
        kind = ("write", "sync")[session % 2]
        memory.days += 1
        commands = [line for _ in range(_MANY // 4) for line in door_kills.some_commands(memory, luck)]
        seen = _talk_under(program, _ERRORS[kind], state, memory.days, commands)
        before = len(memory.attempts)
        compare(memory, commands, seen, tally)
        if seen.roster is None:
            tally.sometimes["did not even open"] += 1
        fails = sum(attempt.outcome is Outcome.FAIL for attempt in memory.attempts[before:])
        tally.sometimes[f"NOT recorded, by a failed {kind}"] += fails
        if kind == "sync":
            _doubt(memory, before)
    last_look(state, memory, tally)
    tally.outcomes.update(attempt.outcome for attempt in memory.attempts)
    return tally


def _talk_under(program: str, fault: str, state: Path, day: int, commands: list[str]) -> Seen:
    with subprocess.Popen(
        [program, "-x", "-c", fault, sys.executable, "-m", "tests.chaos.doorstep", str(state), str(day)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        with suppress(BrokenPipeError):
            process.stdin.write("".join(f"{line}\n" for line in commands).encode())
            process.stdin.flush()
        seen = listen(process.pid, process.stdout.fileno(), len(commands))
        with suppress(BrokenPipeError):
            process.stdin.close()
    return seen


def _doubt(memory: Memory, first: int) -> None:
    """A commit whose sync failed was told as "NOT recorded" and may come back from the log: it did happen."""
    memory.attempts[first:] = [
        replace(attempt, outcome=Outcome.INFO) if attempt.outcome is Outcome.FAIL else attempt
        for attempt in memory.attempts[first:]
    ]


def on_a_full_disk(folder: Path) -> Tally:
    """Punch until a small disk is full and beyond, kill, make room, go on; in a mount namespace of its own.

    Raises:
        Missing: mounting is not allowed here.
    """
    kills, outcomes, sometimes, wrong = in_a_namespace("tests.chaos.disk_faults", folder)
    return Tally(Counter(kills), Counter(outcomes), Counter(sometimes), Verdict(**wrong))


def in_a_namespace(module: str, folder: Path) -> Any:
    """What ``module``, run with ``folder`` where it may mount, printed as JSON in its last line.

    Raises:
        Missing: mounting is not allowed here.
    """
    command = [sys.executable, "-m", module, str(folder)]
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", *command]
        if os.getuid()
        else ["unshare", "--mount", "--propagation", "private", *command],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == NO_MOUNT or "unshare:" in done.stderr:
        raise Missing(f"no tmpfs can be mounted here: {done.stderr.strip()[-200:]}")
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def _full_disk(folder: Path) -> Tally:
    state = folder / "small"
    state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_ROOM}", "tmpfs", str(state)]
    if subprocess.run(mount, check=False, stdout=subprocess.DEVNULL).returncode:
        raise SystemExit(NO_MOUNT)
    tally, memory = Tally(), Memory()
    _punch(state, memory, tally, 5, "at first", must=True)
    filler = state / "filler"
    free = os.statvfs(state)
    filler.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - _LEFT_BYTES)))
    _punch(state, memory, tally, _PUNCHES_MAX, "while it filled", stop_after_fails=20)
    fill_up(filler)
    _punch(state, memory, tally, 10, "on a full disk")
    filler.unlink()
    _punch(state, memory, tally, 5, "when there was room again", must=True)
    last_look(state, memory, tally)
    tally.outcomes.update(attempt.outcome for attempt in memory.attempts)
    return tally


def fill_up(filler: Path) -> None:
    """Write until there is no room for another page."""
    descriptor = os.open(filler, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with suppress(OSError):
        while os.write(descriptor, bytes(4096)):
            pass
    os.close(descriptor)


def _punch(
    state: Path,
    memory: Memory,
    tally: Tally,
    count: int,
    when: str,
    *,
    must: bool = False,
    stop_after_fails: int = 0,
) -> None:
    """Punch in one process that is killed at the end; ``must``: it may refuse nothing."""
    before = len(memory.attempts)
    with child(state, memory.days, None, state / "died") as born:
        seen = listen(born.pid, born.from_child, 0, kill=False)
        compare(memory, [], seen, tally)
        fails = 0
        for _ in range(count if seen.roster is not None else 0):
            memory.people += 1
            answer = _ask(born.to_child, born.from_child, f"punch p-{memory.people}")
            remember(memory, ["punch", f"p-{memory.people}"], answer)
            fails += answer == ["fail"]
            if stop_after_fails and fails >= stop_after_fails:
                break
    tally.kills[door_kills.RANDOM] += 1
    made = Counter(attempt.outcome for attempt in memory.attempts[before:])
    for outcome, number in made.items():
        tally.sometimes[f"{when}: {outcome}"] += number
    if seen.roster is None:
        tally.sometimes[f"{when}: did not start"] += 1
    if must and made != {Outcome.OK: count}:
        tally.verdict.lost.append(f"{when}: {dict(made)} instead of {count} recorded")


def _ask(to_child: int, from_child: int, line: str) -> list[str] | None:
    with suppress(BrokenPipeError):
        os.write(to_child, f"{line}\n".encode())
    text = b""
    while not text.endswith(b"\n"):
        chunk = os.read(from_child, 4096)
        if not chunk:
            return None
        text += chunk
    seen = Seen()
    hear(seen, text.decode().split())
    return seen.answers[0]


if __name__ == "__main__":
    found = _full_disk(Path(sys.argv[1]))
    sys.stdout.write(json.dumps([found.kills, found.outcomes, found.sometimes, found.verdict.kinds()]) + "\n")

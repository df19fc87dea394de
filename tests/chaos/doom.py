"""How a process of ours is made to die at a named place: SIGKILL by its own hand, after leaving a note.

Only the chaos tests arm anything; the note is how the oracle knows that it was this point and not chance.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from models import crashpoint


@dataclass(frozen=True, slots=True)
class Doom:
    """Die when the point ``name`` is reached for the ``nth`` time."""

    name: str
    nth: int = 1

    @classmethod
    def read(cls, text: str) -> Self:
        """The doom written as ``name:nth``."""
        name, _, nth = text.partition(":")
        return cls(name, int(nth or 1))

    def __str__(self) -> str:
        return f"{self.name}:{self.nth}"


def arm(doom: Doom, note: Path) -> None:
    """Let this process die of ``doom``; a line in ``note`` says so."""
    left = doom.nth

    def reached(name: str) -> None:
        nonlocal left
        if name != doom.name:
            return
        left -= 1
        if left == 0:
            _leave_note(note, f"{name} {os.getpid()}")
            os.kill(os.getpid(), signal.SIGKILL)

    crashpoint.arm(reached)


def _leave_note(note: Path, line: str) -> None:
    # It is the kernel's when this returns, so it survives the process.
    descriptor = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def read_notes(note: Path) -> dict[int, str]:
    """Who died where: the point by pid, in order."""
    lines = note.read_text().splitlines() if note.exists() else []
    return {int(pid): name for name, pid in (line.split() for line in lines)}

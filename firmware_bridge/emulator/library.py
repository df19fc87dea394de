"""The sensor's flash: templates by slot, in a folder that survives restarts, or in memory only."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

_SUFFIX = ".template"
_LOCK = ".lock"


class LibraryUnusable(OSError):
    """The folder cannot serve as a library; the message says why."""


class Library:
    """Templates by slot. Every change is on disk, whole, before the call returns.

    Args:
        folder: made if absent, held alone while this object lives; None keeps the library in memory.

    Raises:
        LibraryUnusable: held by another emulator, not writable, or with content of another profile.
    """

    def __init__(self, folder: Path | None, *, capacity: int, template_bytes: int) -> None:
        self._folder = folder
        self._size = template_bytes
        self._lock: int | None = None
        self._numbers: dict[int, int] = {}
        if folder is None:
            return
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._hold(folder)
            self._load(folder, capacity)
        except LibraryUnusable:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise LibraryUnusable(f"cannot use the library {folder}: {error.strerror}") from error

    def close(self) -> None:
        """Let another emulator have the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, slot: int) -> bool:
        return slot in self._numbers

    def slots(self) -> list[int]:
        """Occupied slots, ascending."""
        return sorted(self._numbers)

    def numbers(self) -> Iterator[tuple[int, int]]:
        """Each occupied slot, ascending, with its template as one big-endian number."""
        return iter(sorted(self._numbers.items()))

    def read(self, slot: int) -> bytes | None:
        """The template in ``slot``."""
        number = self._numbers.get(slot)
        return None if number is None else number.to_bytes(self._size, "big")

    def write(self, slot: int, template: bytes) -> None:
        """Put ``template`` into ``slot``. An ``OSError`` of the disk leaves the slot as it was."""
        if self._folder is not None:
            unfinished = self._folder / f"{slot}.unfinished"
            with unfinished.open("wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(template)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._path(slot))
        self._numbers[slot] = int.from_bytes(template, "big")

    def delete(self, slot: int) -> None:
        """Empty ``slot``."""
        if self._folder is not None:
            self._path(slot).unlink(missing_ok=True)
        self._numbers.pop(slot, None)

    def _path(self, slot: int) -> Path:
        return (self._folder or Path()) / f"{slot:04d}{_SUFFIX}"

    def _hold(self, folder: Path) -> None:
        self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LibraryUnusable(f"the library {folder} is in use by another emulator") from error

    def _load(self, folder: Path, capacity: int) -> None:
        for path in folder.glob(f"*{_SUFFIX}"):
            template = path.read_bytes()
            slot = int(path.stem) if path.stem.isdecimal() else capacity
            if len(template) != self._size or slot >= capacity:
                raise LibraryUnusable(f"{path} is not a template of this profile")
            self._numbers[slot] = int.from_bytes(template, "big")
        for leftover in folder.glob("*.unfinished"):
            with contextlib.suppress(FileNotFoundError):
                leftover.unlink()

"""A disk that can be full, fail, tear and lose power: an apsw VFS whose files are kept in memory.

Each file has what a reader sees now (``current``), what a power cut cannot take (``durable``) and the writes
and truncates between the two. A crash image is the durable part plus a seeded choice of 512-byte sectors of
the rest. Locks and shared memory pass through to empty files in ``folder``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

import apsw

SECTOR = 512


class Died(BaseException):
    """The process that did this I/O is no more: killed, or without power. Nobody may go on after it."""


class Torn(Exception):
    """The write breaks off after ``kept`` bytes; SQLite sees an I/O error."""

    def __init__(self, kept: int) -> None:
        super().__init__(kept)
        self.kept = kept


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes on their way to the disk."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A new size on its way to the disk."""

    size: int


@dataclass(slots=True)
class Content:
    """One file, or (``exists`` false) the memory of a deleted one.

    ``ghost``: what a power cut may bring back in its place, because nobody synced the directory since.
    """

    current: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write | Truncate] = field(default_factory=list)
    synced: bool = False
    ghost: bytearray | None = None
    exists: bool = True

    def write(self, offset: int, data: bytes) -> None:
        """Change what readers see; the disk follows at :meth:`sync`."""
        _put(self.current, offset, data)
        self.pending.append(Write(offset, data))

    def truncate(self, size: int) -> None:
        """Likewise for the size."""
        del self.current[size:]
        self.pending.append(Truncate(size))

    def sync(self) -> None:
        """From now on a power cut leaves this."""
        for change in self.pending:
            if isinstance(change, Write):
                _put(self.durable, change.offset, change.data)
            else:
                del self.durable[change.size :]
        self.pending.clear()
        self.synced = True

    def image(self, random: Random) -> bytearray | None:
        """What a power cut now may leave; None: not even the file."""
        if not self.synced and random.random() < 0.5:
            return None if self.ghost is None else bytearray(self.ghost)
        if not self.exists:
            return None
        keep = random.choice((0.0, 1.0, random.random()))
        last = random.randint(0, len(self.pending))
        left = bytearray(self.durable)
        for number, change in enumerate(self.pending):
            chance = keep if random.random() < 0.5 or number < last else 0.0
            if isinstance(change, Truncate):
                if random.random() < chance:
                    del left[change.size :]
                continue
            for begin, end in _sectors(change):
                if chance == 1.0 or random.random() < chance:
                    _put(left, begin, change.data[begin - change.offset : end - change.offset])
        return left


def _sectors(change: Write) -> list[tuple[int, int]]:
    end = change.offset + len(change.data)
    cuts = [change.offset, *range((change.offset // SECTOR + 1) * SECTOR, end, SECTOR), end]
    return list(pairwise(cuts))


def _put(into: bytearray, offset: int, data: bytes) -> None:
    if offset > len(into):
        into.extend(bytes(offset - len(into)))
    into[offset : offset + len(data)] = data


class Disk:
    """The files of one terminal. ``before(operation, name, growth)`` is asked ahead of each change.

    Attributes:
        lies: syncs are reported done and are not.
        dead: nothing can be read or written any more; make the next life with :meth:`kill` or :meth:`cut`.
    """

    def __init__(self, folder: Path, *, lies: bool = False) -> None:
        self.folder = folder
        self.files: dict[str, Content] = {}
        self.lies = lies
        self.dead = False
        self.changes = 0
        self.before: Callable[[str, str, int], None] | None = None

    def step(self, operation: str, name: str, size: int = 0) -> None:
        """Something is about to change."""
        if self.dead:
            raise Died
        self.changes += 1
        if self.before is not None:
            self.before(operation, name, size)

    def size(self) -> int:
        """Bytes in use."""
        return sum(len(content.current) for content in self.files.values())

    def sync_directory(self) -> None:
        """What was deleted stays so: the unix VFS does this at the first sync of a new journal or WAL."""
        for name in [name for name, each in self.files.items() if not each.exists]:
            del self.files[name]
        for each in self.files.values():
            each.ghost = None

    def kill(self) -> Disk:
        """The disk after the death of the process: the page cache lives on."""
        self.dead = True
        return self._next(dict(self.files))

    def cut(self, random: Random) -> Disk:
        """The disk after a power cut, which ends this life of it."""
        self.dead = True
        return self._next(self.images(random))

    def images(self, random: Random) -> dict[str, Content]:
        """What a power cut now may leave."""
        left: dict[str, Content] = {}
        for name in sorted(self.files):
            image = self.files[name].image(random)
            if image is not None:
                left[name] = Content(bytearray(image), image, synced=True)
        return left

    def copy(self, folder: Path) -> Disk:
        """A card with the same content, as an imaging tool makes it of a machine at rest."""
        other = Disk(folder, lies=self.lies)
        for name, each in self.files.items():
            other.files[name] = Content(bytearray(each.current), bytearray(each.current), synced=True)
        return other

    def _next(self, files: dict[str, Content]) -> Disk:
        other = Disk(self.folder, lies=self.lies)
        other.files = files
        for shared in self.folder.glob("*-shm"):
            shared.unlink()
        return other


class MemoryFile(apsw.VFSFile):
    """An open file of a :class:`Disk`."""

    def __init__(self, disk: Disk, name: apsw.URIFilename | str, flags: list[int]) -> None:
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        path.touch()  # the empty file behind, for locks
        super().__init__("", name, flags)
        self._disk = disk
        self._name = path.name
        content = disk.files.get(self._name)
        if content is None or not content.exists:
            disk.step("create", self._name)
            content = disk.files[self._name] = Content(ghost=content.ghost if content else None)
        self._content = content

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's name
        """Bytes; fewer at the end of the file."""
        if self._disk.dead:
            raise Died
        return bytes(self._content.current[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        """Change it for readers at once, on the disk at the next sync."""
        try:
            self._disk.step("write", self._name, offset + len(data) - len(self._content.current))
        except Torn as torn:
            self._content.write(offset, bytes(data[: torn.kept]))
            raise apsw.IOError("torn write") from torn
        self._content.write(offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        """Likewise."""
        self._disk.step("truncate", self._name)
        self._content.truncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        """Make it durable, unless the disk lies."""
        self._disk.step("sync", self._name)
        if self._disk.lies:
            return
        if not self._content.synced:
            self._disk.sync_directory()
        self._content.sync()

    def xFileSize(self) -> int:  # noqa: N802 - SQLite's name
        """The size readers see."""
        if self._disk.dead:
            raise Died
        return len(self._content.current)


class DiskVfs(apsw.VFS):
    """SQLite's door to whichever disk is in the machine: set :attr:`disk` before opening a database."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.disk: Disk | None = None

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        """A file of the disk; nameless temporary ones are nobody's concern."""
        if name is None or self.disk is None:
            return super().xOpen(name, flags)
        return MemoryFile(self.disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802 - SQLite's
        """Delete; without ``syncdir`` a power cut may bring the file back."""
        disk, name = self._here(), Path(filename).name
        disk.step("delete", name)
        old = disk.files.pop(name, None)
        with contextlib.suppress(apsw.IOError):
            super().xDelete(filename, syncdir)
        ghost = old.durable if old is not None and old.synced else None
        if ghost is not None and not syncdir:
            disk.files[name] = Content(ghost=ghost, exists=False)

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802 - SQLite's name
        """Whether the disk shows the file."""
        content = self._here().files.get(Path(pathname).name)
        if flags == apsw.mapping_access["SQLITE_ACCESS_EXISTS"]:
            return content is not None and content.exists
        return True

    def _here(self) -> Disk:
        if self.disk is None:
            raise apsw.CantOpenError("no disk in the machine")
        return self.disk

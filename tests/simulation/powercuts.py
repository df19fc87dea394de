"""Power cuts alone: the real ledger on the failing disk; each image it may leave, opened by the real code."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import apsw
import structlog

from edge.errors import EdgeError
from edge.health.machine import Machine
from edge.punch import file as product
from edge.punch.file import LedgerFile
from edge.punch.rows import Draft
from edge.sync.outbox import Outbox
from models import ids
from models.ids import PersonId, TerminalId
from models.punch import ClockQuality, Method
from models.ranges import Ranges
from tests.simulation.disk import Content, Disk, DiskVfs
from tests.simulation.loop import BEGIN_MS, split
from tests.simulation.terminal import chain_faults, sign

TERMINAL = TerminalId("t-0000000000000001")
MACHINE = Machine("machine", "boot")
_CONTROL_IMAGES = 400


@dataclass(frozen=True, slots=True)
class Image:
    """What a cut may leave, beside what had been promised by then."""

    files: dict[str, Content]
    promised: int
    begun: int
    torn: bool


@dataclass(slots=True)
class Cuts:
    """What came of the images. ``problems``: the first of each kind."""

    images: int = 0
    torn: int = 0
    beyond: int = 0
    bad: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, more: Cuts) -> None:
        """Count another run in."""
        self.images += more.images
        self.torn += more.torn
        self.beyond += more.beyond
        self.bad += more.bad
        self.problems += more.problems

    def text(self) -> str:
        """For people."""
        return (
            f"{self.images} images ({self.torn} with unsynced writes, {self.beyond} that kept more than was "
            f"promised): {self.bad} bad {self.problems[:3] or ''}"
        )


class Bench:
    """A folder and a VFS for many rounds."""

    def __init__(self) -> None:
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a disk that syncs at once
        self._folder = Path(tempfile.mkdtemp(prefix="kaoqin-cuts-", dir=memory))
        self._live = self._folder / "live"
        self._after = self._folder / "after"
        self._live.mkdir()
        self._after.mkdir()
        self._vfs = DiskVfs("kaoqin-cuts")

    def close(self) -> None:
        """Done."""
        self._vfs.unregister()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, count: int, seed: int, *, lies: bool = False) -> Cuts:
        """Make ``count`` images or a few more, and open each."""
        cuts, number = Cuts(), seed
        while cuts.images < count:
            random = split(number, "cuts")
            made: list[bytes] = []
            for image in self._round(random, made, lies=lies):
                self._open(image, made, random, cuts)
            number += 1
        return cuts

    def _round(self, random: Random, made: list[bytes], *, lies: bool) -> list[Image]:
        """A short life of one ledger; images are taken ahead of its changes of the disk."""
        disk = Disk(self._live, lies=lies)
        images: list[Image] = []
        promised = 0

        def before(*_: object) -> None:
            if random.random() < 0.25:
                torn = any(each.pending for each in disk.files.values())
                images.append(Image(disk.images(random), promised, len(made), torn))

        disk.before = before
        self._vfs.disk = disk
        ledger = LedgerFile(self._live / "p.db", TERMINAL, MACHINE, sign, random.randbytes, self._vfs.name)
        ledger.open()
        ledger.write(lambda db: db.pragma("wal_autocheckpoint", random.choice((4, 16, 1000))))
        for _ in range(random.randint(3, 14)):
            drafts = [_draft(random) for _ in range(random.choice((1, 1, 1, 3)))]
            made += [draft.punch_id.bytes for draft in drafts]
            ledger.append_many(drafts)
            promised = len(made)
            if random.random() < 0.2:
                Outbox(ledger).mark_delivered(ledger.stream.stream_id, Ranges.single(promised), BEGIN_MS)
            if random.random() < 0.15:
                ledger.close()
        disk.before = None
        ledger.close()
        self._vfs.disk = None
        for left in self._live.iterdir():
            left.unlink()
        return images

    def _open(self, image: Image, made: list[bytes], random: Random, cuts: Cuts) -> None:
        cuts.images += 1
        cuts.torn += image.torn
        disk = self._vfs.disk = Disk(self._after)
        disk.files = image.files
        ledger = LedgerFile(self._after / "p.db", TERMINAL, MACHINE, sign, random.randbytes, self._vfs.name)
        try:
            kept, faults = ledger.write(_look)
        except EdgeError as error:
            cuts.bad += 1
            cuts.problems.append(f"cannot be opened: {error}")
            return
        finally:
            ledger.close()
            self._vfs.disk = None
            for left in self._after.iterdir():
                left.unlink()
        cuts.beyond += len(kept) > image.promised
        problem = ""
        if kept[: image.promised] != made[: image.promised]:
            problem = f"{image.promised} punches were promised, {len(kept)} are kept"
        elif kept != made[: len(kept)] or len(kept) > image.begun:
            problem = "punches that nobody made"
        elif faults:
            problem = f"the chain is broken: {faults[0]}"
        if problem:
            cuts.bad += 1
            cuts.problems.append(problem)


def _look(db: apsw.Connection) -> tuple[list[bytes], list[object]]:
    kept = [punch_id for (punch_id,) in db.execute("SELECT punch_id FROM punches ORDER BY stream_no, seq")]
    return kept, list(chain_faults(db))


def _draft(random: Random) -> Draft:
    wall_ms, person = BEGIN_MS + random.randint(0, 3 * 86_400_000), PersonId(f"p-{random.randint(1, 9)}")
    punch_id = ids.punch_id(wall_ms, random.randbytes(10))
    return Draft(punch_id, person, wall_ms, 1_000, ClockQuality.RTC, Method.PIN)


def normal_sync(db: apsw.Connection) -> None:
    """The control: what the ledger refuses to run with."""
    db.pragma("journal_mode", "wal")
    db.pragma("synchronous", "normal")


@contextmanager
def replaced(module: object, name: str, value: object) -> Iterator[None]:
    """Another value under a name of the product."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def controls(bench: Bench, seed: int, images: int = _CONTROL_IMAGES) -> dict[str, Cuts]:
    """Runs that must show losses: else the disk model has no teeth."""
    with replaced(product, "_make_durable", normal_sync):
        normal = bench.run(images, seed)
    return {"synchronous=NORMAL": normal, "a disk that lies": bench.run(images, seed, lies=True)}


def main(count: int, seed: int, say: Callable[[str], None] = print) -> int:
    """Exit 1 if any image was bad, or a control was not."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    bench = Bench()
    begun = time.perf_counter()
    try:
        cuts = bench.run(count, seed)
        say(f"power cuts: {cuts.text()} in {time.perf_counter() - begun:.1f} s")
        good = not cuts.bad
        for name, control in controls(bench, seed).items():
            say(f"control, {name}: {control.text()}; it must be bad")
            good = good and control.bad > 0
    finally:
        bench.close()
    say(f"power cuts: {'good' if good else 'BAD'}")
    return 0 if good else 1

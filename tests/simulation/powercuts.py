"""Power cuts alone: the real ledger on the failing disk; each image it may leave, opened by the real code."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import apsw

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
from tests.simulation.pool import Pool
from tests.simulation.terminal import chain_faults, sign
from tests.simulation.world import Site, quiet

TERMINAL = TerminalId("t-0000000000000001")
MACHINE = Machine("machine", "boot")
_CONTROL_IMAGES = 400
_PART_IMAGES = 250

AS_IT_IS, NORMAL, LIES = "as it is", "synchronous=NORMAL", "a disk that lies"
"""What is cut. The last two are controls: they must show losses, else the disk model has no teeth."""


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


@dataclass(frozen=True, slots=True)
class Part:
    """So many images, or a few more, from the round of the number ``first`` on."""

    what: str
    images: int
    first: int


class Bench:
    """A folder and a VFS for many rounds."""

    def __init__(self, folder: Path, vfs: DiskVfs) -> None:
        self._live = folder / "live"
        self._after = folder / "after"
        self._live.mkdir(exist_ok=True)
        self._after.mkdir(exist_ok=True)
        self._vfs = vfs

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


def run(site: Site, part: Part) -> Cuts:
    """Make and open the images of ``part``."""
    bench = Bench(site.folder, site.vfs)
    normal = replaced(product, "_make_durable", normal_sync) if part.what == NORMAL else nullcontext()
    with normal, quiet():
        return bench.run(part.images, part.first, lies=part.what == LIES)


def parts(what: str, images: int, first: int) -> list[Part]:
    """As many as make ``images``; each round gives one at least, so no two have a round in common."""
    begins = range(0, images, _PART_IMAGES)
    return [Part(what, min(_PART_IMAGES, images - begin), first + begin) for begin in begins]


def controls(first: int, images: int = _CONTROL_IMAGES) -> list[Part]:
    """What must be bad."""
    return [part for what in (NORMAL, LIES) for part in parts(what, images, first)]


def add_up(wanted: list[Part], done: Iterable[Cuts]) -> dict[str, Cuts]:
    """What came of ``wanted``, by what was cut."""
    found: dict[str, Cuts] = {}
    for part, cuts in zip(wanted, done, strict=True):
        found.setdefault(part.what, Cuts()).add(cuts)
    return found


def are_good(found: dict[str, Cuts]) -> bool:
    """Whether nothing was lost, and both controls lost something."""
    return all(bool(cuts.bad) == (what != AS_IT_IS) for what, cuts in found.items())


def main(pool: Pool, count: int, first: int) -> int:
    """Exit 1 if any image was bad, or a control was not."""
    begun = time.perf_counter()
    wanted = [*parts(AS_IT_IS, count, first), *controls(first)]
    found = add_up(wanted, pool.map(run, wanted))
    for what, cuts in found.items():
        print(f"{what}{'' if what == AS_IT_IS else ' (control, must be bad)'}: {cuts.text()}")
    good = are_good(found)
    took = f"{time.perf_counter() - begun:.0f} s, {pool.cpu_s:.0f} s CPU"
    print(f"power cuts: {'good' if good else 'BAD'}, {found[AS_IT_IS].images} images in {took}")
    return 0 if good else 1

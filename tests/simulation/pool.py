"""Work in as many processes as there are cores; what comes of it is the same as in one."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Self, TypeVar

from tests.simulation.world import Site

CORES = len(os.sched_getaffinity(0))

T = TypeVar("T")
R = TypeVar("R")


class Pool:
    """Processes with a site each, for as long as the block lasts; one only: it is this one.

    Attributes:
        cpu_s: the CPU that all work took so far, in all processes.
    """

    def __init__(self, jobs: int = CORES) -> None:
        self.jobs = jobs
        self.cpu_s = 0.0
        self._folder = Path(tempfile.mkdtemp(prefix="kaoqin-simulation-", dir=_memory()))
        self._executor: ProcessPoolExecutor | None = None
        if jobs > 1:
            # A fork has all modules already, and no thread runs yet that it could miss.
            self._executor = ProcessPoolExecutor(jobs, get_context("fork"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
        if (own := _sites.pop(_own(self._folder), None)) is not None:
            own.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def site(self) -> Site:
        """The site of this process itself."""
        return _site(self._folder)

    def map(self, work: Callable[[Site, T], R], things: Iterable[T]) -> Iterator[R]:
        """``work(site, thing)`` of each, in their order."""
        timed = partial(_timed, self._folder, work)
        done = map(timed, things) if self._executor is None else self._executor.map(timed, things)
        for result, cpu_s in done:
            self.cpu_s += cpu_s
            yield result


def _memory() -> str | None:
    """A disk that syncs at once, if there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of our own is made there


def _timed(folder: Path, work: Callable[[Site, T], R], thing: T) -> tuple[R, float]:
    begun = time.process_time()
    result = work(_site(folder), thing)
    return result, time.process_time() - begun


_sites: dict[Path, Site] = {}


def _own(folder: Path) -> Path:
    return folder / str(os.getpid())


def _site(folder: Path) -> Site:
    own = _own(folder)
    if own not in _sites:
        own.mkdir()
        _sites[own] = Site(own)
    return _sites[own]

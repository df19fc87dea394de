"""How full the disk of the terminal's state is, and a reserve that keeps the last step possible."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import structlog

from models.wire.messages import Part

RESERVE_FILE = "reserve"
RESERVE_BYTES = 16 * 1024 * 1024
"""Some 60,000 punches, or every acknowledgement of them, or an export."""

FILLING, FULL = 0.70, 0.90
_HEALTH = {0: "ok", 1: "filling", 2: "full"}

log = structlog.get_logger(__name__)


class Reserve:
    """A file of bytes that are really allocated, given back when nothing else is left."""

    def __init__(self, state: Path, size: int = RESERVE_BYTES) -> None:
        self._path = state / RESERVE_FILE
        self._size = size

    def release(self) -> bool:
        """Give the bytes back; False if there are none to give."""
        try:
            self._path.unlink()
        except OSError:
            return False
        log.error("reserve_released", bytes=self._size)
        return True

    def keep(self) -> bool:
        """Have the reserve, made anew where there is room for it twice; False if there is none."""
        if self._path.exists():
            return True
        fresh = self._path.with_suffix(".new")
        try:
            if shutil.disk_usage(self._path.parent).free < 2 * self._size:
                return False
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            fresh.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink()
            log.warning("reserve_not_made", reason=str(error))
            return False
        return True


class StorageWatch:
    """Looks how full the disk is, says so once for each change, and keeps the reserve."""

    def __init__(self, state: Path, reserve: Reserve) -> None:
        self._state = state
        self._reserve = reserve
        self._level = 0
        self._part = Part("storage", _HEALTH[0])

    def health(self) -> Part:
        """As last looked: "ok", "filling" from 70 %, "full" from 90 % or when the reserve is gone."""
        return self._part

    def look(self) -> None:
        """Look now."""
        try:
            usage = shutil.disk_usage(self._state)
        except OSError as error:
            self._part = Part("storage", _HEALTH[2], str(error))
            return
        share = usage.used / max(usage.used + usage.free, 1)
        level = (share >= FILLING) + (share >= FULL)
        if not self._reserve.keep() and share >= FILLING:
            level = 2
        self._part = Part("storage", _HEALTH[level], "" if level == 0 else f"{share:.0%} used")
        if level != self._level:
            say = log.error if level > self._level else log.info
            say(f"storage_{_HEALTH[level]}", used=f"{share:.0%}", free=usage.free)
            self._level = level

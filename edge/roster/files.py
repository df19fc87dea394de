"""Writing a file so that a power cut leaves the old or the new one, never half of either."""

from __future__ import annotations

import os
from pathlib import Path

from models.crashpoint import crashpoint


def replace_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Make ``content`` the whole of ``path``, durably.

    Raises:
        OSError: the disk refused; the old file is as it was.
    """
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.fchmod(descriptor, mode)
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    crashpoint("file_written")
    fresh.replace(path)
    crashpoint("file_replaced")
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

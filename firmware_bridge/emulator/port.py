"""A pseudo-terminal that looks like a serial port at a path of our choice."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import termios
import tty
from pathlib import Path

_READ_BYTES = 4096


class PortUnusable(OSError):
    """The port cannot be put at that path; the message says why."""


class PseudoPort:
    """The sensor's side of a pty in raw mode, with a symbolic link to the other side.

    The link is replaced atomically, so that a client sees an old port or the new one, never none; on close
    it is removed if it is still ours.

    Raises:
        PortUnusable: ``link`` cannot be written, or is something else than a link.
    """

    def __init__(self, link: Path) -> None:
        self._link = link
        if link.exists() and not link.is_symlink():
            raise PortUnusable(f"cannot put the port at {link}: something else is there")
        # Held open for ever: between clients, reading would otherwise end in EIO.
        self._master, self._slave = pty.openpty()
        self._target = os.ttyname(self._slave)
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        fresh = link.with_name(f".{link.name}.{os.getpid()}")
        try:
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self._target)
            fresh.replace(link)
        except OSError as error:
            self._close_descriptors()
            raise PortUnusable(f"cannot put the port at {link}: {error.strerror}") from error

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._master

    def read(self) -> bytes:
        """What the host sent and was not read yet; empty when nothing."""
        try:
            return os.read(self._master, _READ_BYTES)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        """Send to the host; what does not fit is lost, for a UART does not wait."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._master, data)

    def release_exclusive(self) -> None:
        """Undo the TIOCEXCL of a host that died; our open descriptor would keep it for ever."""
        fcntl.ioctl(self._slave, termios.TIOCNXCL)

    def close(self) -> None:
        """Remove link and pty; whoever has it open sees the device vanish."""
        with contextlib.suppress(OSError):
            if self._link.readlink() == Path(self._target):
                self._link.unlink()
        self._close_descriptors()

    def _close_descriptors(self) -> None:
        os.close(self._slave)
        os.close(self._master)

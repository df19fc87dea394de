"""The port: bytes out, bytes in, and nobody else on it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import select
import termios
from pathlib import Path
from typing import Protocol

import serial

from firmware_bridge.errors import LinkLost, PortUnavailable

_WRITE_TIMEOUT_S = 0.5
_READ_BYTES = 4096
_REASONS = {
    errno.ENOENT: "there is no such port",
    errno.EACCES: "this user may not open it (on Debian the group dialout may)",
    errno.EAGAIN: "another program is using it",
    errno.EBUSY: "another program is using it",
    errno.ENOTTY: "it is not a serial port",
    errno.ENXIO: "no device is behind it",
    errno.ENODEV: "no device is behind it",
    errno.EIO: "the device behind it is gone",
    errno.EISDIR: "it is a directory",
}

# termios.error is not an OSError, and pyserial lets it through when a device is pulled out.
_PORT_ERRORS = (OSError, termios.error)


class ByteLink(Protocol):
    """A two-way stream of bytes. Every call raises :class:`LinkLost` when the port has died."""

    def send(self, data: bytes) -> None:
        """Write all of ``data``, or raise within half a second."""
        ...

    def receive(self, timeout_ms: int) -> bytes:
        """What has arrived, waiting up to ``timeout_ms`` for the first byte; empty when nothing came."""
        ...

    def discard_input(self) -> None:
        """Drop what has arrived and was not received."""
        ...

    def close(self) -> None:
        """Give the port back; closing twice is fine."""
        ...


class SerialLink:
    """A serial device held alone: flock keeps out programs that ask, TIOCEXCL those that do not (root apart).

    Raises:
        PortUnavailable: it cannot be opened; the message says why in one clause.
    """

    def __init__(self, port: Path | str, baud_rate: int) -> None:
        try:
            self._serial = serial.Serial(
                str(port), baud_rate, timeout=0, write_timeout=_WRITE_TIMEOUT_S, exclusive=True
            )
            fcntl.ioctl(self._serial.fileno(), termios.TIOCEXCL)
        except _PORT_ERRORS as error:
            raise PortUnavailable(str(port), _reason(error)) from error

    def send(self, data: bytes) -> None:
        """Write all of ``data`` in one piece."""
        try:
            self._serial.write(data)
        except _PORT_ERRORS as error:
            raise LinkLost(f"writing to the sensor failed: {error}") from error

    def receive(self, timeout_ms: int) -> bytes:
        """What has arrived within ``timeout_ms``."""
        try:
            ready, _, _ = select.select([self._serial.fileno()], [], [], timeout_ms / 1000)
            return self._serial.read(_READ_BYTES) if ready else b""
        except _PORT_ERRORS as error:
            raise LinkLost(f"reading from the sensor failed: {error}") from error

    def discard_input(self) -> None:
        """Drop what has arrived."""
        try:
            self._serial.reset_input_buffer()
        except _PORT_ERRORS as error:
            raise LinkLost(f"the sensor's port is gone: {error}") from error

    def close(self) -> None:
        """Give the port back."""
        if not self._serial.is_open:
            return
        with contextlib.suppress(*_PORT_ERRORS):
            # The mark outlives our descriptor when someone else still has the device open.
            fcntl.ioctl(self._serial.fileno(), termios.TIOCNXCL)
        with contextlib.suppress(*_PORT_ERRORS):
            self._serial.close()


def _reason(error: OSError | termios.error) -> str:
    """A clause for people; the number may sit in the error, its arguments, or in the one pyserial wrapped."""
    for cause in (error, error.__context__):
        arguments = cause.args if cause is not None else ()
        if arguments and arguments[0] in _REASONS:
            return _REASONS[arguments[0]]
    return str(error)

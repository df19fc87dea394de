"""The loop that joins an emulated sensor to its port and its control socket."""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Callable
from pathlib import Path

from firmware_bridge.deadline import Clock, Deadline
from firmware_bridge.emulator.control import Control
from firmware_bridge.emulator.faults import FaultPlan
from firmware_bridge.emulator.line import Line
from firmware_bridge.emulator.port import PortUnusable, PseudoPort
from firmware_bridge.emulator.sensor import EmulatedSensor

REPLUG_MS = 500
_IDLE_S = 1.0
_FRAME_GAP_S = 0.1
_MAX_LINE_BYTES = 4096


class Peer:
    """Serves one emulated sensor until :meth:`stop`; everything happens in the thread that calls :meth:`run`.

    Port and socket exist from construction on, so a client may open them before ``run`` begins.

    Raises:
        PortUnusable: link or socket cannot be made; the message says why.
    """

    def __init__(
        self, sensor: EmulatedSensor, faults: FaultPlan, clock: Clock, *, link: Path, control: Path | None
    ) -> None:
        self._clock = clock
        self._link = link
        self._control_path = control
        self._control = Control(sensor, faults)
        self._line = Line(sensor, faults)
        self._replug: Deadline | None = None
        self._running = True
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._watch(self._wake.fileno(), self._on_wake)
        self._port: PseudoPort | None = None
        self._listener: socket.socket | None = None
        self._clients: dict[socket.socket, bytearray] = {}
        try:
            self._plug()
            self._listen()
        except PortUnusable:
            self.close()
            raise

    def run(self) -> None:
        """Serve until :meth:`stop`, then remove port and socket."""
        try:
            while self._running:
                events = self._selector.select(self._wait_s())
                for key, _ in events:
                    key.data()
                if not events:
                    self._pause()
                if self._replug is not None and self._replug.left_ms() == 0:
                    self._plug()
        finally:
            self.close()

    def stop(self) -> None:
        """Make :meth:`run` return; safe from a signal handler and from another thread."""
        with contextlib.suppress(OSError):
            self._waker.send(b"x")

    def close(self) -> None:
        """Remove port and socket. :meth:`run` does it by itself."""
        if self._port is not None:
            self._port.close()
            self._port = None
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            if self._control_path is not None:
                self._control_path.unlink(missing_ok=True)
        self._selector.close()
        self._wake.close()
        self._waker.close()

    # The wire.

    def _plug(self) -> None:
        self._replug = None
        self._line.plug()
        self._port = PseudoPort(self._link)
        self._watch(self._port.fileno(), self._on_bytes)

    def _on_bytes(self) -> None:
        if self._port is not None:
            self._send(self._port, self._line.answer(self._port.read()))

    def _send(self, port: PseudoPort, answer: bytes) -> None:
        port.write(answer)
        if self._line.unplugged:
            self._selector.unregister(port.fileno())
            port.close()
            self._port = None
            self._replug = Deadline(self._clock, REPLUG_MS)

    def _wait_s(self) -> float:
        if self._replug is not None:
            return self._replug.left_ms() / 1000
        return _FRAME_GAP_S if self._line.partial else _IDLE_S

    def _pause(self) -> None:
        if self._port is None:
            return
        if self._line.partial:
            self._send(self._port, self._line.pause())
        else:
            self._port.release_exclusive()

    # The control socket.

    def _listen(self) -> None:
        path = self._control_path
        if path is None:
            return
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if path.is_socket():
                path.unlink()
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen()
        except OSError as error:
            listener.close()
            raise PortUnusable(f"cannot listen on {path}: {error.strerror or error}") from error
        self._listener = listener
        self._watch(listener.fileno(), self._on_client)

    def _on_client(self) -> None:
        if self._listener is None:
            return
        client, _ = self._listener.accept()
        client.settimeout(0)
        self._clients[client] = bytearray()
        self._watch(client.fileno(), lambda: self._on_line(client))

    def _on_line(self, client: socket.socket) -> None:
        pending = self._clients[client]
        try:
            data = client.recv(_MAX_LINE_BYTES)
            pending += data
            while b"\n" in pending:
                line, _, rest = bytes(pending).partition(b"\n")
                pending[:] = rest
                client.sendall(self._control.answer(line))
        except OSError:
            data = b""
        if not data or len(pending) > _MAX_LINE_BYTES:
            self._selector.unregister(client.fileno())
            del self._clients[client]
            client.close()

    def _on_wake(self) -> None:
        self._running = False

    def _watch(self, descriptor: int, then: Callable[[], None]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, then)

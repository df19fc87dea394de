"""The product's uplink without its thread."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

from edge.errors import EdgeError
from edge.sync import uplink as product
from edge.sync.core import Effect, MarkDelivered, Publish
from edge.sync.links import Heard
from edge.sync.uplink import Uplink
from edge.sync.ways import Way
from models.wire.topics import Channel
from tests.simulation.loop import SECOND

if TYPE_CHECKING:
    from tests.simulation.terminal import Terminal

_LOOK_MS = 6 * SECOND
_RETRY_MS = 30 * SECOND


class SimUplink(Uplink):
    """The product's uplink, one step at a time."""

    def __init__(self, terminal: Terminal, *args: Any, **more: Any) -> None:
        self._terminal = terminal
        self.looks = 2
        super().__init__(*args, **more)

    def advance(self) -> None:
        """Take everything that waits, and the time that went by."""
        self.looks = max(0, self.looks - 1) if self._items.empty() else 2
        try:
            while True:
                self._step()
                if self._items.empty():
                    return
        except EdgeError as error:
            self._start_over(str(error))

    def due_ms(self) -> list[int]:
        """Monotonic times at which :meth:`advance` has something to do."""
        if self._stale:
            return [self._clock.monotonic_ms() + _RETRY_MS]
        due = [self._core.due_ms(), self._links.due_ms()]
        if self.online:
            due.append(self._said_ms + product.STATE_EVERY_MS)
        if self.looks:  # the product looks every second; what it then notices takes 5 s or 10 s
            due.append(self._clock.monotonic_ms() + _LOOK_MS)
        return [at for at in due if at is not None]

    def hear(self, channel: Channel, payload: bytes) -> None:
        """Something came by the broker."""
        self._items.put(Heard(Way.MQTT, channel, payload))

    def _next_item(self) -> Any:
        try:
            return self._items.get_nowait()
        except queue.Empty:
            return None

    def _start_over(self, reason: str) -> None:
        self._trouble = reason
        self._stale = True

    def _perform(self, effect: Effect) -> Any:
        terminal = self._terminal
        if isinstance(effect, Publish):
            terminal.step("before publish")
            done = super()._perform(effect)
            terminal.step("after publish")
            return done
        if isinstance(effect, MarkDelivered):
            terminal.check_ack(effect)
            terminal.step("before mark")
            done = super()._perform(effect)
            terminal.step("after mark")
            return done
        terminal.world.loop.note(terminal.node, type(effect).__name__)
        return super()._perform(effect)

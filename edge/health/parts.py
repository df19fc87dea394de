"""Parts of the terminal that may be away, tried again until they are there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import structlog

from edge.backoff import Backoff
from models.wire.messages import Part

_FIRST_S = 2.0
_LAST_S = 60.0
_JOIN_S = 20.0
OK, AWAY, NONE = "ok", "away", "none"

log = structlog.get_logger(__name__)


class Worker(Protocol):
    """A part with a thread of its own."""

    def start(self) -> None:
        """Begin; once."""
        ...

    def stop(self) -> None:
        """End."""
        ...

    def health(self) -> Part:
        """How it is now."""
        ...


class Absent:
    """The part of a terminal that was built without it."""

    def __init__(self, name: str) -> None:
        self._part = Part(name, NONE)

    def start(self) -> None:
        """Nothing to begin."""

    def stop(self) -> None:
        """Nothing to end."""

    def health(self) -> Part:
        """Always "none"."""
        return self._part


W = TypeVar("W", bound=Worker)


class Supervised(Generic[W]):
    """Builds and starts a worker in a thread of its own; what hinders it is said once and tried again.

    No other part waits for it, and none fails with it.
    """

    def __init__(self, name: str, build: Callable[[], W]) -> None:
        self._name = name
        self._build = build
        self._part = Part(name, AWAY, "starting")
        self._worker: W | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"start-{name}", daemon=True)

    @property
    def worker(self) -> W | None:
        """The worker, once it has been built."""
        return self._worker

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop trying, and stop the worker."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)
        if self._worker is not None:
            self._worker.stop()

    def health(self) -> Part:
        """The worker's own word, or why there is none yet."""
        return self._part if self._worker is None else self._worker.health()

    def _run(self) -> None:
        backoff = Backoff(_FIRST_S, _LAST_S)
        while not self._stopping.is_set():
            try:
                worker = self._build()
                worker.start()
            except Exception as error:  # whatever it is, the other ways to punch must go on
                reason = str(error) or type(error).__name__
                if reason != self._part.reason:
                    log.exception("part_not_started", part=self._name)
                self._part = Part(self._name, AWAY, reason)
                self._stopping.wait(backoff.next_ms() / 1000)
            else:
                self._worker = worker
                return

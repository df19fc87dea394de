"""Answers wait here until what they answer for is on the disk; meanwhile the next messages are stored.

A commit takes some 20 ms of a core and the disk another 8: so the two overlap. See docs/decisions/0019.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cloud.ingest.core import Answer
from cloud.ingest.link import BrokerLink

_AHEAD_MAX = 2
"""So many groups may be committed and not durable; then the next one waits."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What is to be said about a group once it is durable, and the connection to say it on."""

    all: tuple[Answer, ...]
    link: BrokerLink | None


class Flusher:
    """One thread that waits for the disk; without it, whoever hands over waits.

    Args:
        flush: returns when what was committed before the call is durable, or raises.
        say: gives the answers.
        drop: hears of answers that were not given, and why; it logs that.
    """

    def __init__(
        self,
        flush: Callable[[], None],
        say: Callable[[Answers], None],
        drop: Callable[[Sequence[Answers], Exception], None],
    ) -> None:
        self._flush = flush
        self._say = say
        self._drop = drop
        self._waiting: queue.Queue[Answers | None] = queue.Queue(_AHEAD_MAX)
        self._thread = threading.Thread(target=self._run, name="ingest-flush", daemon=True)

    def start(self) -> None:
        """Begin to wait in a thread of its own."""
        self._thread.start()

    def hand_over(self, answers: Answers) -> None:
        """Give ``answers`` when what is committed now is durable."""
        if self._thread.is_alive():
            self._waiting.put(answers)
        else:
            self._answer([answers])

    def stop(self) -> None:
        """End; what was handed over has been answered or dropped when this returns."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            together = [first]
            with suppress(queue.Empty):
                while (more := self._waiting.get_nowait()) is not None:
                    together.append(more)
                self._waiting.put(None)
            self._answer(together)

    def _answer(self, together: Sequence[Answers]) -> None:
        try:
            self._flush()
            for answers in together:
                self._say(answers)
        except Exception as error:  # noqa: BLE001  it is told
            # Whatever it was: without this thread nobody would be answered any more.
            self._drop(together, error)

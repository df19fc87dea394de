"""How often a PIN may be tried for one number: five times freely, then ever more slowly. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

FREE_TRIES = 5
FIRST_WAIT_MS = 30_000
LAST_WAIT_MS = 15 * 60_000
FORGOTTEN_AFTER_MS = 60 * 60_000
_REMEMBERED = 1000


@dataclass(slots=True)
class _Tries:
    failed: int
    last_ms: int

    def open_ms(self) -> int:
        """From when on the next try may be made."""
        if self.failed < FREE_TRIES:
            return self.last_ms
        return self.last_ms + min(LAST_WAIT_MS, FIRST_WAIT_MS << min(self.failed - FREE_TRIES, 20))


class Throttle:
    """Remembers the last thousand numbers tried, known or not. Times are monotonic milliseconds."""

    def __init__(self) -> None:
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def begin(self, number: str, now_ms: int) -> int:
        """Milliseconds to wait before ``number`` may be tried, 0 for now.

        A try that may be made counts as failed until :meth:`succeeded` says otherwise, so that tries made at
        the same time count too.
        """
        tries = self._tries.pop(number, None)
        if tries is None or now_ms - tries.last_ms >= FORGOTTEN_AFTER_MS:
            tries = _Tries(0, now_ms)
        wait_ms = max(0, tries.open_ms() - now_ms)
        if wait_ms == 0:
            tries.failed += 1
            tries.last_ms = now_ms
        self._tries[number] = tries
        if len(self._tries) > _REMEMBERED:
            self._tries.popitem(last=False)
        return wait_ms

    def succeeded(self, number: str) -> None:
        """The PIN was right: the number's count starts anew."""
        self._tries.pop(number, None)

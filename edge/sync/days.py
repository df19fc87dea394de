"""Which days a terminal tells the cloud of, so that both can compare what they have. Pure.

Each state message has a few: first those that changed since they were told, newest first, and always one more
of a slow walk through all of them, so that a loss in the cloud is found whatever it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.wire.messages import DayCount

A_STATE = 4


class DayWalk:
    """What was told and how far the walk has got."""

    def __init__(self) -> None:
        self._told: dict[tuple[bytes, int], bytes] = {}
        self._at = 0

    def next(self, days: Sequence[DayCount]) -> tuple[DayCount, ...]:
        """Those of ``days`` (all that are kept, oldest first) to tell now."""
        changed = [
            each for each in reversed(days) if self._told.get((each.stream_id, each.day)) != each.digest
        ]
        chosen = changed[: A_STATE - 1]
        for _ in days:
            self._at = (self._at + 1) % len(days)
            if days[self._at] not in chosen:
                chosen.append(days[self._at])
                break
        self._told |= {(each.stream_id, each.day): each.digest for each in chosen}
        return tuple(chosen)

    def begin_again(self) -> None:
        """The cloud has lost something: tell every day anew."""
        self._told.clear()

"""What happens to a worker, as items of one bounded queue: while it is full, the link stops reading."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

from msgspec import Struct

from cloud.ingest.link import BrokerLink
from cloud.ingest.opening import Message
from cloud.ingest.packets import Published
from cloud.ingest.receive import Received

INBOX_MAX = 1_000
"""Of what one read of the broker's socket brought, or of one message of a caller."""


@dataclass(frozen=True, slots=True)
class Up:
    """The link is connected."""

    link: BrokerLink


@dataclass(frozen=True, slots=True)
class Down:
    """It is over."""

    link: BrokerLink
    reason: str


class Brought(Struct, frozen=True):
    """Messages came by the link."""

    link: BrokerLink
    published: Sequence[Published]


@dataclass(frozen=True, slots=True)
class Asked:
    """A caller of this process wants ``message`` stored."""

    message: Message
    done: Future[Received] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class Look:
    """Wakes the worker: something outside changed."""


Item = Up | Down | Brought | Asked | Look


class Inbox:
    """Filled by any thread, emptied by the worker's."""

    def __init__(self) -> None:
        self._items: queue.Queue[Item] = queue.Queue(INBOX_MAX)

    def put(self, item: Item) -> None:
        """Add it; blocks while the inbox is full, which slows the sender down."""
        self._items.put(item)

    def wake(self) -> None:
        """Have the worker look around."""
        with suppress(queue.Full):  # then it is awake
            self._items.put_nowait(Look())

    def wait(self, timeout_s: float) -> Item | None:
        """The next item, or None if there is none for so long."""
        with suppress(queue.Empty):
            return self._items.get(timeout=timeout_s)
        return None

    def rest(self, room: int | None = None) -> list[Item]:
        """What is in it, until it has ``room`` messages or more; None: all of it."""
        found: list[Item] = []
        with suppress(queue.Empty):
            while room is None or room > 0:
                found.append(self._items.get_nowait())
                room = None if room is None else room - size(found[-1])
        return found


@dataclass(slots=True)
class Listener:
    """Turns the link's callbacks into items; a link knows itself only after it is made."""

    inbox: Inbox
    link: BrokerLink | None = field(default=None)

    def up(self) -> None:
        """See ``LinkListener``."""
        if self.link is not None:
            self.inbox.put(Up(self.link))

    def down(self, reason: str) -> None:
        """See ``LinkListener``."""
        if self.link is not None:
            self.inbox.put(Down(self.link, reason))

    def came(self, published: Sequence[Published]) -> None:
        """See ``LinkListener``."""
        if self.link is not None:
            self.inbox.put(Brought(self.link, published))


def size(item: Item) -> int:
    """How many messages it brings; what brings none takes room too, so that there is an end."""
    return len(item.published) if isinstance(item, Brought) else 1

"""The open connections to the cloud, and which of them is in use: the decisions of Ways carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

import structlog

from edge.backoff import Backoff, hold_off
from edge.sync.https import HttpsLink
from edge.sync.link import Link, Login
from edge.sync.mqtt import MqttLink
from edge.sync.ways import Close, Open, Step, Use, Way, Ways
from models.clock import Clock
from models.wire.topics import Channel

RECONNECT_FIRST_S = 1.0
RECONNECT_LAST_S = 120.0
RECONNECT_LOST_S = 8.0
"""Longer than an answer takes: the copy of a card that has just taken the connection over is to be heard out.
And a thousand terminals do not come back within a second of the broker."""
_MUTE_FIRST_S = 30.0
_MUTE_LAST_S = 1800.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LinkUp:
    """This link is connected."""

    way: Way
    number: int


@dataclass(frozen=True, slots=True)
class LinkDown:
    """This link broke or could not be opened."""

    way: Way
    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Heard:
    """The cloud, or what its broker kept, said something."""

    way: Way
    channel: Channel
    payload: bytes


LinkNews = LinkUp | LinkDown | Heard


@dataclass(frozen=True, slots=True)
class _Listener:
    """Turns the callbacks of link ``number`` into news."""

    way: Way
    number: int
    tell: Callable[[LinkNews], None]

    def up(self) -> None:
        self.tell(LinkUp(self.way, self.number))

    def down(self, reason: str) -> None:
        self.tell(LinkDown(self.way, self.number, reason))

    def heard(self, channel: Channel, payload: bytes) -> None:
        self.tell(Heard(self.way, channel, payload))


class Links:
    """Opens, changes and closes links; touched by the uplink's thread only.

    Args:
        tell: called from the threads of the links with what happens to them.
        hello: the terminal's state message now.
        will: the same, saying that it is offline.
    """

    def __init__(
        self,
        login: Login,
        clock: Clock,
        tell: Callable[[LinkNews], None],
        *,
        hello: Callable[[], bytes],
        will: Callable[[], bytes],
    ) -> None:
        self._login = login
        self._clock = clock
        self._tell = tell
        self._hello = hello
        self._will = will
        self._ways = Ways(
            Backoff(RECONNECT_FIRST_S, RECONNECT_LAST_S),
            Backoff(RECONNECT_FIRST_S, RECONNECT_LAST_S) if login.cloud_url else None,
            Backoff(_MUTE_FIRST_S, _MUTE_LAST_S, hold_off),
            Backoff(RECONNECT_LOST_S, RECONNECT_LOST_S),
        )
        self._links: dict[Way, tuple[int, Link]] = {}
        self._made = 0
        self._complained: dict[Way, str] = {}

    @property
    def in_use(self) -> Way | None:
        """The way punches go now."""
        return self._ways.in_use

    @property
    def trouble(self) -> str:
        """Why the broker is not in use; empty if it is, or nothing is known against it."""
        return self._complained.get(Way.MQTT, "")

    def due_ms(self) -> int | None:
        """When :meth:`look` will have something to do, as far as is known."""
        return self._ways.due_ms()

    def look(self, now_ms: int, *, silent: bool) -> None:
        """Try what is due. ``silent``: what was sent last went unanswered."""
        # What raised while it was opened, because the disk refused, will never tell that it broke.
        for way in self._ways.open - self._links.keys():
            self._ways.down(way, now_ms)
        self._do(self._ways.look(now_ms, silent=silent))

    def take(self, news: LinkUp | LinkDown, now_ms: int) -> bool:
        """Act on the news of a link; whether another way is in use now, or none any more."""
        if news.way not in self._links or self._links[news.way][0] != news.number:
            return False
        if isinstance(news, LinkDown):
            self._complain(news)
            self._drop(news.way)
            return self._do(self._ways.down(news.way, now_ms))
        self._complained.pop(news.way, None)
        return self._do(self._ways.up(news.way, now_ms))

    def heard(self, way: Way) -> None:
        """The cloud itself spoke on this way."""
        self._ways.answered(way)

    def publish(self, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        """Send on the way in use; False if there is none, or it could not take it."""
        link = self._link_in_use()
        return link is not None and link.publish(channel, payload, retain=retain)

    def leave(self, last_word: bytes | None, timeout_s: float) -> None:
        """Say goodbye, if there is a word to say, and close everything."""
        link = self._link_in_use()
        if link is not None and last_word is not None:
            link.farewell(last_word, timeout_s)
        for way in list(self._links):
            self._drop(way)

    def _link_in_use(self) -> Link | None:
        if self._ways.in_use is None:
            return None
        return self._links[self._ways.in_use][1]

    def _do(self, steps: tuple[Step, ...]) -> bool:
        changed = False
        for step in steps:
            match step:
                case Open(way):
                    self._open(way)
                case Close(way):
                    self._drop(way)
                case Use(way):
                    changed = True
                    if way is not None:
                        log.info("uplink_connected", way=way.value)
                case _:
                    assert_never(step)
        return changed

    def _open(self, way: Way) -> None:
        self._made += 1
        listener = _Listener(way, self._made, self._tell)
        link: Link
        if way is Way.MQTT:
            link = MqttLink(self._login, self._will(), listener, self._clock)
        else:
            link = HttpsLink(self._login, self._hello(), listener)
        link.open()
        self._links[way] = (self._made, link)

    def _drop(self, way: Way) -> None:
        _, link = self._links.pop(way)
        link.close()

    def _complain(self, news: LinkDown) -> None:
        """Say what is wrong once, and again only when it is something else."""
        if self._complained.get(news.way) != news.reason:
            log.warning("uplink_disconnected", way=news.way.value, reason=news.reason)
        self._complained[news.way] = news.reason

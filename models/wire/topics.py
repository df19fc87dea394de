"""MQTT topics: the only place where one is spelled."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from models.ids import TerminalId

ROOT = "kaoqin/v1"


class Channel(StrEnum):
    """The last level of a topic.

    ``UP`` punch batches, ``STATE`` retained birth, health and will: terminal to cloud.
    ``ACK`` what was committed, ``WANT`` retained desired state: cloud to terminal.
    """

    UP = "up"
    ACK = "ack"
    STATE = "state"
    WANT = "want"


class Topic(NamedTuple):
    """A parsed topic."""

    terminal_id: TerminalId
    channel: Channel


@lru_cache(maxsize=4096)
def topic(terminal_id: TerminalId, channel: Channel) -> str:
    """``kaoqin/v1/<terminal>/<channel>``."""
    return f"{ROOT}/{terminal_id}/{channel}"


def every(channel: Channel) -> str:
    """The subscription for one channel of all terminals."""
    return f"{ROOT}/+/{channel}"


def shared(channel: Channel, group: str = "ingest") -> str:
    """The subscription that a group of workers shares: each message goes to one of them."""
    return f"$share/{group}/{every(channel)}"


@lru_cache(maxsize=4096)
def parse(text: str) -> Topic | None:
    """The terminal and channel of a topic, or None if it is not one of ours."""
    levels = text.split("/")
    if len(levels) != 4 or "/".join(levels[:2]) != ROOT or not levels[2]:  # noqa: PLR2004  kaoqin v1 terminal channel
        return None
    try:
        return Topic(TerminalId(levels[2]), Channel(levels[3]))
    except ValueError:
        return None

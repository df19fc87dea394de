"""The links to the cloud: what becomes of one that could not be opened."""

from __future__ import annotations

from queue import SimpleQueue

import pytest

from edge.errors import LedgerUnavailable
from edge.sync.link import Login
from edge.sync.links import LinkDown, LinkNews, Links
from models.clock import SystemClock
from models.ids import TerminalId

NOBODY = Login(TerminalId("t-0000000000000001"), "", "mqtt://127.0.0.1:1")


def test_a_way_is_tried_again_when_the_disk_refused_while_it_was_opened():
    """Found by the simulation: such a terminal sent nothing any more until somebody started it anew."""
    news: SimpleQueue[LinkNews] = SimpleQueue()
    refusals = [LedgerUnavailable("disk I/O error")]

    def will() -> bytes:
        if refusals:
            raise refusals.pop()
        return b""

    links = Links(NOBODY, SystemClock(), news.put, hello=bytes, will=will)
    with pytest.raises(LedgerUnavailable):
        links.look(0, silent=False)
    links.look(1, silent=False)

    due_ms = links.due_ms()
    assert due_ms is not None
    links.look(due_ms, silent=False)

    assert isinstance(news.get(timeout=10), LinkDown)  # it went there, and nobody answered
    links.leave(None, 0)

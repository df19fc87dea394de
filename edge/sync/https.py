"""The HTTPS link of one terminal: the same bytes as on the topics, each answered by the cloud itself.

Batches are posted one after the other on one kept connection. An answer that is not the cloud's breaks the
link, so that the uplink waits longer each time.
"""

from __future__ import annotations

import queue
import threading
from http import HTTPStatus
from typing import Final

import requests

from edge.sync.link import LinkListener, Login
from models.wire.topics import Channel

_CONNECT_S = 5.0
_READ_S = 30.0
_JOIN_S = 1.0
_QUEUE = 32
_NAMES: Final = {Channel.UP: "punches", Channel.STATE: "state"}
_MSGPACK = "application/vnd.msgpack"


class HttpsLink:
    """One conversation with the cloud, begun by ``hello``, a state of this terminal."""

    def __init__(self, login: Login, hello: bytes, listener: LinkListener) -> None:
        self._url = f"{login.cloud_url.rstrip('/')}/terminal/v1"
        self._headers = {"Authorization": f"Bearer {login.token}", "Content-Type": _MSGPACK}
        self._hello = hello
        self._listener = listener
        self._waiting: queue.Queue[tuple[Channel, bytes] | None] = queue.Queue(_QUEUE)
        self._closed = threading.Event()
        self._session = requests.Session()
        self._thread = threading.Thread(target=self._run, name="uplink-https", daemon=True)

    def open(self) -> None:
        """Say hello in the background; ``up`` or ``down`` follows."""
        self._thread.start()

    def publish(self, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        """Post in the background; False while too much waits. HTTPS retains nothing."""
        del retain
        try:
            self._waiting.put_nowait((channel, payload))
        except queue.Full:
            return False
        return True

    def farewell(self, payload: bytes, timeout_s: float) -> None:
        """Post the last state, behind what waits, and wait a little for the end of it."""
        if self.publish(Channel.STATE, payload) and self._end():
            self._thread.join(timeout_s)

    def _end(self) -> bool:
        """End the thread once what waits is posted; False while too much waits."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return False
        return True

    def close(self) -> None:
        """End the conversation; an answer that is still to come is not heard."""
        self._closed.set()
        self._end()
        self._thread.join(_JOIN_S)
        self._session.close()

    def _run(self) -> None:
        trouble = self._post(Channel.STATE, self._hello)
        if trouble is None and not self._closed.is_set():
            self._listener.up()
        while trouble is None and not self._closed.is_set() and (item := self._waiting.get()) is not None:
            trouble = self._post(*item)
        if trouble is not None and not self._closed.is_set():
            self._listener.down(trouble)

    def _post(self, channel: Channel, payload: bytes) -> str | None:
        """What went wrong, if anything; an acknowledgement is handed on."""
        try:
            answer = self._session.post(
                f"{self._url}/{_NAMES[channel]}",
                data=payload,
                headers=self._headers,
                timeout=(_CONNECT_S, _READ_S),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return _cause(error)
        if answer.status_code == HTTPStatus.NO_CONTENT:
            return None
        if answer.status_code == HTTPStatus.OK and answer.headers.get("Content-Type") == _MSGPACK:
            if not self._closed.is_set():
                self._listener.heard(Channel.ACK, answer.content)
            return None
        if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            # Put aside where people see it; on the topic nobody would answer this message either.
            return None
        return f"{self._url} answered {answer.status_code} {answer.reason}"


def _cause(error: BaseException) -> str:
    """The innermost cause: the libraries in between wrap it in their own words."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error)

"""The cloud's public API, as any program outside would use it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import requests

from scripts.story.compare import Json
from scripts.story.processes import StoryFailed

_TIMEOUT_S = 30
_POLL_S = 0.05
T = TypeVar("T")


class Cloud:
    """Asks ``url`` with a bearer ``token``."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: str) -> Json:
        """The JSON at ``path``.

        Raises:
            StoryFailed: the answer is not 200.
        """
        answer = self._session.get(self.url + path, params=query, timeout=_TIMEOUT_S)
        if answer.status_code != requests.codes.ok:
            raise StoryFailed(f"GET {path}: {answer.status_code} {answer.text[:300]}")
        body: Json = answer.json()
        return body

    def rows(self, path: str, key: str, **query: str) -> list[dict[str, Json]]:
        """The list of objects under ``key`` of the answer."""
        body = self.get(path, **query)
        found = body.get(key) if isinstance(body, dict) else None
        if not isinstance(found, list):
            raise StoryFailed(f"GET {path}: no list {key!r} in {str(body)[:300]}")
        return [row for row in found if isinstance(row, dict)]

    def file(self, path: str) -> bytes:
        """The bytes at ``path``."""
        answer = self._session.get(self.url + path, timeout=_TIMEOUT_S)
        if answer.status_code != requests.codes.ok:
            raise StoryFailed(f"GET {path}: {answer.status_code} {answer.text[:300]}")
        return answer.content

    def gauges(self) -> dict[str, int]:
        """The counts of ``/metrics`` by name."""
        lines = self.file("/metrics").decode().splitlines()
        return {name: int(count) for name, count in (line.split() for line in lines if line[0] != "#")}

    def is_ready(self) -> bool:
        """Whether the service says that it can do its work."""
        try:
            return bool(self._session.get(f"{self.url}/readyz", timeout=2).status_code == requests.codes.ok)
        except requests.RequestException:
            return False


def wait_for(what: str, found: Callable[[], T | None], *, seconds: float, alive: Callable[[], None]) -> T:
    """Ask ``found`` until it answers; ``alive`` raises when waiting has no more sense.

    Raises:
        StoryFailed: nothing was found in time.
    """
    deadline = time.perf_counter() + seconds
    while True:
        result = found()
        if result:
            return result
        alive()
        if time.perf_counter() > deadline:
            raise StoryFailed(f"{what}: nothing within {seconds:g} s")
        time.sleep(_POLL_S)

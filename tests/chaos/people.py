"""Somebody at each door who types number and PIN, reads the screen, and remembers what it said."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from uuid import UUID

from tests.chaos.checker import Attempt, Outcome

PIN = "4711"
_TIMEOUT_S = 15
_BETWEEN_S = 0.1
_AWAY_S = 0.1


class Passer:
    """One door's stream of people, ``numbers`` being employee number and person id, until stopped."""

    def __init__(self, terminal: str, port: int, numbers: Iterator[tuple[str, str]]) -> None:
        self.attempts: list[Attempt] = []
        self._terminal = terminal
        self._port = port
        self._numbers = numbers
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"people at {terminal}", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    @property
    def is_through(self) -> bool:
        """Whether nobody is left who could come."""
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Nobody comes any more; the last attempt is over when this returns."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        for number, person in self._numbers:
            while not self._stopping.is_set():
                attempt = self._pass(number, person)
                if attempt is None:
                    self._stopping.wait(_AWAY_S)
                    continue
                self.attempts.append(attempt)
                self._stopping.wait(_BETWEEN_S)
                break
            else:
                return

    def _pass(self, number: str, person: str) -> Attempt | None:
        """One try; None if nobody was there to take the number, so that nothing can have been made."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        try:
            connection.connect()
        except OSError:
            return None
        try:
            said = self._say(connection, number)
            if said != "identified":
                return None
            return self._screen(person)
        except (OSError, http.client.HTTPException, ValueError):
            return Attempt(self._terminal, person, Outcome.INFO)
        finally:
            connection.close()

    def _say(self, connection: http.client.HTTPConnection, number: str) -> str:
        body = json.dumps({"number": number, "pin": PIN})
        origin = f"http://127.0.0.1:{self._port}"
        connection.request("POST", "/api/pin", body, {"Origin": origin, "Content-Type": "application/json"})
        return str(json.loads(connection.getresponse().read())["outcome"])

    def _screen(self, person: str) -> Attempt:
        """What is shown; on a screen that went dark before it was read, anything."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        try:
            connection.request("GET", "/events")
            line = connection.getresponse().readline()
        finally:
            connection.close()
        view = json.loads(line.removeprefix(b"data: "))["view"]
        notice = view["notice"]
        match notice["kind"] if notice else None:
            case "recorded":
                return Attempt(self._terminal, person, Outcome.OK, UUID(view["disputable"]))
            case "not_recorded":
                return Attempt(self._terminal, person, Outcome.FAIL)
            case _:
                return Attempt(self._terminal, person, Outcome.INFO)

"""The doors of the site: their past, written by the terminal's own ledger, and a little life during the demo.

Punches of the past and of the other doors take the way of live ones: ledger, outbox, uplink, broker, ingest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from random import Random

from edge.identification import Identified
from edge.punch.ledger import Ledger
from edge.punch.recorder import PunchRecorder, Recorded
from edge.punch.rows import Draft
from edge.sync.link import Login
from edge.sync.uplink import Report, Uplink
from models import ids
from models.clock import SystemClock
from models.ids import PersonId
from models.punch import ClockQuality, Method
from scripts.story.plan import Press

_IN_ONE_COMMIT = 500


def write_history(
    ledger: Ledger, presses: Sequence[Press], people: Mapping[str, PersonId], luck: Random
) -> int:
    """Store ``presses`` as punches of a boot that began with the first; how many were stored."""
    drafts = [
        Draft(
            punch_id=ids.punch_id(press.wall_ms, luck.randbytes(10)),
            person_id=people[press.employee_no],
            wall_ms=press.wall_ms,
            monotonic_ms=press.wall_ms - presses[0].wall_ms,
            clock=ClockQuality.SYNCED,
            method=press.method,
            score_milli=press.score_milli,
        )
        for press in presses
    ]
    for first in range(0, len(drafts), _IN_ONE_COMMIT):
        ledger.append_many(drafts[first : first + _IN_ONE_COMMIT])
    return len(drafts)


class OtherDoor:
    """A door without a camera or a sensor of its own in the demo: its ledger and its uplink are real."""

    def __init__(self, ledger: Ledger, login: Login, report: Report) -> None:
        clock = SystemClock()
        self._ledger = ledger
        self._recorder = PunchRecorder(ledger, clock, lambda: ClockQuality.SYNCED)
        self._uplink = Uplink(ledger, login, clock, report=lambda: report)
        self.made = 0

    def open(self) -> None:
        """Begin to deliver."""
        self._uplink.start()

    def waiting(self) -> int:
        """Punches the cloud has not acknowledged."""
        return self._uplink.waiting()

    def pass_by(self, person: PersonId, method: Method = Method.PIN) -> bool:
        """Somebody punches now; False if they did so within the last minute."""
        stored = isinstance(self._recorder.record(Identified(person, method)), Recorded)
        self.made += stored
        return stored

    def close(self) -> None:
        """Stop delivering and let go of the ledger; what waits stays in it."""
        self._uplink.stop()
        self._ledger.close()


class Life:
    """Calls ``something_happens`` every ``interval_s`` until closed."""

    def __init__(self, something_happens: Callable[[], object], interval_s: float) -> None:
        self._done = threading.Event()
        self._interval_s = interval_s
        self._something_happens = something_happens
        self._thread = threading.Thread(target=self._run, name="life", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._done.wait(self._interval_s):
            self._something_happens()

    def close(self) -> None:
        """Nothing happens any more."""
        self._done.set()
        self._thread.join()

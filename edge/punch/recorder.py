"""From an identified person to what the screen may say.

Feedback comes from the return value alone: it is there only after the durable commit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from apsw import Connection

from edge.errors import LedgerUnavailable, LedgerUnsafe
from edge.identification import Identified
from edge.punch import rows
from edge.punch.dedupe import Moment, is_repeat
from edge.punch.file import LedgerFile
from edge.punch.rows import Draft
from models import ids
from models.clock import Clock
from models.crashpoint import crashpoint
from models.ids import PunchId
from models.punch import ClockQuality, Direction, Punch

REPEAT_WINDOW_S = 60
_RANDOM_BYTES = 10
_READINGS = 3
_STEP_MS = 1_000
"""More than slewing or a slow thread brings between two readings: the clock was set."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Durably stored. ``waiting``: punches the cloud has not acknowledged, this one included."""

    punch: Punch
    waiting: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same person punched just before, at ``first_wall_ms``; nothing was added."""

    first_wall_ms: int


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """The ledger refused: the punch is NOT stored, and the person must be told so."""

    reason: str


Outcome = Recorded | Repeated | NotRecorded


class PunchRecorder:
    """Makes punches in ``ledger``; may be called from any thread."""

    def __init__(
        self,
        ledger: LedgerFile,
        clock: Clock,
        quality: Callable[[], ClockQuality],
        *,
        repeat_window_s: float = REPEAT_WINDOW_S,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._quality = quality
        self._window_ms = int(repeat_window_s * 1000)
        self._random_bytes = random_bytes

    def record(self, identified: Identified, direction: Direction = Direction.NONE) -> Outcome:
        """Store a punch of ``identified`` made now; returns after the commit."""
        with self._ledger.punching:
            wall_ms, monotonic_ms, quality = self._read_clock()
            draft = Draft(
                punch_id=ids.punch_id(wall_ms, self._random_bytes(_RANDOM_BYTES)),
                person_id=identified.person_id,
                wall_ms=wall_ms,
                monotonic_ms=monotonic_ms,
                clock=quality,
                method=identified.method,
                direction=direction,
                score_milli=identified.score_milli,
            )
            try:
                return self._ledger.write(lambda db: self._record(db, draft))
            except (LedgerUnavailable, LedgerUnsafe) as error:
                return NotRecorded(str(error))

    def _read_clock(self) -> tuple[int, int, ClockQuality]:
        """Both clocks and what they are worth, of one moment.

        The wall clock may be set while it is read. A time from before and a quality from after would make a
        wrong time a trusted one, and date the whole boot by it.
        """
        for _ in range(_READINGS):
            wall_ms, monotonic_ms = self._clock.wall_ms(), self._clock.monotonic_ms()
            quality = self._quality()
            passed_ms = self._clock.monotonic_ms() - monotonic_ms
            if abs(self._clock.wall_ms() - wall_ms - passed_ms) <= _STEP_MS:
                return wall_ms, monotonic_ms, quality
        return wall_ms, monotonic_ms, ClockQuality.UNTRUSTED

    def disown(self, punch_id: PunchId) -> None:
        """Note that the person at the door said "not me"; the punch stays as it is.

        Raises:
            LedgerUnavailable: it was not noted.
        """
        now_ms = self._clock.wall_ms()
        self._ledger.write(lambda db: rows.note(db, punch_id, rows.NOT_ME, now_ms))

    def _record(self, db: Connection, draft: Draft) -> Recorded | Repeated:
        last = rows.last_of(db, draft.person_id)
        now = Moment(draft.wall_ms, draft.monotonic_ms, self._ledger.boot)
        if last is not None and is_repeat(Moment(*last), now, self._window_ms):
            return Repeated(last[0])
        crashpoint("punch_before_insert")
        (punch,) = self._ledger.append_in(db, [draft])
        crashpoint("punch_inserted")
        return Recorded(punch, rows.count_waiting(db))

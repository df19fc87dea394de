"""The thread that judges what has become stale."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from cloud.attendance import coverage, stale
from cloud.attendance.facts import AsOf
from cloud.attendance.recompute import changed_days, judge_by, store_days
from cloud.attendance.rulesets import Standing
from cloud.db import direct
from cloud.db.engine import Database
from cloud.feed import DayJudged, Feed
from models.clock import Clock
from models.ids import PersonId

_POLL_S = 0.1
_RECOVER_S = 1.0
_SETTLE_MS = 1_000
_EXTEND_MS = 5_000
_ROWS_A_ROUND = 4_000
_PAUSE_MS = 30_000
"""How long somebody who cannot be judged is left alone: a person has to mend the rules first."""
_WARMING_PEOPLE = 400
_WARMING_STEP = 5
_WARMING_DAYS = 40
"""This month and the one before: late facts are mostly about these."""
_STAFF = "SELECT person_id FROM people WHERE last_day IS NULL ORDER BY person_id"
_DAY = timedelta(days=1)

log = structlog.get_logger()


class RecomputeWorker:
    """Judges stale person-days, a few thousand a round; also marks what time alone completes."""

    def __init__(self, database: Database, feed: Feed, clock: Clock, zone: ZoneInfo) -> None:
        self._database = database
        self._feed = feed
        self._clock = clock
        self._zone = zone
        self._rules = Standing()
        self._paused: dict[PersonId, int] = {}
        self._settled_ms = self._extended_ms = clock.monotonic_ms() - _EXTEND_MS
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recompute", daemon=True)
        self.failing: str | None = None

    def start(self) -> None:
        """Begin to judge."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round that is going on; what is stale stays marked."""
        self._stopping.set()
        self._feed.punched.set()
        self._thread.join()

    def warm(self) -> None:
        """Judge days of some people, for nobody: what days ask of the rules is asked before a punch waits.

        It ends early when a punch comes.
        """
        view = self._view()
        days = [view.today - _DAY * back for back in range(1, _WARMING_DAYS + 1)]
        with self._database.read() as connection:
            staff = [PersonId(person) for (person,) in direct.rows(connection, _STAFF)]
        some = staff[:: len(staff) // _WARMING_PEOPLE + 1]
        for start in range(0, len(some), _WARMING_STEP):
            if self._stopping.is_set() or self._feed.punched.is_set():
                return
            asked = dict.fromkeys(some[start : start + _WARMING_STEP], days)
            with self._database.read() as connection:
                judge_by(connection, asked, view, self._rules.book(connection, view.zone))

    def _run(self) -> None:
        try:
            self.warm()
        except Exception:
            # Whatever it was: it helps, and nobody may wait for it.
            log.exception("warming_failed")
        while not self._stopping.is_set():
            try:
                self.tick()
                busy = self.round()
                self.failing = None
            except DBAPIError as error:
                self.failing = type(error.orig).__name__
                log.warning("recompute_failed", error=self.failing)
                busy = False
            except Exception as error:
                # Whatever it was: without this thread nobody would be judged any more.
                self.failing = type(error).__name__
                log.exception("recompute_failed")
                busy = False
                self._stopping.wait(_RECOVER_S)
            if not busy:
                # A punch of this process ends the wait; what others have stored is found at its end.
                self._feed.punched.wait(_POLL_S)
                self._feed.punched.clear()

    def tick(self) -> None:
        """Let time pass: new dates begin, days settle."""
        now = self._clock.monotonic_ms()
        if now - self._extended_ms >= _EXTEND_MS:
            self._extended_ms = now
            with self._database.write() as connection:
                coverage.extend(connection, self._view())
        if now - self._settled_ms >= _SETTLE_MS:
            self._settled_ms = now
            with self._database.write() as connection:
                coverage.settle(connection, self._view())

    def round(self) -> bool:
        """Judge some of what is stale; whether there was any.

        Facts are read in one snapshot and judged outside every lock; a mark that has grown meanwhile stays,
        so a fact that arrives between reading and storing is never missed.
        """
        view = self._view()
        with self._database.read() as connection:
            taken = self._take(connection, view)
            if not taken:
                return False
            asked: defaultdict[PersonId, list[date]] = defaultdict(list)
            for one in taken:
                asked[one.person_id].append(one.date)
            judgement = judge_by(connection, asked, view, self._rules.book(connection, view.zone))
            changed = [one for one, _ in changed_days(connection, judgement.days)]
        self._pause(judgement.unjudgeable)
        done = [one for one in taken if one.person_id not in judgement.unjudgeable]
        causes = {(one.person_id, one.date): one.cause for one in done}
        with self._database.write_derived() as connection:
            told = store_days(connection, changed, causes, view)
            stale.forget(connection, done)
        for person, day in told:
            self._feed.publish(DayJudged(person, day))
        return True

    def _view(self) -> AsOf:
        return AsOf(self._clock.wall_ms(), self._zone)

    def _take(self, connection: Connection, view: AsOf) -> list[stale.Marked]:
        """The oldest marks; those of dates to come wait for their day, those before the coverage for ever."""
        now = self._clock.monotonic_ms()
        self._paused = {person: until for person, until in self._paused.items() if until > now}
        covered = coverage.span(connection)
        if covered is None:
            return []
        dates = covered[0], view.today
        return stale.take(connection, dates, view.now_ms, _ROWS_A_ROUND, self._paused)

    def _pause(self, unjudgeable: dict[PersonId, str]) -> None:
        until = self._clock.monotonic_ms() + _PAUSE_MS
        for reason in sorted(set(unjudgeable.values())):
            log.warning("people_not_judged", reason=reason)
        self._paused |= dict.fromkeys(unjudgeable, until)

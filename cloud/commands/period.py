"""``period``: months closed, reopened and looked into."""

from __future__ import annotations

import getpass
from collections import Counter
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from cloud.attendance.adjustments import adjustments
from cloud.attendance.blockers import Blocker
from cloud.attendance.closing import NotReopened, Refused, close, reopen
from cloud.attendance.content import recount
from cloud.attendance.facts import AsOf
from cloud.attendance.periods import closings
from cloud.commands.console import complain, say
from cloud.db.engine import Database
from cloud.db.tables import people
from cloud.reports.dates import Month
from cloud.reports.period import PeriodRow, list_periods
from cloud.rules.rounding import number
from models.clock import Clock, from_ms

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Periods:
    """The commands, on one database. Who runs them is written down as the actor."""

    database: Database
    clock: Clock
    zone: ZoneInfo

    def list_all(self) -> int:
        """A line a month, newest first."""
        today = AsOf(self.clock.wall_ms(), self.zone).today
        with self.database.read() as connection:
            rows = list_periods(connection, today, self.zone)
        for row in rows:
            say(f"{row.month}  {self._state(row)}  adjustments {row.adjustments_n}")
        return 0

    def close(self, month: Month) -> int:
        """Freeze a month; 1 if it stays open, and why."""
        outcome = close(self.database, month, getpass.getuser(), self.clock, self.zone)
        if isinstance(outcome, Refused):
            self._complain(month, outcome.blockers)
            return 1
        say(f"closed {month}: {outcome.days_n} days of {outcome.people_n} people, hash {outcome.hash}")
        return 0

    def reopen(self, month: Month, reason: str) -> int:
        """Let a month follow new facts again; 1 if it stays as it is."""
        if not reason.strip():
            complain("the reason is empty; nothing was changed")
            return 1
        outcome = reopen(self.database, month, getpass.getuser(), reason.strip(), self.clock)
        if isinstance(outcome, NotReopened):
            why = f"{month.next} is closed: reopen it first" if outcome.next_closed else "it is not closed"
            complain(f"{month} was not reopened: {why}")
            return 1
        say(f"reopened {month}")
        return 0

    def adjustments(self, month: Month) -> int:
        """A line for each date of an earlier, closed month that this one lists."""
        with self.database.read() as connection:
            found = adjustments(connection, closings(connection), month)
            numbers = _numbers(connection)
        for one in found:
            changes = ", ".join(f"{name} {number(change):+}" for name, change in one.delta.items())
            say(f"{one.date}  {numbers.get(one.person_id, one.person_id)}  {changes}")
        return 0

    def verify(self, month: Month) -> int:
        """Count the hash of a closed month again; 1 if it differs, or the month is open."""
        with self.database.read() as connection:
            closing = closings(connection).get(month)
            counted = None if closing is None else recount(connection, closing)
        if closing is None:
            complain(f"{month} is not closed")
            return 1
        if counted != closing.hash:
            complain(f"{month} was changed in the database: closed as {closing.hash}, now {counted}")
            return 1
        say(f"{month} is as it was closed: {counted}")
        return 0

    def _state(self, row: PeriodRow) -> str:
        if row.closing is not None:
            when = from_ms(row.closing.at_ms).astimezone(self.zone).isoformat(timespec="seconds")
            return f"closed {when} by {row.closing.actor}  hash {row.closing.hash}"
        if not row.over:
            return "in progress"
        return f"open, {row.waits_n} to do" if row.waits_n else "open, can be closed"

    def _complain(self, month: Month, blockers: list[Blocker]) -> None:
        complain(f"{month} stays open:")
        with self.database.read() as connection:
            numbers = _numbers(connection)
        for kind, n in Counter(one.kind for one in blockers).items():
            of_kind = [one for one in blockers if one.kind is kind]
            if of_kind[0].person_id is None:
                complain(f"  {kind}")
                continue
            complain(f"  {kind}: {n} days")
            for one in of_kind[:_SHOWN]:
                complain(f"    {one.date}  {numbers.get(one.person_id or '', one.person_id)}")
            if n > _SHOWN:
                complain(f"    and {n - _SHOWN} more")


def _numbers(connection: Connection) -> dict[str, str]:
    """Employee numbers by person."""
    rows = connection.execute(select(people.c.person_id, people.c.employee_no))
    return {row.person_id: row.employee_no for row in rows}

"""The facts of many people in a few queries, as the engine wants them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, case

from cloud.attendance.presses import (
    CLOCK,
    DIRECTION,
    REPAIRED,
    RIGHT,
    UNTRUSTED,
    Doors,
    Press,
    fact_of,
    in_order,
)
from cloud.attendance.rulesets import GroupRules, Rulebook
from cloud.db import direct
from cloud.db.tables import terminals
from cloud.office.codec import RecordRow, record_of
from cloud.rules.facts import Employment, PersonFacts, RosterChange, RosterEntry
from models.clock import from_ms, to_ms
from models.ids import PersonId
from models.office import OfficeRecord
from models.punch import ClockQuality

_DAY = timedelta(days=1)
_MARGIN = timedelta(days=3)
_PEOPLE_A_QUERY = 500


def complete_until() -> ColumnElement[int]:
    """The instant before which a terminal has told everything.

    One that has not spoken yet cannot have punches from before it was claimed; from then on it is waited for
    until it speaks or is revoked.
    """
    return case((terminals.c.last_seen_ms.is_(None), terminals.c.claimed_ms), else_=terminals.c.watermark_ms)


# Most people have neither a roster nor a leave of absence nor a form: who has is asked for it.
_PEOPLE = """
SELECT person_id, group_id, site, hire_date, last_day,
EXISTS (SELECT 1 FROM roster_entries WHERE person_id = people.person_id AND date BETWEEN ? AND ?),
EXISTS (SELECT 1 FROM exemptions WHERE person_id = people.person_id),
EXISTS (SELECT 1 FROM office_records WHERE person_id = people.person_id AND first <= ? AND last >= ?)
FROM people WHERE"""
_ROSTER = "SELECT person_id, date, known_ms, shifts, zone FROM roster_entries WHERE date BETWEEN ? AND ? AND"
_EXEMPT = "SELECT person_id, first, last FROM exemptions WHERE"
_UNSET = f"clock = {ClockQuality.UNTRUSTED.value}"
_PUNCHES = f"""
SELECT at_ms, terminal_id, method + direction * {DIRECTION} + {CLOCK}
* CASE WHEN at_ms <> wall_ms THEN {REPAIRED} WHEN {_UNSET} THEN {UNTRUSTED} ELSE {RIGHT} END,
stream_id, seq, received_ms, person_id FROM punches WHERE received_ms <= ? AND"""  # noqa: S608  constants
_MADE = f"{_PUNCHES} at_ms >= ? AND at_ms < ? AND"
# The clock first and the person as no index has it, so that the small index of such punches serves.
_UNDATED = f"""{_PUNCHES} {_UNSET} AND at_ms = wall_ms AND received_ms >= ? AND received_ms < ?
AND (at_ms < ? OR at_ms >= ?) AND"""
_PERSON = ("person_id",)
_ANYBODY = ("person_id || ''",)
# Every version of each form of which some version touches the span: the newest speaks (J1). If that is of
# somebody else, none of the older ones is in force.
_RECORDS = f"""
SELECT {", ".join(RecordRow._fields)} FROM office_records AS every WHERE EXISTS (
    SELECT 1 FROM office_records WHERE source = every.source AND source_id = every.source_id
    AND person_id = every.person_id AND first <= ? AND last >= ?
) AND NOT EXISTS (
    SELECT 1 FROM office_records WHERE source = every.source AND source_id = every.source_id
    AND version > every.version AND person_id <> every.person_id
) AND"""  # noqa: S608  names of ours
_TERMINALS = """
SELECT terminal_id, site, revoked_ms, CASE WHEN last_seen_ms IS NULL THEN claimed_ms ELSE watermark_ms END
FROM terminals"""
"""As :func:`complete_until` has it."""


@dataclass(frozen=True, slots=True)
class Judgeable:
    """One person's facts, and the rules with their shared plans.

    Attributes:
        presses: the punches, in order of time; ``doors``: how to name them.
    """

    facts_but_punches: PersonFacts
    presses: list[Press]
    doors: Doors
    rules: GroupRules

    @property
    def facts(self) -> PersonFacts:
        """All facts, as the engine wants them."""
        punched = tuple([fact_of(press, self.doors.sites) for press in self.presses])
        return replace(self.facts_but_punches, punches=punched)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Facts by person; ``unjudgeable``: why somebody's rules cannot be used."""

    people: dict[PersonId, Judgeable]
    unjudgeable: dict[PersonId, str]


@dataclass(frozen=True, slots=True)
class AsOf:
    """From when and where the facts are looked at."""

    now_ms: int
    zone: ZoneInfo

    @property
    def today(self) -> date:
        """The local date."""
        return from_ms(self.now_ms).astimezone(self.zone).date()


def load(
    connection: Connection, who: Sequence[PersonId], span: tuple[date, date], view: AsOf, book: Rulebook
) -> Loaded:
    """What ``who`` are to be judged on in ``span``, both ends in; people that do not exist are left out.

    Facts reach three days beyond either end: who counts by month asks for whole months. Locks are not among
    them: days are judged as known now; what a closed month shows is kept apart.
    """
    first, last = span[0] - _MARGIN, span[1] + _MARGIN
    marks, sites = _terminals(connection)
    loaded = Loaded({}, {})
    doors: dict[tuple[str | None, bool], Doors] = {}
    for start in range(0, len(who), _PEOPLE_A_QUERY):
        about = _About(connection, who[start : start + _PEOPLE_A_QUERY], first, last, view)
        for person, group_id, site, hire, last_day, *_ in about.people:
            rules = book.of(group_id)
            if rules is None:
                group = group_id or book.default or ""
                loaded.unjudgeable[person] = book.broken.get(group, "there is no such group")
                continue
            entries = about.roster.get(person, _UNROSTERED)
            travels = bool(rules.rules.travel_min)
            home = site, travels
            if home not in doors:
                doors[home] = Doors(sites, site, travels=travels)
            loaded.people[person] = Judgeable(
                PersonFacts(
                    person_id=person,
                    rules=rules.rules,
                    as_of_ms=view.now_ms,
                    site=site,
                    employment=Employment(
                        hire and direct.day_of(hire),
                        last_day and direct.day_of(last_day),
                        tuple(about.exempt.get(person, ())),
                    ),
                    roster=entries.first,
                    roster_changes=tuple(entries.changes),
                    records=tuple(about.records.get(person, ())),
                    watermarks=marks,
                ),
                about.presses.get(person, []),
                doors[home],
                rules,
            )
    return loaded


class _Roster:
    """Entries of one person: the first of a date is known since ever, the others are changes."""

    def __init__(self) -> None:
        self.first: dict[date, RosterEntry] = {}
        self.changes: list[RosterChange] = []

    def add(self, day: date, entry: RosterEntry, known_ms: int) -> None:
        if day in self.first:
            self.changes.append(RosterChange(day, entry, known_ms))
        else:
            self.first[day] = entry

    def fence(self, first: date, last: date) -> None:
        """Have a day off beyond what was read from ``first`` to ``last``, beside a date with an entry.

        What is rostered there is not known: it is not to be taken for the week, which may overlap (V3).
        """
        for edge, beyond in ((first, first - _DAY), (last, last + _DAY)):
            if edge in self.first:
                self.first[beyond] = RosterEntry()


_UNROSTERED = _Roster()


class _About:
    """Facts of some people by person; ``people``: their rows."""

    def __init__(
        self,
        connection: Connection,
        who: Sequence[PersonId],
        first: date,
        last: date,
        view: AsOf,
    ) -> None:
        self.roster: defaultdict[PersonId, _Roster] = defaultdict(_Roster)
        self.exempt: defaultdict[PersonId, list[tuple[date, date]]] = defaultdict(list)
        self.records: defaultdict[PersonId, list[OfficeRecord]] = defaultdict(list)
        keys = [(one,) for one in who]
        span = first.isoformat(), last.isoformat()
        self.people = direct.rows_of(connection, _PEOPLE, _PERSON, keys, values=(*span, *span[::-1]))
        rostered, exempt, claiming = ([(row[0],) for row in self.people if row[place]] for place in (5, 6, 7))
        if rostered:
            for person, day, known_ms, names, clock in direct.rows_of(
                connection, _ROSTER, _PERSON, rostered, "ORDER BY known_ms", span
            ):
                self.roster[person].add(direct.day_of(day), _entry(names, clock), known_ms)
            for roster in self.roster.values():
                roster.fence(first, last)
        if exempt:
            for person, begins, ends in direct.rows_of(connection, _EXEMPT, _PERSON, exempt):
                self.exempt[person].append((direct.day_of(begins), direct.day_of(ends)))
        if claiming:
            for *row, body in direct.rows_of(connection, _RECORDS, _PERSON, claiming, values=span[::-1]):
                record = RecordRow._make((*row, direct.json_of(body)))
                self.records[PersonId(record.person_id)].append(record_of(record))
        # Made in the span; or, where the clock was not set, received in it (T5).
        start, end = midnight_ms(first, view.zone), midnight_ms(last + timedelta(days=1), view.zone)
        made = direct.rows_of(
            connection, _MADE, _PERSON, keys, "ORDER BY person_id, at_ms", (view.now_ms, start, end)
        )
        self.presses: dict[PersonId, list[Press]] = {
            person: in_order(presses) for person, presses in groupby(made, _whose)
        }
        for press in direct.rows_of(
            connection, _UNDATED, _ANYBODY, keys, values=(view.now_ms, start, end, start, end)
        ):
            self.presses[press[6]] = in_order([*self.presses.get(press[6], ()), press])


_whose: Callable[[tuple[Any, ...]], PersonId] = itemgetter(6)


def _entry(names: str | list[str], zone: str | None) -> RosterEntry:
    """A roster entry as the driver gives it."""
    return _entry_of(names if isinstance(names, str) else tuple(names), zone)


@lru_cache(maxsize=4_096)
def _entry_of(names: str | tuple[str, ...], zone: str | None) -> RosterEntry:
    return RosterEntry(tuple(direct.json_of(names)), zone)


@lru_cache(maxsize=4_096)
def midnight_ms(day: date, zone: ZoneInfo) -> int:
    """The instant at which ``day`` begins."""
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=zone))


def _terminals(connection: Connection) -> tuple[dict[str, int], dict[str, str]]:
    """How far each terminal in use has told everything, and where each terminal is."""
    marks: dict[str, int] = {}
    sites: dict[str, str] = {}
    for terminal, site, revoked_ms, until_ms in direct.rows(connection, _TERMINALS):
        sites[terminal] = site
        if revoked_ms is None:
            marks[terminal] = until_ms
    return marks, sites

"""The facts of many people in a few queries, as the engine wants them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    bindparam,
    case,
    select,
    tuple_,
)

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
from cloud.db.tables import (
    office_records,
    terminals,
)
from cloud.office.codec import record_of
from cloud.rules.facts import Employment, PersonFacts, RosterChange, RosterEntry
from models.clock import from_ms, to_ms
from models.ids import PersonId
from models.office import OfficeRecord
from models.punch import ClockQuality

_MARGIN = timedelta(days=3)
_PEOPLE_A_QUERY = 500

Found = Row[Any]


def complete_until() -> ColumnElement[int]:
    """The instant before which a terminal has told everything.

    One that has not spoken yet cannot have punches from before it was claimed; from then on it is waited for
    until it speaks or is revoked.
    """
    return case((terminals.c.last_seen_ms.is_(None), terminals.c.claimed_ms), else_=terminals.c.watermark_ms)


_WHO: BindParameter[list[str]] = bindparam("who", expanding=True)
_FIRST: BindParameter[date] = bindparam("first")
_LAST: BindParameter[date] = bindparam("last")
_PEOPLE = "SELECT person_id, group_id, site, hire_date, last_day FROM people WHERE"
_ROSTER = "SELECT person_id, date, known_ms, shifts, zone FROM roster_entries WHERE date BETWEEN ? AND ? AND"
_EXEMPT = "SELECT person_id, first, last FROM exemptions WHERE"
_UNSET = f"clock = {ClockQuality.UNTRUSTED.value}"
_PUNCHES = f"""
SELECT at_ms, terminal_id, method + direction * {DIRECTION} + {CLOCK}
* CASE WHEN at_ms <> wall_ms THEN {REPAIRED} WHEN {_UNSET} THEN {UNTRUSTED} ELSE {RIGHT} END,
stream_id, seq, received_ms, person_id FROM punches WHERE received_ms <= ? AND"""  # noqa: S608  constants
_MADE = f"{_PUNCHES} at_ms >= ? AND at_ms < ? AND"
# The clock first, so that the small index of such punches serves.
_UNDATED = f"""{_PUNCHES} {_UNSET} AND at_ms = wall_ms AND received_ms >= ? AND received_ms < ?
AND (at_ms < ? OR at_ms >= ?) AND"""
_FORMS = "SELECT 1 FROM office_records WHERE first <= ? AND last >= ? AND"
_PERSON = ("person_id",)
# Every version of each form of which some version touches the span: the newest speaks (J1).
_RECORDS = select(office_records).where(
    office_records.c.person_id.in_(_WHO),
    tuple_(office_records.c.source, office_records.c.source_id).in_(
        select(office_records.c.source, office_records.c.source_id).where(
            office_records.c.person_id.in_(_WHO),
            office_records.c.first <= _LAST,
            office_records.c.last >= _FIRST,
        )
    ),
)
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
        part = who[start : start + _PEOPLE_A_QUERY]
        about = _About(connection, part, first, last, view)
        keys = [(one,) for one in part]
        for person, group_id, site, hire, last_day in direct.rows_of(connection, _PEOPLE, _PERSON, keys):
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
                in_order(about.presses.get(person, ())),
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


_UNROSTERED = _Roster()


class _About:
    """Facts of some people by person."""

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
        self.presses: defaultdict[PersonId, list[Press]] = defaultdict(list)
        self.records: defaultdict[PersonId, list[OfficeRecord]] = defaultdict(list)
        keys = [(one,) for one in who]
        span = first.isoformat(), last.isoformat()
        for person, day, known_ms, names, clock in direct.rows_of(
            connection, _ROSTER, _PERSON, keys, "ORDER BY known_ms", span
        ):
            entry = RosterEntry(tuple(direct.json_of(names)), clock)
            self.roster[person].add(direct.day_of(day), entry, known_ms)
        for person, begins, ends in direct.rows_of(connection, _EXEMPT, _PERSON, keys):
            self.exempt[person].append((direct.day_of(begins), direct.day_of(ends)))
        # Made in the span; or, where the clock was not set, received in it (T5).
        start, end = midnight_ms(first, view.zone), midnight_ms(last + timedelta(days=1), view.zone)
        made = direct.rows_of(connection, _MADE, _PERSON, keys, values=(view.now_ms, start, end))
        undated = direct.rows_of(
            connection, _UNDATED, _PERSON, keys, values=(view.now_ms, start, end, start, end)
        )
        presses = self.presses
        for press in chain(made, undated):
            presses[press[6]].append(press)
        if direct.rows_of(connection, _FORMS, _PERSON, keys, "LIMIT 1", span[::-1]):
            for row in connection.execute(_RECORDS, {"who": who, "first": first, "last": last}):
                self.records[PersonId(row.person_id)].append(record_of(row))


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

"""The facts of many people in a few queries, as the engine wants them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    bindparam,
    case,
    literal_column,
    or_,
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
from cloud.db.bulk import raw_rows
from cloud.db.tables import (
    exemptions,
    office_records,
    people,
    punches,
    roster_entries,
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


# Built once: to build them for each late punch cost a third of judging it.
_WHO: BindParameter[list[str]] = bindparam("who", expanding=True)
_FIRST: BindParameter[date] = bindparam("first")
_LAST: BindParameter[date] = bindparam("last")
_START: BindParameter[int] = bindparam("start")
_END: BindParameter[int] = bindparam("end")
_PEOPLE = select(people).where(people.c.person_id.in_(_WHO))
_ROSTER = (
    select(roster_entries)
    .where(roster_entries.c.person_id.in_(_WHO), roster_entries.c.date.between(_FIRST, _LAST))
    .order_by(roster_entries.c.known_ms)
)
_EXEMPT = select(exemptions).where(exemptions.c.person_id.in_(_WHO))
_UNSET = punches.c.clock == ClockQuality.UNTRUSTED.value
_CLOCK = case((punches.c.at_ms != punches.c.wall_ms, REPAIRED), (_UNSET, UNTRUSTED), else_=RIGHT)
_PUNCHES = select(
    punches.c.at_ms,
    punches.c.terminal_id,
    punches.c.method + punches.c.direction * DIRECTION + _CLOCK * CLOCK,
    punches.c.punch_id,
    punches.c.received_ms,
    punches.c.person_id,
).where(punches.c.person_id.in_(_WHO), punches.c.received_ms <= bindparam("now"))
_MADE = _PUNCHES.where(punches.c.at_ms >= _START, punches.c.at_ms < _END)
_UNDATED = _PUNCHES.where(
    # Written out, so that the small index of such punches serves.
    punches.c.clock == literal_column("0"),
    punches.c.at_ms == punches.c.wall_ms,
    punches.c.received_ms >= _START,
    punches.c.received_ms < _END,
    or_(punches.c.at_ms < _START, punches.c.at_ms >= _END),
)
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
_TERMINALS = select(terminals.c.terminal_id, terminals.c.site, terminals.c.revoked_ms, complete_until())


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
        for row in connection.execute(_PEOPLE, {"who": part}):
            person = PersonId(row.person_id)
            rules = book.of(row.group_id)
            if rules is None:
                group = row.group_id or book.default or ""
                loaded.unjudgeable[person] = book.broken.get(group, "there is no such group")
                continue
            entries = about.roster.get(person, _UNROSTERED)
            travels = bool(rules.rules.travel_min)
            home = row.site, travels
            if home not in doors:
                doors[home] = Doors(sites, row.site, travels=travels)
            loaded.people[person] = Judgeable(
                PersonFacts(
                    person_id=person,
                    rules=rules.rules,
                    as_of_ms=view.now_ms,
                    site=row.site,
                    employment=Employment(row.hire_date, row.last_day, tuple(about.exempt.get(person, ()))),
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

    def add(self, row: Found) -> None:
        entry = RosterEntry(tuple(row.shifts), row.zone)
        if row.date in self.first:
            self.changes.append(RosterChange(row.date, entry, row.known_ms))
        else:
            self.first[row.date] = entry


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
        asked = {"who": who, "first": first, "last": last}
        for row in connection.execute(_ROSTER, asked):
            self.roster[PersonId(row.person_id)].add(row)
        for row in connection.execute(_EXEMPT, {"who": who}):
            self.exempt[PersonId(row.person_id)].append((row.first, row.last))
        # Made in the span; or, where the clock was not set, received in it (T5).
        zone, now_ms = view.zone, view.now_ms
        start, end = midnight_ms(first, zone), midnight_ms(last + timedelta(days=1), zone)
        for query in (_MADE, _UNDATED):
            for press in raw_rows(connection, query, {"who": who, "start": start, "end": end, "now": now_ms}):
                self.presses[press[5]].append(press)
        for row in connection.execute(_RECORDS, asked):
            self.records[PersonId(row.person_id)].append(record_of(row))


@lru_cache(maxsize=4_096)
def midnight_ms(day: date, zone: ZoneInfo) -> int:
    """The instant at which ``day`` begins."""
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=zone))


def _terminals(connection: Connection) -> tuple[dict[str, int], dict[str, str]]:
    """How far each terminal in use has told everything, and where each terminal is."""
    marks: dict[str, int] = {}
    sites: dict[str, str] = {}
    for terminal, site, revoked_ms, until_ms in connection.execute(_TERMINALS):
        sites[terminal] = site
        if revoked_ms is None:
            marks[terminal] = until_ms
    return marks, sites

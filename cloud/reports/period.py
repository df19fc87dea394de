"""Months as HR closes them: how each stands, what it still waits for, and who has signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from cloud.attendance.adjustments import Delta, adjustments, open_adjustments
from cloud.attendance.blockers import Blocker, BlockerKind, blockers
from cloud.attendance.codec import DayBrief, brief
from cloud.attendance.periods import Closings, PeriodEvent, closings, history
from cloud.attendance.published import people_in, published_days
from cloud.attendance.signoff import Signature, Verdict, signatures
from cloud.db.tables import attendance_days, closed_adjustments, people
from cloud.reports.dates import Month, month_of
from cloud.reports.people import PersonBrief, list_people
from models.ids import PersonId

ITEMS = (
    BlockerKind.PENDING_DATA,
    BlockerKind.NOT_JUDGED,
    BlockerKind.PENDING_APPROVAL,
    BlockerKind.UNTRUSTED_TIME,
    BlockerKind.PROVISIONAL_CALENDAR,
)
"""The lines of the checklist that are always there: a month waits for all of them."""


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """A month in the list. ``waits_n``: what keeps it open; None if it is closed or not over."""

    month: Month
    over: bool
    closing: PeriodEvent | None
    waits_n: int | None
    adjustments_n: int


@dataclass(frozen=True, slots=True)
class Line:
    """One day of one person that keeps the month open; ``day`` None: there is no result."""

    person: PersonBrief
    date: date
    day: DayBrief | None


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the checklist. ``n``: how many days; of the calendar 1 while it is provisional."""

    kind: BlockerKind
    n: int
    people_n: int
    blockers: Sequence[Blocker]

    @property
    def done(self) -> bool:
        """Nothing is left of it."""
        return not self.n


@dataclass(frozen=True, slots=True)
class SignedBy:
    """What one person said of the month; None: nothing yet."""

    person: PersonBrief
    signature: Signature | None


@dataclass(frozen=True, slots=True)
class Signing:
    """Who has to sign, those who object first, then those who have not signed what there is now."""

    objected: list[SignedBy]
    unsigned: list[SignedBy]
    confirmed: list[SignedBy]

    @property
    def people_n(self) -> int:
        """How many people the month has."""
        return len(self.objected) + len(self.unsigned) + len(self.confirmed)


@dataclass(frozen=True, slots=True)
class AdjustedDay:
    """A late change of an earlier, closed month."""

    person: PersonBrief
    date: date
    delta: Delta


@dataclass(frozen=True, slots=True)
class PeriodReport:
    """One month, as the page to close it shows it.

    Attributes:
        over: its last date has passed.
        next_closed: the month after it is closed, so this one can be neither closed nor reopened.
        empty: there is no result at all.
        later: by month, how many late changes of this closed month it lists.
    """

    month: Month
    over: bool
    empty: bool
    next_closed: bool
    closing: PeriodEvent | None
    items: list[Item]
    history: list[PeriodEvent]
    later: dict[Month, int]

    @property
    def ready(self) -> bool:
        """Whether it can be closed now."""
        blocked = self.empty or self.next_closed or not self.over or self.closing is not None
        return not blocked and all(item.done for item in self.items)


def list_periods(connection: Connection, today: date, zone: ZoneInfo) -> list[PeriodRow]:
    """Every month there are results of, newest first."""
    oldest = connection.execute(select(func.min(attendance_days.c.date))).scalar_one()
    if oldest is None:
        return []
    closed = closings(connection)
    counts = connection.execute(
        select(closed_adjustments.c.event_id, func.count()).group_by(closed_adjustments.c.event_id)
    )
    listed: dict[int, int] = {row[0]: row[1] for row in counts}
    rows = []
    month = month_of(today)
    while month >= month_of(oldest):
        closing = closed.get(month)
        over = month.last < today
        waits_n = None
        if over and closing is None:
            waits_n = len(blockers(connection, month, today, zone))
        adjusted = len(open_adjustments(connection, closed, month)) if closing is None else 0
        rows.append(
            PeriodRow(
                month=month,
                over=over,
                closing=closing,
                waits_n=waits_n,
                adjustments_n=adjusted if closing is None else listed.get(closing.event_id, 0),
            )
        )
        month = month.previous
    return rows


def period_report(connection: Connection, month: Month, today: date, zone: ZoneInfo) -> PeriodReport:
    """How ``month`` stands, and what it waits for."""
    closed = closings(connection)
    closing = closed.get(month)
    found = [] if closing is not None else blockers(connection, month, today, zone)
    kinds = {one.kind for one in found}
    return PeriodReport(
        month=month,
        over=month.last < today,
        empty=BlockerKind.EMPTY in kinds,
        next_closed=month.next in closed,
        closing=closing,
        items=_items(found, over=month.last < today),
        history=history(connection, month),
        later=_later(connection, closed, month) if closing is not None else {},
    )


def _items(found: Sequence[Blocker], *, over: bool) -> list[Item]:
    """The checklist. That days of a month which is not over go on, nobody has to be told."""
    items = [_item(kind, found) for kind in ITEMS]
    going_on = _item(BlockerKind.IN_PROGRESS, found)
    return [going_on, *items] if over and not going_on.done else items


def _item(kind: BlockerKind, found: Iterable[Blocker]) -> Item:
    of_kind = sorted((one for one in found if one.kind is kind), key=lambda one: one.date or date.min)
    return Item(kind, len(of_kind), len({one.person_id for one in of_kind}), of_kind)


def _later(connection: Connection, closed: Closings, month: Month) -> dict[Month, int]:
    """The months that list late changes of ``month``, up to the open one."""
    found: dict[Month, int] = {}
    following = month
    while following in closed:
        following = following.next
        days = [one.date for one in adjustments(connection, closed, following)]
        if n := sum(month.first <= day <= month.last for day in days):
            found[following] = n
    return found


def lines(connection: Connection, found: Sequence[Blocker]) -> list[Line]:
    """``found`` with names and results."""
    asked = [(one.person_id, one.date) for one in found if one.person_id is not None and one.date is not None]
    if not asked:
        return []
    persons = _persons(connection, {person for person, _ in asked})
    dates = [day for _, day in asked]
    days = published_days(closings(connection), min(dates), max(dates)).c
    rows = connection.execute(
        select(days.person_id, days.date, days.result).where(
            days.person_id.in_(sorted(persons)), days.date.in_(sorted(set(dates)))
        )
    )
    wanted = set(asked)
    results = {(person, day): brief(result) for person, day, result in rows if (person, day) in wanted}
    return [
        Line(persons[person], day, results.get((person, day))) for person, day in asked if person in persons
    ]


def adjusted_days(connection: Connection, month: Month, limit: int) -> tuple[list[AdjustedDay], int]:
    """What ``month`` lists of earlier months, with names: the first ``limit``, and how many there are."""
    every = adjustments(connection, closings(connection), month)
    found = every[:limit]
    persons = _persons(connection, {one.person_id for one in found})
    days = [
        AdjustedDay(persons[one.person_id], one.date, one.delta) for one in found if one.person_id in persons
    ]
    return days, len(every)


def signing(connection: Connection, month: Month) -> Signing:
    """Who has signed ``month``."""
    closed = closings(connection)
    signed = signatures(connection, closed, month)
    everybody = [
        SignedBy(person, signed.get(person.person_id))
        for person in list_people(connection, people_in(closed, month))
    ]

    def said(one: SignedBy) -> str:
        holds = one.signature is not None and one.signature.holds
        return one.signature.verdict.value if one.signature is not None and holds else ""

    groups = {key: list(some) for key, some in groupby(sorted(everybody, key=said), key=said)}
    return Signing(
        objected=groups.get(Verdict.OBJECTED, []),
        unsigned=groups.get("", []),
        confirmed=groups.get(Verdict.CONFIRMED, []),
    )


def _persons(connection: Connection, who: set[PersonId]) -> dict[PersonId, PersonBrief]:
    found = list_people(connection, people.c.person_id.in_(sorted(who))) if who else []
    return {person.person_id: person for person in found}

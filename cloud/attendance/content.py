"""What a closed month consists of, and its hash, which anybody can count again from the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from itertools import groupby

from sqlalchemy import Connection, Result, select

from cloud.attendance import coverage
from cloud.attendance.blockers import FLAGS, Blocker, BlockerKind
from cloud.attendance.codec import decode, frozen_json
from cloud.attendance.periods import PeriodEvent
from cloud.db.tables import attendance_days, closed_adjustments, closed_days, people
from cloud.reports.dates import Month
from models.ids import PersonId

_ROWS_A_FETCH = 2_000
_NOT_EMPLOYED = b'"duty":"not_employed"'
_SIGNS = [f'"{flag}"'.encode() for flag in FLAGS]

PersonDays = list[tuple[date, bytes]]
"""Results of one person, as JSON, in order of date."""


@dataclass(slots=True)
class Content:
    """What there is to freeze: by person a hash, and whether employed; ``blockers``: why it cannot be."""

    people: dict[str, tuple[str, bool]] = field(default_factory=dict)
    days_n: int = 0
    blockers: list[Blocker] = field(default_factory=list)


def recount(connection: Connection, closing: PeriodEvent) -> str:
    """The hash of what is stored for a closing: equal to ``closing.hash`` as long as nobody touched it."""
    rows = connection.execute(
        select(closed_days.c.person_id, closed_days.c.date, closed_days.c.result)
        .where(closed_days.c.event_id == closing.event_id)
        .order_by(closed_days.c.person_id, closed_days.c.date),
        execution_options={"yield_per": _ROWS_A_FETCH},
    )
    hashes = {person: hash_of_days(days) for person, days in _by_person(rows)}
    table = closed_adjustments.c
    deltas = connection.execute(
        select(table.person_id, table.date, table.delta).where(table.event_id == closing.event_id)
    )
    return hash_of_month(hashes, [(person, day, delta) for person, day, delta in deltas])


def hash_of_days(days: PersonDays) -> str:
    """SHA-256, in hex, of a person's results in order of date: a line ``DATE RESULT`` each."""
    digest = sha256()
    for day, result in days:
        digest.update(b"%s %s\n" % (day.isoformat().encode(), result))
    return digest.hexdigest()


def read_content(connection: Connection, month: Month) -> Content:
    """Hash every result of the month, and look at each for what the quick questions may have missed."""
    content = Content()
    expected = _expected(connection, month)
    rows = connection.execute(
        select(attendance_days.c.person_id, attendance_days.c.date, attendance_days.c.result)
        .where(attendance_days.c.date.between(month.first, month.last))
        .order_by(attendance_days.c.person_id, attendance_days.c.date),
        execution_options={"yield_per": _ROWS_A_FETCH},
    )
    for person, days in _by_person(rows):
        employed = any(_NOT_EMPLOYED not in result for _, result in days)
        content.people[person] = (hash_of_days(days), employed)
        content.days_n += len(days)
        content.blockers += _marked(PersonId(person), days)
        expected.get(person, set()).difference_update(day for day, _ in days)
    content.blockers += [
        Blocker(BlockerKind.NOT_JUDGED, day, PersonId(person))
        for person, missing in expected.items()
        for day in sorted(missing)
    ]
    return content


def _expected(connection: Connection, month: Month) -> dict[str, set[date]]:
    """The dates of the month that everybody employed must have a result of."""
    covered = coverage.span(connection)
    if covered is None:
        return {}
    first, last = max(month.first, covered[0]), min(month.last, covered[1])
    rows = connection.execute(select(people.c.person_id, people.c.hire_date, people.c.last_day))
    dates = [day for day in month.dates() if first <= day <= last]
    return {
        person: {day for day in dates if (hire or day) <= day <= (leave or day)}
        for person, hire, leave in rows
        if (hire or first) <= last and (leave or last) >= first
    }


def _marked(person: PersonId, days: PersonDays) -> Iterator[Blocker]:
    for day, result in days:
        if any(sign in result for sign in _SIGNS):
            flags = decode(result).flags
            for flag, kind in FLAGS.items():
                if flag in flags:
                    yield Blocker(kind, day, person)


def _by_person(rows: Result[tuple[str, date, bytes]]) -> Iterator[tuple[str, PersonDays]]:
    for person, found in groupby(rows, key=lambda row: row.person_id):
        yield person, [(row.date, frozen_json(row.result)) for row in found]


def hash_of_month(hashes: Mapping[str, str], deltas: Iterable[tuple[str, date, bytes]]) -> str:
    """SHA-256 of a line ``PERSON HASH`` for each person and ``PERSON DATE DELTA`` for each adjustment."""
    digest = sha256()
    for person in sorted(hashes):
        digest.update(f"{person} {hashes[person]}\n".encode())
    for person, day, delta in sorted(deltas):
        digest.update(b"%s %s %s\n" % (person.encode(), day.isoformat().encode(), delta))
    return digest.hexdigest()

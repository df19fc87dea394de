"""Employees sign their month: that it is right, or what is not. A signature holds for the bytes it saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, exists, func, insert, select, true

from cloud.attendance.codec import frozen_json
from cloud.attendance.content import hash_of_days
from cloud.attendance.periods import Closings, closings, history
from cloud.attendance.published import published_days
from cloud.db.tables import attendance_days, audit, closed_people, signoffs, stale_days
from cloud.reports.dates import Month
from models.attendance import DayState
from models.ids import PersonId

_PEOPLE_A_QUERY = 500
_STORED_LATER_MS = 6 * 3_600_000
"""How long after its facts were read a result may be stored: a recompute of years takes hours."""


class Verdict(StrEnum):
    """What an employee says of the month."""

    CONFIRMED = "confirmed"
    OBJECTED = "objected"


@dataclass(frozen=True, slots=True)
class Signature:
    """What an employee said last; ``holds``: their days are still those that were signed."""

    person_id: PersonId
    at_ms: int
    verdict: Verdict
    remark: str | None
    holds: bool


class Unsigned(StrEnum):
    """Why nothing was signed: days are still open, or they changed while they were being looked at."""

    NOT_WHOLE = "not_whole"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Signing:
    """What is signed: the hash that was seen (``hash_to_sign``), and what is said of it."""

    person_id: PersonId
    month: Month
    verdict: Verdict
    hash: str
    remark: str | None = None


def hash_to_sign(
    connection: Connection, closed: Closings, month: Month, person: PersonId, today: date
) -> str | None:
    """The hash of the days of a person; None while one of them can still change by itself."""
    closing = closed.get(month)
    if closing is not None:
        table = closed_people.c
        return connection.execute(
            select(table.hash).where(table.event_id == closing.event_id, table.person_id == person)
        ).scalar_one_or_none()
    if today <= month.last or _waits(connection, month, person):
        return None
    return _hashes(connection, closed, month, [person]).get(person)


def sign(
    connection: Connection, signing: Signing, actor: str, now_ms: int, today: date
) -> Signature | Unsigned:
    """Keep what an employee says; what they said before stays for the record."""
    person, month = signing.person_id, signing.month
    known = hash_to_sign(connection, closings(connection), month, person, today)
    if known is None:
        return Unsigned.NOT_WHOLE
    if known != signing.hash:
        return Unsigned.CHANGED
    connection.execute(
        insert(signoffs).values(
            month=str(month),
            person_id=person,
            at_ms=now_ms,
            hash=known,
            verdict=signing.verdict.value,
            remark=signing.remark,
            actor=actor,
        )
    )
    connection.execute(
        insert(audit).values(
            at_ms=now_ms,
            actor=actor,
            action=f"period_{signing.verdict}",
            target=f"{month} {person}",
            detail={"hash": known},
        )
    )
    return Signature(person, now_ms, signing.verdict, signing.remark, holds=True)


def signatures(
    connection: Connection, closed: Closings, month: Month, who: Sequence[PersonId] | None = None
) -> dict[PersonId, Signature]:
    """What everybody said last of ``month``, or only the people of ``who``."""
    newest = (
        select(func.max(signoffs.c.signoff_id))
        .where(signoffs.c.month == str(month), true() if who is None else signoffs.c.person_id.in_(who))
        .group_by(signoffs.c.person_id)
    )
    said = signoffs.c.signoff_id.in_(newest)
    rows = connection.execute(select(signoffs).where(said)).all()
    unsure = _unsure(connection, closed, month, said)
    hashes = _hashes(connection, closed, month, unsure)
    return {
        PersonId(row.person_id): Signature(
            person_id=PersonId(row.person_id),
            at_ms=row.at_ms,
            verdict=Verdict(row.verdict),
            remark=row.remark,
            holds=PersonId(row.person_id) not in unsure or hashes.get(PersonId(row.person_id)) == row.hash,
        )
        for row in rows
    }


def _unsure(
    connection: Connection, closed: Closings, month: Month, said: ColumnElement[bool]
) -> set[PersonId]:
    """Whose signatures may be void: in a month that was never closed, those with a day judged anew since.

    Of all others nothing was written since they signed, so nothing has to be hashed.
    """
    signed = select(signoffs.c.person_id).where(said)
    if month not in closed and not history(connection, month):
        day = attendance_days.c
        signed = signed.where(
            exists().where(
                day.person_id == signoffs.c.person_id,
                day.date.between(month.first, month.last),
                day.judged_ms >= signoffs.c.at_ms - _STORED_LATER_MS,
            )
        )
    return {PersonId(person) for person in connection.execute(signed).scalars()}


def _waits(connection: Connection, month: Month, person: PersonId) -> bool:
    """Whether a day of the month is not final, or has a fact that was not judged yet."""
    day, stale = attendance_days.c, stale_days.c
    open_day = select(day.date).where(
        day.person_id == person,
        day.date.between(month.first, month.last),
        day.state != DayState.FINAL.value,
    )
    waiting = select(stale.date).where(stale.person_id == person, stale.date.between(month.first, month.last))
    return any(connection.execute(one.limit(1)).first() is not None for one in (open_day, waiting))


def _hashes(
    connection: Connection, closed: Closings, month: Month, who: Iterable[PersonId]
) -> dict[PersonId, str]:
    """The hash of each person's days as published."""
    asked = sorted(who)
    closing = closed.get(month)
    if closing is not None:
        table = closed_people.c
        rows = connection.execute(
            select(table.person_id, table.hash).where(table.event_id == closing.event_id)
        )
        frozen = {PersonId(person): of_days for person, of_days in rows}
        return {person: frozen[person] for person in asked if person in frozen}
    found: dict[PersonId, str] = {}
    days = published_days(closed, month.first, month.last).c
    for start in range(0, len(asked), _PEOPLE_A_QUERY):
        part = asked[start : start + _PEOPLE_A_QUERY]
        by_person: dict[PersonId, list[tuple[date, bytes]]] = {}
        for person, day, result in connection.execute(
            select(days.person_id, days.date, days.result).where(days.person_id.in_(part)).order_by(days.date)
        ):
            by_person.setdefault(PersonId(person), []).append((day, frozen_json(result)))
        found |= {person: hash_of_days(one) for person, one in by_person.items()}
    return found

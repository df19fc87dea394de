"""What later knowledge changes in closed months, listed in the next open month (M5, M6).

A day of a closed month has what was frozen, and then each change that a later closed month has listed.
What is left between their sum and what is known now is the adjustment of the open month: so the frozen
result and all its adjustments always add up to what is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, select, true

from cloud.attendance.codec import decode
from cloud.attendance.periods import Closings, PeriodEvent, closed_before
from cloud.db.tables import attendance_days, closed_adjustments, closed_days, late_days
from cloud.reports.dates import Month
from cloud.rules.month import adjustable
from models.ids import PersonId

Delta = Mapping[str, Fraction]
"""Exact changes by field; maps as ``leave_days.sick``; in the order of M6."""

_ZERO = Fraction(0)
_PersonDay = tuple[str, date]


@dataclass(frozen=True, slots=True)
class DayAdjustment:
    """One date of an earlier, closed month whose result has changed since."""

    person_id: PersonId
    date: date
    delta: Delta


def adjustments(
    connection: Connection, closed: Closings, month: Month, who: Sequence[PersonId] | None = None
) -> list[DayAdjustment]:
    """What ``month`` lists, by date: frozen if it is closed, else as known now; of ``who`` only."""
    closing = closed.get(month)
    if closing is None:
        return open_adjustments(connection, closed, month, who)
    table = closed_adjustments.c
    rows = connection.execute(
        select(table.person_id, table.date, table.delta)
        .where(table.event_id == closing.event_id, _among(table.person_id, who))
        .order_by(table.date, table.person_id)
    )
    return [DayAdjustment(PersonId(person), day, decode_delta(delta)) for person, day, delta in rows]


def open_adjustments(
    connection: Connection, closed: Closings, month: Month, who: Sequence[PersonId] | None = None
) -> list[DayAdjustment]:
    """What ``month`` would list if it were closed now."""
    chain = closed_before(closed, month)
    if not chain:
        return []
    listed = _listed(connection, chain, who)
    found = []
    for person, day, frozen, known in _late(connection, chain, who):
        before = {} if frozen is None else adjustable(decode(frozen))
        after = adjustable(decode(known))
        for delta in listed.get((person, day), ()):
            before = {name: before.get(name, _ZERO) + delta.get(name, _ZERO) for name in (*before, *delta)}
        names = (*after, *(name for name in before if name not in after))
        change = {name: after.get(name, _ZERO) - before.get(name, _ZERO) for name in names}
        if delta := {name: value for name, value in change.items() if value}:
            found.append(DayAdjustment(PersonId(person), day, delta))
    return sorted(found, key=lambda one: (one.date, one.person_id))


def encode_delta(delta: Delta) -> bytes:
    """The changes as JSON, exact: ``{"leave_days.sick": "1/2"}``."""
    return msgspec.json.encode({name: str(value) for name, value in delta.items()})


def decode_delta(stored: bytes) -> dict[str, Fraction]:
    """The changes in ``stored``."""
    return {name: Fraction(text) for name, text in msgspec.json.decode(stored, type=dict[str, str]).items()}


def _late(
    connection: Connection, chain: Sequence[PeriodEvent], who: Sequence[PersonId] | None
) -> list[tuple[str, date, bytes | None, bytes]]:
    """Late days of the chain: what was frozen (None: there was no such day), and what is known now."""
    frozen = and_(
        closed_days.c.event_id.in_([one.event_id for one in chain]),
        closed_days.c.person_id == late_days.c.person_id,
        closed_days.c.date == late_days.c.date,
    )
    known = and_(
        attendance_days.c.person_id == late_days.c.person_id, attendance_days.c.date == late_days.c.date
    )
    rows = connection.execute(
        select(late_days.c.person_id, late_days.c.date, closed_days.c.result, attendance_days.c.result)
        # Outer joins, so that every planner begins with the late days: they are few.
        .select_from(late_days.outerjoin(attendance_days, known).outerjoin(closed_days, frozen))
        .where(
            late_days.c.date.between(chain[0].month.first, chain[-1].month.last),
            _among(late_days.c.person_id, who),
        )
    )
    return [(person, day, old, new) for person, day, old, new in rows if new is not None]


def _listed(
    connection: Connection, chain: Sequence[PeriodEvent], who: Sequence[PersonId] | None
) -> dict[_PersonDay, list[Delta]]:
    """What the closed months of the chain have listed, by day."""
    table = closed_adjustments.c
    rows = connection.execute(
        select(table.person_id, table.date, table.delta).where(
            table.event_id.in_([one.event_id for one in chain]),
            table.date >= chain[0].month.first,
            _among(table.person_id, who),
        )
    )
    found: defaultdict[_PersonDay, list[Delta]] = defaultdict(list)
    for person, day, delta in rows:
        found[person, day].append(decode_delta(delta))
    return found


def _among(column: ColumnElement[str], who: Sequence[PersonId] | None) -> ColumnElement[bool]:
    return true() if who is None else column.in_(who)

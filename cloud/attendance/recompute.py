"""Judging person-days and keeping the results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb
from typing import NamedTuple

from sqlalchemy import Connection

from cloud.attendance.codec import decode
from cloud.attendance.difference import difference
from cloud.attendance.facts import AsOf, Judgeable, Loaded, load
from cloud.attendance.inputs import hashes
from cloud.attendance.late import note_late
from cloud.attendance.quick import Judged, Person
from cloud.attendance.rulesets import Cache, Rulebook, load_rules
from cloud.attendance.stale import PersonDay
from cloud.db import direct
from cloud.db.bulk import Into, Row, insert_rows
from cloud.rules.errors import RefusedInput
from models.ids import PersonId

_RESULT = ("state", "result", "input_hash", "rule_version", "judged_ms", "settles_ms")
# The fields of JudgedDay.
_INTO = Into(
    "attendance_days",
    ("person_id", "date", *_RESULT),
    otherwise="ON CONFLICT (person_id, date) DO UPDATE SET "
    f"{', '.join(f'{name} = excluded.{name}' for name in _RESULT)} "
    "WHERE attendance_days.judged_ms <= excluded.judged_ms",
)
_KEPT = """
SELECT person_id, date, result, input_hash, judged_ms FROM attendance_days WHERE date BETWEEN ? AND ? AND"""
_PERSON = ("person_id",)
_CHANGE = Into("day_changes", ("person_id", "date", "changed_ms", "cause", "difference"))
_DAY = timedelta(days=1)


class JudgedDay(NamedTuple):
    """A row of ``attendance_days``, to be stored as it is.

    ``date``: in ISO form. ``settles_ms``: the end of its window, None if it is final.
    """

    person_id: PersonId
    date: str
    state: str
    encoded: bytes
    input_hash: bytes
    rule_version: str
    judged_ms: int
    settles_ms: int | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """Results, and why some people could not be judged."""

    days: list[JudgedDay]
    unjudgeable: dict[PersonId, str]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The dates asked of each person, and the facts about them."""

    wanted: dict[PersonId, list[date]]
    facts: Loaded


def judge_days(
    connection: Connection, asked: Mapping[PersonId, Iterable[date]], view: AsOf, cache: Cache
) -> Judgement:
    """As :func:`judge_by`, by the rules as they stand; ``cache`` keeps what was made of them."""
    return judge_by(connection, asked, view, load_rules(connection, view.zone, cache))


def judge_by(
    connection: Connection, asked: Mapping[PersonId, Iterable[date]], view: AsOf, book: Rulebook
) -> Judgement:
    """Judge the dates ``asked`` of each person, and where the rules count by month the rest of the month."""
    return judge(gather(connection, asked, view, book), view)


def gather(
    connection: Connection, asked: Mapping[PersonId, Iterable[date]], view: AsOf, book: Rulebook
) -> Gathered:
    """The facts on which :func:`judge` judges, without the database, the dates ``asked`` of each person."""
    wanted = {person: sorted(set(days)) for person, days in asked.items()}
    wanted = {person: days for person, days in wanted.items() if days}
    if not wanted:
        return Gathered(wanted, Loaded({}, {}))
    span = min(days[0] for days in wanted.values()), max(days[-1] for days in wanted.values())
    if book.counts_month:
        span = span[0].replace(day=1), month_end(span[1])
    return Gathered(wanted, load(connection, sorted(wanted), span, view, book))


def judge(gathered: Gathered, view: AsOf) -> Judgement:
    """Judge the dates of each person, and where the rules count by month the rest of the month.

    Whoever cannot be judged is named with the reason, and stops nobody else.
    """
    judgement = Judgement([], dict(gathered.facts.unjudgeable))
    for person, one in gathered.facts.people.items():
        days = gathered.wanted[person]
        if one.rules.counts_month:
            days = rest_of_months(days, view.today)
        try:
            judgement.days.extend(_judge(person, one, days, view))
        except RefusedInput as error:
            judgement.unjudgeable[person] = str(error)
        except Exception as error:  # noqa: BLE001  it is told
            # Whatever it was: nobody else waits for it.
            judgement.unjudgeable[person] = _error_of_ours(error)
    return judgement


def _error_of_ours(error: Exception) -> str:
    place = extract_tb(error.__traceback__)[-1]
    return f"an error of ours: {type(error).__name__} at {Path(place.filename).name}:{place.lineno}"


def _judge(person: PersonId, one: Judgeable, days: Sequence[date], view: AsOf) -> list[JudgedDay]:
    shapes = one.rules.shapes
    quick = (
        Judged(one.facts, shapes)
        if shapes.counts_month
        else Person(one.facts_but_punches, shapes, one.presses, one.doors)
    )
    now_ms = view.now_ms
    return [
        JudgedDay(person, _iso(day), state, stored, digest, version, now_ms, settles_ms)
        for (day, stored, state, version, settles_ms), digest in zip(
            quick.days(days), hashes(one, days, view.zone), strict=True
        )
    ]


_iso = lru_cache(maxsize=4_096)(date.isoformat)
_day = lru_cache(maxsize=4_096)(date.fromisoformat)


def rest_of_months(days: Sequence[date], today: date) -> list[date]:
    """``days`` and every later date of their months up to ``today``, which they can change (L9, C4)."""
    found: set[date] = set()
    for day in days:
        following = day
        while following <= min(month_end(day), max(today, day)) and following not in found:
            found.add(following)
            following += _DAY
    return sorted(found)


def month_end(day: date) -> date:
    """The last date of the month of ``day``."""
    return (day.replace(day=28) + _DAY * 4).replace(day=1) - _DAY


def changed_days(connection: Connection, judged: Sequence[JudgedDay]) -> list[tuple[JudgedDay, bytes | None]]:
    """Those of ``judged`` that are not stored so already, each with the result stored now.

    What was stored since, made of newer facts, is not compared: ``judged`` says nothing about it.
    """
    if not judged:
        return []
    kept = _kept(connection, judged)
    if not kept:
        return [(one, None) for one in judged]
    changed: list[tuple[JudgedDay, bytes | None]] = []
    for one in judged:
        before = kept.get((one.person_id, one.date))
        if before is None:
            changed.append((one, None))
        elif before[2] <= one.judged_ms and before[:2] != (one.encoded, one.input_hash):
            changed.append((one, before[0]))
    return changed


def store_days(
    connection: Connection,
    changed: Sequence[JudgedDay],
    causes: Mapping[PersonDay, str],
    view: AsOf,
) -> list[PersonDay]:
    """Keep results and their history; the days whose result is another than the one stored now.

    A result made of newer facts is never overwritten by one of older facts. What a closed month shows is kept
    elsewhere and stays; that its days have changed is noted for the adjustments.
    """
    if not changed:
        return []
    # Looked at again: somebody else may have stored results since these were found to be changed.
    kept = _kept(connection, changed, locked=connection.dialect.name == "postgresql")
    insert_rows(connection, _INTO, changed)
    history: list[Row] = []
    told: list[PersonDay] = []
    for one in changed:
        before, _, judged_ms = kept.get((one.person_id, one.date), (None, None, 0))
        # What is the same but for its inputs is nothing to tell.
        if before == one.encoded or judged_ms > one.judged_ms:
            continue
        marked = one.person_id, _day(one.date)
        told.append(marked)
        if before is not None and (telling := difference(decode(before), decode(one.encoded))):
            cause = causes.get(marked, "recompute")
            history.append((*one[:2], view.now_ms, cause, json.dumps(telling)))
    insert_rows(connection, _CHANGE, history)
    note_late(connection, told)
    return told


def _kept(
    connection: Connection, judged: Sequence[JudgedDay], *, locked: bool = False
) -> dict[tuple[str, str], tuple[bytes, bytes, int]]:
    """Result, hash and instant of the stored days around ``judged``, by person and date.

    ``locked``: nobody else changes them until the transaction ends; SQLite has one writer anyway.
    """
    if locked:
        # A closing locks the table: wait for it before the rows, or it waits for us, too.
        direct.run(connection, "LOCK TABLE attendance_days IN ROW EXCLUSIVE MODE", ())
    dates = [one.date for one in judged]
    keys = [(person,) for person in sorted({one.person_id for one in judged})]
    more = "ORDER BY person_id, date FOR UPDATE" if locked else ""
    rows = direct.rows_of(connection, _KEPT, _PERSON, keys, more, (min(dates), max(dates)))
    return {
        (person, day if isinstance(day, str) else day.isoformat()): (result, digest, judged_ms)
        for person, day, result, digest, judged_ms in rows
    }

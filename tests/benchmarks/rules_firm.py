"""The crowd of rules_crowd in a database, its punches in the order in which terminals would send them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, insert

from cloud.db import direct
from cloud.db.engine import Database
from cloud.db.migrate import migrate
from cloud.db.tables import (
    departments,
    groups,
    office_records,
    people,
    policies,
    roster_entries,
    shifts,
    terminals,
)
from cloud.office.calendar import seed_year
from cloud.office.codec import row_of
from cloud.rules.facts import PersonFacts, RuleSet
from models.punch import Method
from tests.benchmarks.rules_crowd import END_MS, FIRST, KINDS, LAST, TERMINALS, ZONE, crowd, rule_sets

SINCE_EVER = date(1, 1, 1)
STREAM = b"s" * 16
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PEOPLE_A_STEP = 2_000
SINCE_MS = END_MS - 100 * 86_400_000
DAYS = (LAST - FIRST).days + 1

_PUNCH = """
INSERT INTO punches (terminal_id, stream_id, seq, punch_id, person_id, wall_ms, monotonic_ms, boot, clock,
                     at_ms, method, direction, received_ms)
VALUES (?1, ?2, ?3, CAST(printf('%016d', ?3) AS BLOB), 'p-' || ?4, ?5, ?5, 1, 2, ?5, ?6, 0, ?5 + 400)"""
_EARLIER = """
INSERT INTO punches (terminal_id, stream_id, seq, punch_id, person_id, wall_ms, monotonic_ms, boot, clock,
                     at_ms, method, direction, received_ms)
SELECT terminal_id, ?1, seq, CAST(printf('%04d%012d', ?2, seq) AS BLOB), person_id, wall_ms - ?3,
       monotonic_ms, boot, clock, at_ms - ?3, method, direction, received_ms - ?3
FROM punches WHERE stream_id = ?4 ORDER BY seq"""
_EARLIER_DAYS = """
INSERT INTO attendance_days (person_id, date, state, result, input_hash, rule_version, judged_ms, settles_ms)
SELECT person_id, date(date, ?2), state, result, input_hash, rule_version, judged_ms, settles_ms
FROM attendance_days WHERE date >= ?1"""


def found_firm(path: Path, size: int) -> Database:
    """A new database of ``size`` people and their month; nothing is judged yet."""
    database = Database(f"sqlite:///{path}")
    migrate(database)
    sets = rule_sets()
    with database.write() as connection:
        _rules(connection, sets)
    # One number a punch, which sorts by time: a firm of 100,000 has six millions of them.
    found = array("q")
    for start in range(0, size, PEOPLE_A_STEP):
        numbers = range(start, min(start + PEOPLE_A_STEP, size))
        part = list(crowd(numbers, sets))
        with database.write() as connection:
            _people(connection, [facts for facts, _ in part])
        for number, (_, made) in zip(numbers, part, strict=True):
            found.extend(
                ((at_ms - SINCE_MS) << 21 | number) << 2
                | (terminal == TERMINALS[1]) << 1
                | (method is Method.FINGER)
                for at_ms, terminal, method in made
            )
    with database.write() as connection, _indices_made_after(connection, "punches"):
        cursor: Any = connection.connection.cursor()
        cursor.executemany(_PUNCH, map(_row, sorted(found), count(1)))
    return database


def _row(made: int, seq: int) -> tuple[direct.Value, ...]:
    method = Method.FINGER if made & 1 else Method.FACE
    return (
        TERMINALS[made >> 1 & 1],
        STREAM,
        seq,
        str(made >> 2 & 0x1FFFFF),
        (made >> 23) + SINCE_MS,
        method.value,
    )


def add_months(database: Database, months_n: int) -> None:
    """What the firm did in its month, as often again before it: punches, and days that were judged."""
    with (
        database.write() as connection,
        _indices_made_after(connection, "punches"),
        _indices_made_after(connection, "attendance_days"),
    ):
        for back in range(months_n, 0, -1):
            days_n = back * DAYS
            stream = b"m%015d" % back
            direct.run(connection, _EARLIER, (stream, back, days_n * 86_400_000, STREAM))
            direct.run(connection, _EARLIER_DAYS, (FIRST.isoformat(), f"-{days_n} days"))


@contextmanager
def _indices_made_after(connection: Connection, table: str) -> Iterator[None]:
    """Without the indices of ``table``: a row at a time they take longer than the rows."""
    query = "SELECT name, sql FROM sqlite_master WHERE tbl_name = ? AND type = 'index' AND sql IS NOT NULL"
    indices = direct.rows(connection, query, (table,))
    for name, _ in indices:
        direct.run(connection, f"DROP INDEX {name}")
    yield
    for _, text in indices:
        direct.run(connection, text)


def _rules(connection: Connection, sets: dict[str, RuleSet]) -> None:
    known = {shift.name: shift for rules in sets.values() for shift in rules.shifts.values()}
    _fill(connection, shifts, ({"name": n, "definition": _shift(one)} for n, one in known.items()))
    for number, (kind, rules) in enumerate(sets.items()):
        week = {WEEKDAYS[day]: entry.shifts[0] for day, entry in rules.week.items()}
        values = {"group_id": kind, "name": kind, "week": week, "is_default": number == 0}
        connection.execute(insert(groups).values(**values))
        policy = rules.policies[0].policy
        parameters = {
            name: getattr(policy, name)
            for name in ("late_grace_min", "serious_late_over_min", "absent_over_min", "punch_per_segment")
            if getattr(policy, name)
        }
        values = {"group_id": kind, "from_date": SINCE_EVER, "version": "v1", "parameters": parameters}
        connection.execute(insert(policies).values(**values))
    for year in (FIRST.year - 1, FIRST.year, FIRST.year + 1):
        seed_year(connection, year)
    connection.execute(insert(departments).values(department_id="d", name="Everybody"))
    for name in TERMINALS:
        connection.execute(
            insert(terminals).values(
                terminal_id=name,
                name=name,
                site="HQ",
                token_hash=name,
                claimed_ms=0,
                last_seen_ms=END_MS,
                watermark_ms=END_MS,
            )
        )


def _shift(one: object) -> dict[str, object]:
    raw = msgspec.to_builtins(one)
    found: dict[str, object] = {"segments": [f"{_clock(a)}-{_clock(b)}" for a, b in raw["segments"]]}
    if raw["free"]:
        found["kind"] = "free"
    if raw["flex_early_min"] or raw["flex_late_min"]:
        found["flex"] = {"early_min": raw["flex_early_min"], "late_min": raw["flex_late_min"]}
    return found | {name: raw[name] for name in ("before_min", "after_min") if raw[name] is not None}


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _people(connection: Connection, part: list[PersonFacts]) -> None:
    kinds = {one.person_id: KINDS[int(one.person_id[2:]) % len(KINDS)] for one in part}
    _fill(
        connection,
        people,
        (
            {
                "person_id": one.person_id,
                "employee_no": one.person_id,
                "name": one.person_id,
                "department_id": "d",
                "group_id": kinds[one.person_id],
                "site": "HQ",
                "updated_ms": 0,
            }
            for one in part
        ),
    )
    _fill(
        connection,
        roster_entries,
        (
            {"person_id": one.person_id, "date": day, "known_ms": 0, "shifts": list(entry.shifts)}
            for one in part
            for day, entry in one.roster.items()
        ),
    )
    zone = ZONE._info
    _fill(
        connection,
        office_records,
        (
            {
                **row_of(record, zone),
                "source_id": f"{one.person_id}-{record.source_id}",
                "person_id": one.person_id,
            }
            for one in part
            for record in one.records
        ),
    )


def _fill(connection: Connection, table: Table, rows: Iterable[dict[str, object]]) -> None:
    found = list(rows)
    if found:
        connection.execute(insert(table), found)

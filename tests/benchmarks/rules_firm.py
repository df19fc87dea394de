"""The crowd of rules_crowd in a database, its punches in the order in which terminals would send them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Table, insert

from cloud.db.bulk import Into, Row, insert_rows
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
from cloud.office.codec import row_of
from cloud.rules.facts import PersonFacts, RuleSet
from tests.benchmarks.rules_crowd import END_MS, KINDS, ZONE, rule_sets
from tests.benchmarks.rules_crowd import people as crowd

SINCE_EVER = date(1, 1, 1)
STREAM = b"s" * 16
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PEOPLE_A_STEP = 2_000
ROWS_A_STEP = 100_000

Press = tuple[int, str, str, int]
"""Instant, person, terminal and method."""
PUNCHES = Into(
    "punches",
    (
        "terminal_id", "stream_id", "seq", "punch_id", "person_id", "wall_ms", "monotonic_ms", "boot",
        "clock", "at_ms", "method", "direction", "received_ms",
    ),
)  # fmt: skip


def found_firm(path: Path, size: int) -> Database:
    """A new database of ``size`` people and their month; nothing is judged yet."""
    database = Database(f"sqlite:///{path}")
    migrate(database)
    sets = rule_sets()
    with database.write() as connection:
        _rules(connection, sets)
    rows: list[Press] = []
    for start in range(0, size, PEOPLE_A_STEP):
        part = list(crowd(range(start, min(start + PEOPLE_A_STEP, size)), sets))
        with database.write() as connection:
            _people(connection, part)
        rows += [
            (punch.at_ms, one.person_id, punch.device, int(punch.method or 0))
            for one in part
            for punch in one.punches
        ]
    rows.sort()
    for start in range(0, len(rows), ROWS_A_STEP):
        with database.write() as connection:
            _punches(connection, rows[start : start + ROWS_A_STEP], start)
    return database


def _punches(connection: Connection, rows: list[Press], before_n: int) -> None:
    found: list[Row] = []
    for seq, (at_ms, person, device, method) in enumerate(rows, before_n + 1):
        found.append(
            (device, STREAM, seq, seq.to_bytes(16), person, at_ms, at_ms, 1, 2, at_ms, method, 0, at_ms + 400)
        )
    insert_rows(connection, PUNCHES, found)


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
    connection.execute(insert(departments).values(department_id="d", name="Everybody"))
    for name in ("north", "south"):
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

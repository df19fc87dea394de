"""The month as JSON for programs: exact words, numbers rounded as published (M7)."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from typing import BinaryIO

import msgspec

from cloud.reports.exports.sheet import MonthSheet
from cloud.reports.marks import Mark, cell_of
from cloud.reports.month import PersonMonth
from cloud.reports.totals import MonthTotals
from cloud.rules.rounding import number
from models.attendance import FindingCode

Plain = dict[str, object]


def write_json(file: BinaryIO, sheet: MonthSheet) -> None:
    """``{"month": "2026-11", "people": [...]}``, a line a person."""
    closing = sheet.closing
    closed = None
    if closing is not None:
        closed = {"at": sheet.closed, "by": closing.actor, "hash": closing.hash}
    head = msgspec.json.encode(
        {"month": str(sheet.month), "made": sheet.made, "awaited": sheet.awaited, "closed": closed}
    )
    file.write(head[:-1] + b',"people":[')
    lines = map(msgspec.json.encode, map(_person, sheet.rows))
    file.writelines((b",\n" if place else b"\n") + line for place, line in enumerate(lines))
    file.write(b"\n]}\n")


def _person(row: PersonMonth) -> Plain:
    person = row.person
    return {
        "person_id": person.person_id,
        "employee_no": person.employee_no,
        "name": person.name,
        "department": person.department,
        **totals_as_json(row.totals),
        "adjustments": [
            {"date": one.date.isoformat(), "delta": _plain(dict(one.delta))} for one in row.adjustments
        ],
        "days": [[_code(mark) for mark in cell_of(day).marks] for day in row.days],
    }


def _code(mark: Mark) -> str:
    return mark.verdict if mark.leave_type is None else f"{mark.verdict}.{mark.leave_type}"


def totals_as_json(totals: MonthTotals) -> Plain:
    """Every total by its name; findings as ``late_n`` ..."""
    found: Plain = {}
    for one in fields(totals):
        if one.name != "findings":
            found[one.name] = _plain(getattr(totals, one.name))
    found |= {f"{code}_n": totals.findings[code] for code in FindingCode}
    return found


def _plain(value: object) -> object:
    if isinstance(value, Fraction):
        return number(value)
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value

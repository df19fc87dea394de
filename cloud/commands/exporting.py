"""``export``: the month report as a file."""

from __future__ import annotations

from pathlib import Path

from cloud.attendance.facts import AsOf
from cloud.attendance.periods import closings
from cloud.commands.console import say
from cloud.commands.errors import BadExport
from cloud.db.engine import Database
from cloud.reports.calendar import leave_names, month_days
from cloud.reports.dates import Month
from cloud.reports.exports.delimited import write_csv
from cloud.reports.exports.plain import write_json
from cloud.reports.exports.sheet import MonthSheet
from cloud.reports.exports.workbook import write_xlsx
from cloud.reports.month import everyone_month
from cloud.reports.people import Filter
from cloud.reports.phrases import Phrases
from cloud.reports.scope import Everyone
from cloud.web.words import words
from models.clock import from_ms
from models.person import Language

KINDS = (".xlsx", ".csv", ".json")


def export_month(database: Database, month: Month, path: Path, language: Language, view: AsOf) -> int:
    """Write the month of everybody to ``path``; its ending says how.

    Raises:
        BadExport: another ending, or the file cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise BadExport(f"{path}: the report is written as {', '.join(KINDS)}")
    try:
        with database.read() as connection:
            closing = closings(connection).get(month)
            sheet = MonthSheet(
                month=month,
                days=month_days(connection, month),
                phrases=Phrases(words(language), leave_names(connection)),
                rows=everyone_month(connection, Everyone(), month, Filter()),
                made=_when(view.now_ms, view),
                awaited="",
                closing=closing,
                closed="" if closing is None else _when(closing.at_ms, view),
            )
            _write(sheet, kind, path)
    except OSError as error:
        raise BadExport(f"{path}: {error.strerror or error}") from error
    say(f"wrote {path}")
    return 0


def _when(at_ms: int, view: AsOf) -> str:
    return from_ms(at_ms).astimezone(view.zone).strftime("%Y-%m-%d %H:%M")


def _write(sheet: MonthSheet, kind: str, path: Path) -> None:
    if kind == ".xlsx":
        write_xlsx(path, sheet)
    elif kind == ".csv":
        with path.open("w", encoding="utf-8", newline="") as text:
            write_csv(text, sheet)
    else:
        with path.open("wb") as binary:
            write_json(binary, sheet)

"""The month as CSV for other programs: UTF-8 with a mark, so that Excel reads it right."""

from __future__ import annotations

import csv
from typing import TextIO

from cloud.reports.exports.sheet import MonthSheet, published
from cloud.reports.marks import cell_of

BYTE_ORDER_MARK = "\ufeff"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")


def write_csv(file: TextIO, sheet: MonthSheet) -> None:
    """One line a person, one column a date, then the totals, then what is adjusted.

    ``file`` is opened with ``newline=""``.
    """
    file.write(BYTE_ORDER_MARK)
    writer = csv.writer(file)
    columns = sheet.columns()
    listed = sheet.phrases.texts("closed.adjustments")
    dates = [day.date.isoformat() for day in sheet.days]
    writer.writerow([*sheet.person_columns(), *dates, *map(sheet.column_name, columns), listed])
    for row in sheet.rows:
        texts = [row.person.employee_no, row.person.name, row.person.department]
        texts += [sheet.phrases.symbols(cell_of(day)) for day in row.days]
        adjusted = "; ".join(f"{day} {changes}" for day, changes in sheet.adjusted(row))
        totals = [published(column, row.totals) for column in columns]
        writer.writerow([*map(as_text, texts), *totals, adjusted])


def as_text(text: str) -> str:
    """``text`` so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text

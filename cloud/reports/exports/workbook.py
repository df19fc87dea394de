"""The month as a workbook: the grid with its colours, exceptions and adjustments one by one, the legend."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import xlsxwriter

from cloud.attendance.codec import DayBrief
from cloud.reports.columns import Column, Measure
from cloud.reports.exports.sheet import MonthSheet, published
from cloud.reports.marks import Cell, Mark, Verdict, cell_of
from cloud.reports.month import PersonMonth
from models.attendance import DayState

_PERSON_WIDTHS = (10, 16, 18)
_DAY_WIDTH = 4.3
_TOTAL_WIDTH = 10
_FIRST_ROW = 4
_NAMED_PERSON = 3
_WIDEST = 40

# Fill and text of the verdicts on paper; those of static/tokens.css in the light.
COLOURS: Final[dict[Verdict, tuple[str | None, str]]] = {
    Verdict.NORMAL: (None, "#5c584e"),
    Verdict.LATE: ("#f8dc98", "#573a00"),
    Verdict.SERIOUS_LATE: ("#945400", "#ffffff"),
    Verdict.EARLY: (None, "#855100"),
    Verdict.SHORT: (None, "#855100"),
    Verdict.MISSING: (None, "#b3261e"),
    Verdict.ABSENT: ("#b3261e", "#ffffff"),
    Verdict.LEAVE: ("#d9e7f9", "#174a8c"),
    Verdict.TRIP: ("#e7defa", "#51309a"),
    Verdict.OUTING: (None, "#51309a"),
    Verdict.OVERTIME: ("#c9ece7", "#0a5650"),
    Verdict.REST: ("#eeebe2", "#6b675d"),
    Verdict.STATUTORY: ("#d8edda", "#1d5a2c"),
    Verdict.EXEMPT: (None, "#6b675d"),
    Verdict.OPEN: (None, "#6b675d"),
    Verdict.PENDING: ("#eeebe2", "#4f4b42"),
    Verdict.NONE: (None, "#000000"),
}
_RIMMED = {Verdict.EARLY, Verdict.SHORT, Verdict.MISSING, Verdict.OUTING}


def write_xlsx(path: Path, sheet: MonthSheet) -> None:
    """Write the workbook to ``path``, row by row, in memory that does not grow with the people."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as workbook:
        _Workbook(workbook, sheet).write()


class _Workbook:
    """The four sheets being written. xlsxwriter ships no types, so its objects are Any here."""

    def __init__(self, workbook: Any, sheet: MonthSheet) -> None:
        texts = sheet.phrases.texts
        self._sheet = sheet
        self._columns = sheet.columns()
        self._grid: Any = workbook.add_worksheet(texts("export.sheet"))
        self._list: Any = workbook.add_worksheet(texts("export.exceptions"))
        self._legend: Any = workbook.add_worksheet(texts("export.legend"))
        self._adjusted: Any = workbook.add_worksheet(texts("closed.adjustments"))
        line = {"bottom": 1, "bottom_color": "#dfdbd0", "valign": "vcenter"}
        self._plain = workbook.add_format(line)
        self._head = workbook.add_format(
            {"bold": True, "bottom": 1, "bg_color": "#eeebe2", "text_wrap": True, "valign": "vcenter"}
        )
        self._day_head = workbook.add_format({"bold": True, "bg_color": "#eeebe2", "align": "center"})
        self._title = workbook.add_format({"bold": True, "font_size": 14})
        self._numbers = {
            measure: workbook.add_format({**line, "num_format": shape})
            for measure, shape in (
                (Measure.DAYS, "0.####;-0.####;;@"),
                (Measure.TIMES, "0;-0;;@"),
                (Measure.MINUTES, "0;-0;;@"),
                (Measure.HOURS, "0.00;-0.00;;@"),
            )
        }
        self._verdicts = {
            (verdict, corrected): workbook.add_format(_look(verdict, corrected=corrected))
            for verdict in Verdict
            for corrected in (False, True)
        }
        self._exceptions = 0
        self._adjustments = 0

    def write(self) -> None:
        """All of it, in the order of the rows."""
        self._heads()
        for place, row in enumerate(self._sheet.rows):
            self._person(_FIRST_ROW + place, row)
        self._meanings()

    def _heads(self) -> None:
        texts, grid, sheet = self._sheet.phrases.texts, self._grid, self._sheet
        grid.write_string(0, 0, texts("export.title", month=str(sheet.month)), self._title)
        grid.write_string(1, 0, sheet.note())
        for place, (name, width) in enumerate(zip(sheet.person_columns(), _PERSON_WIDTHS, strict=True)):
            grid.write_string(2, place, name, self._head)
            grid.set_column(place, place, width)
        last = _NAMED_PERSON + len(sheet.days)
        grid.set_column(_NAMED_PERSON, last - 1, _DAY_WIDTH)
        grid.set_column(last, last + len(self._columns) - 1, _TOTAL_WIDTH)
        for place, day in enumerate(sheet.days, _NAMED_PERSON):
            grid.write_number(2, place, day.date.day, self._day_head)
        for place, column in enumerate(self._columns, last):
            grid.write_string(2, place, sheet.column_name(column), self._head)
        for place in range(_NAMED_PERSON):
            grid.write_blank(3, place, None, self._head)
        for place, day in enumerate(sheet.days, _NAMED_PERSON):
            grid.write_string(3, place, texts(f"weekday.{day.date.weekday()}"), self._day_head)
        grid.freeze_panes(_FIRST_ROW, _NAMED_PERSON)
        grid.repeat_rows(0, _FIRST_ROW - 1)
        for one in (grid, self._list, self._adjusted):
            one.set_landscape()
            one.set_paper(9)
            one.fit_to_pages(1, 0)
        names = ("export.date", "month.number", "month.person", "month.department", "export.finding")
        for place, name in enumerate((*names, "export.in_at", "export.out_at")):
            self._list.write_string(0, place, texts(name), self._head)
        self._list.set_column(0, 1, 12)
        self._list.set_column(2, 3, 18)
        self._list.set_column(4, 4, _WIDEST)
        self._list.freeze_panes(1, 0)
        for place, name in enumerate((*names[:-1], "export.change")):
            self._adjusted.write_string(0, place, texts(name), self._head)
        self._adjusted.set_column(0, 1, 12)
        self._adjusted.set_column(2, 3, 18)
        self._adjusted.set_column(4, 4, _WIDEST)
        self._adjusted.freeze_panes(1, 0)

    def _person(self, at: int, row: PersonMonth) -> None:
        person, grid = row.person, self._grid
        for place, text in enumerate((person.employee_no, person.name, person.department)):
            grid.write_string(at, place, text, self._plain)
        for place, day in enumerate(row.days, _NAMED_PERSON):
            cell = cell_of(day)
            grid.write_string(at, place, self._sheet.phrases.symbols(cell), self._look(cell))
            if day is not None and (day.findings or day.state is DayState.PENDING_DATA):
                self._exception(row, day)
        for place, column in enumerate(self._columns, _NAMED_PERSON + len(row.days)):
            self._total(at, place, column, row)

        for adjusted in self._sheet.adjusted(row):
            self._adjustment(row, *adjusted)

    def _adjustment(self, row: PersonMonth, day: str, changes: str) -> None:
        self._adjustments += 1
        person = row.person
        for place, text in enumerate((day, person.employee_no, person.name, person.department, changes)):
            self._adjusted.write_string(self._adjustments, place, text, self._plain)

    def _total(self, at: int, place: int, column: Column, row: PersonMonth) -> None:
        self._grid.write_number(at, place, published(column, row.totals), self._numbers[column.measure])

    def _exception(self, row: PersonMonth, day: DayBrief) -> None:
        self._exceptions += 1
        person = row.person
        texts = (
            day.date.isoformat(),
            person.employee_no,
            person.name,
            person.department,
            self._sheet.phrases.sentence(day),
            (day.in_at or "")[11:16],
            (day.out_at or "")[11:16],
        )
        for place, text in enumerate(texts):
            self._list.write_string(self._exceptions, place, text, self._plain)

    def _look(self, cell: Cell) -> Any:
        """The colour of the weightier of two marks: one that is not plain normal."""
        told = [mark.verdict for mark in cell.marks if mark.verdict is not Verdict.NORMAL]
        return self._verdicts[told[0] if told else Verdict.NORMAL, cell.corrected]

    def _meanings(self) -> None:
        phrases, legend = self._sheet.phrases, self._legend
        legend.set_column(0, 0, 8)
        legend.set_column(1, 1, _WIDEST)
        legend.write_string(0, 0, phrases.texts("export.symbol"), self._head)
        legend.write_string(0, 1, phrases.texts("export.meaning"), self._head)
        marks = [Mark(one) for one in Verdict if one not in {Verdict.NONE, Verdict.LEAVE}]
        marks += [Mark(Verdict.LEAVE, leave) for leave in phrases.leaves]
        for at, mark in enumerate(marks, 1):
            legend.write_string(at, 0, phrases.symbol(mark), self._verdicts[mark.verdict, False])
            legend.write_string(at, 1, phrases.word(mark))
        symbol = phrases.symbol(Mark(Verdict.NORMAL))
        legend.write_string(len(marks) + 1, 0, symbol, self._verdicts[Verdict.NORMAL, True])
        legend.write_string(len(marks) + 1, 1, phrases.texts("verdict.corrected"))


def _look(verdict: Verdict, *, corrected: bool) -> dict[str, str | int]:
    fill, ink = COLOURS[verdict]
    look: dict[str, str | int] = {
        "align": "center",
        "valign": "vcenter",
        "font_color": ink,
        "bottom": 1,
        "bottom_color": "#dfdbd0",
    }
    if fill is not None:
        look["bg_color"] = fill
    if verdict in _RIMMED:
        look |= {"border": 1, "border_color": ink}
    if corrected:
        look["underline"] = 1
    return look

"""What the files of a month have in common: its columns, its words, and the rows as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cloud.attendance.periods import PeriodEvent
from cloud.reports.calendar import MonthDay
from cloud.reports.columns import Column, all_columns
from cloud.reports.dates import Month
from cloud.reports.month import PersonMonth
from cloud.reports.phrases import Phrases
from cloud.reports.totals import MonthTotals
from cloud.rules.rounding import number


@dataclass(frozen=True, slots=True)
class MonthSheet:
    """A month to be written; ``rows`` can be read once.

    ``made``: when; ``awaited``: what is still awaited, empty if nothing is. ``closing``: of a closed month,
    ``closed``: when that was.
    """

    month: Month
    days: Sequence[MonthDay]
    phrases: Phrases
    rows: Iterator[PersonMonth]
    made: str
    awaited: str
    closing: PeriodEvent | None = None
    closed: str = ""

    def columns(self) -> tuple[Column, ...]:
        """Totals, with every leave type the firm has: columns stay in place from month to month."""
        return all_columns(self.phrases.leaves)

    def column_name(self, column: Column) -> str:
        """The full name of a column."""
        texts = self.phrases.texts
        if column.leave_type is None:
            return texts(f"columns.{column.key}_long")
        return texts("columns.leave_of_long", name=self.phrases.leave(column.leave_type))

    def person_columns(self) -> tuple[str, str, str]:
        """The names of the first three columns."""
        texts = self.phrases.texts
        return texts("month.number"), texts("month.person"), texts("month.department")

    def note(self) -> str:
        """When the file was made and whether it is the last word."""
        texts = self.phrases.texts
        said = [texts("export.made", when=self.made)]
        if self.closing is not None:
            closing = self.closing
            values = {"month": str(self.month), "when": self.closed, "who": closing.actor}
            said.append(texts("closed.banner", hash=closing.hash or "", **values))
        elif self.awaited:
            said.append(texts("export.incomplete", what=self.awaited))
        return texts("say.joined").join(said)

    def adjusted(self, row: PersonMonth) -> list[tuple[str, str]]:
        """What the month lists of earlier ones for a person: date and changes in words; in no total."""
        return [(one.date.isoformat(), self.phrases.delta(one.delta)) for one in row.adjustments]


def published(column: Column, totals: MonthTotals) -> int | float:
    """A total as files have it (M7)."""
    value = column.value(totals)
    return number(value) if isinstance(value, Fraction) and value else int(value)

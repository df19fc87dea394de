"""Marks as pages draw them: classes, symbols and words; the same in grid, calendar and legend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloud.attendance.codec import DayBrief
from cloud.reports.calendar import LeaveName
from cloud.reports.marks import Cell, Mark, Verdict, cell_of
from cloud.reports.phrases import Phrases
from cloud.web.words import words
from models.person import Language


@dataclass(frozen=True, slots=True)
class Chip:
    """One drawn cell. ``css``: its classes; ``symbols``: one, or two split by a diagonal."""

    css: str
    symbols: tuple[str, ...]
    words: str


class Chips:
    """Draws cells in one language. Equal days are drawn once, which is most of a month."""

    def __init__(self, language: Language, leaves: Mapping[str, LeaveName]) -> None:
        self.phrases = Phrases(words(language), leaves)
        self._drawn: dict[object, Chip] = {}

    def of_day(self, day: DayBrief | None) -> Chip:
        """The chip of a stored day."""
        key = None if day is None else _looks(day)
        chip = self._drawn.get(key)
        if chip is None:
            chip = self._drawn[key] = self.of_cell(cell_of(day), self.phrases.sentence(day))
        return chip

    def of_cell(self, cell: Cell, sentence: str) -> Chip:
        """The chip of a cell; its modifiers are said after the sentence."""
        names = [mark.verdict.value for mark in cell.marks]
        css = f"v-{names[0]}" if len(names) == 1 else f"split a-{names[0]} b-{names[1]}"
        said = [sentence]
        for modifier in ("corrected", "undecided", "more"):
            if getattr(cell, modifier):
                css += f" {modifier}"
                if modifier != "more":
                    said.append(self.phrases.texts(f"verdict.{modifier}"))
        symbols = tuple(self.phrases.symbol(mark) for mark in cell.marks)
        return Chip(css, symbols, self.phrases.texts("say.joined").join(said))

    def legend(self) -> list[Chip]:
        """Every verdict with its word, in the order of the legend."""
        return [
            self.of_cell(Cell((Mark(verdict),)), self.phrases.texts(f"verdict.{verdict}"))
            for verdict in Verdict
            if verdict is not Verdict.NONE
        ] + [self._modified("corrected"), self._modified("undecided")]

    def _modified(self, modifier: str) -> Chip:
        symbol = self.phrases.texts("symbol.normal")
        return Chip(f"v-normal {modifier}", (symbol,), self.phrases.texts(f"verdict.{modifier}"))


def _looks(day: DayBrief) -> tuple[object, ...]:
    """What decides how a day is drawn and worded."""
    if day.plain:
        return (day.state, day.duty, day.day_type)
    return (
        day.state,
        day.duty,
        day.day_type,
        day.findings,
        day.flags,
        day.late_min,
        day.serious_late_min,
        day.early_min,
        day.absent_days,
        tuple(day.leave_days.items()),
        tuple(day.leave_min.items()),
        day.trip_min,
        day.trip_days,
        day.outing_min,
        sum(day.overtime_min.values()),
        tuple((span.part, span.end_min - span.start_min) for span in day.timeline),
    )

"""Tables that offices send: CSV in whatever encoding, or the first sheet of a workbook.

A file that is no table at all is an error of the whole; anything wrong with one row is a verdict on that row.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from python_calamine import CalamineError, CalamineWorkbook

from cloud.errors import CloudError

MAX_BYTES = 32 * 1024 * 1024
_WORKBOOKS = {".xlsx", ".xls", ".xlsb", ".ods"}
_ENCODINGS = ("utf-8-sig", "gb18030")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")

T = TypeVar("T")


class BadSheet(CloudError):
    """The file cannot be read as the table it should be; the message says why."""


class BadCell(Exception):
    """A cell cannot be used; becomes the verdict on its row."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"{column}: {reason}")
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Refused:
    """The verdict on a row that was not taken. ``line`` as a person counts, the header being line 1."""

    line: int
    column: str
    reason: str


class Outcome(StrEnum):
    """What a row did that was taken."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Column:
    """A column we know: its name, and other headers people write for it."""

    name: str
    aliases: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One row; ``cells`` by column name, without blanks around them. A column the file lacks is not there."""

    number: int
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """The cell, or "" where it is empty or the column is not there."""
        return self.cells.get(column, "")

    def need(self, column: str) -> str:
        """The cell, which must not be empty.

        Raises:
            BadCell: it is.
        """
        found = self.text(column)
        if not found:
            raise BadCell(column, "is empty")
        return found

    def parsed(self, column: str, reader: Callable[[str], T]) -> T | None:
        """What ``reader`` makes of the cell; None where it is empty.

        Raises:
            BadCell: ``reader`` raised a ValueError; its message is the reason.
        """
        found = self.text(column)
        if not found:
            return None
        try:
            return reader(found)
        except ValueError as error:
            raise BadCell(column, str(error)) from error


@dataclass(slots=True)
class Imported:
    """What a file did: how many rows of each outcome, and the rows that were not taken."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)

    @classmethod
    def of(cls, lines: Iterable[Line], take: Callable[[Line], Outcome]) -> Imported:
        """Have every line taken; one that raises BadCell is refused and costs no other."""
        imported = cls()
        for line in lines:
            try:
                imported.counts[take(line)] += 1
            except BadCell as bad:
                imported.refused.append(Refused(line.number, bad.column, bad.reason))
        return imported


def read_sheet(path: Path, columns: Sequence[Column]) -> list[Line]:
    """The rows of ``path``, empty ones left out.

    Raises:
        BadSheet: not readable, no table, or a required column is missing.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadSheet(f"{path}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise BadSheet(f"{path}: larger than {MAX_BYTES // 1024 // 1024} MB")
    rows = _workbook(path, content) if path.suffix.lower() in _WORKBOOKS else _csv(path, content)
    filled = [(number, row) for number, row in enumerate(rows, 1) if any(row)]
    if not filled:
        raise BadSheet(f"{path}: the file is empty")
    header_number, header = filled[0]
    places = _places(path, header, columns)
    return [
        Line(number, {name: row[place] if place < len(row) else "" for name, place in places.items()})
        for number, row in filled
        if number > header_number
    ]


def day(text: str) -> date:
    """The date of ``2026-11-18``, ``2026/11/18``, ``20261118`` or ``2026年11月18日``.

    Raises:
        ValueError: it is none; the message says so.
    """
    found = _DATE.fullmatch(text.strip()) or _COMPACT.fullmatch(text.strip())
    if found is not None:
        try:
            return date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            pass
    raise ValueError(f"{text!r} is no date like 2026-11-18")


def _places(path: Path, header: Sequence[str], columns: Sequence[Column]) -> dict[str, int]:
    known = {_plain(name): column.name for column in columns for name in (column.name, *column.aliases)}
    places: dict[str, int] = {}
    for place, title in enumerate(header):
        name = known.get(_plain(title))
        if name is not None:
            if name in places:
                raise BadSheet(f"{path}: two columns mean {name}")
            places[name] = place
    missing = [column for column in columns if column.required and column.name not in places]
    if missing:
        wanted = ", ".join("/".join((column.name, *column.aliases[:1])) for column in missing)
        raise BadSheet(f"{path}: no column {wanted} in its first line")
    return places


def _plain(title: str) -> str:
    return re.sub(r"[\s_\-*:：()（）]", "", title).lower()


def _csv(path: Path, content: bytes) -> list[list[str]]:
    text = _decoded(path, content)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter)]
    except csv.Error as error:
        raise BadSheet(f"{path}: no CSV: {error}") from error


def _decoded(path: Path, content: bytes) -> str:
    if b"\0" in content:
        raise BadSheet(f"{path}: neither CSV nor a workbook that can be read")
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadSheet(f"{path}: its text is neither UTF-8 nor GB 18030")


def _workbook(path: Path, content: bytes) -> list[list[str]]:
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        # Kept from the first row of the sheet, so that line numbers are those people see.
        rows = sheet.to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise BadSheet(f"{path}: no workbook that can be read: {error}") from error
    return [[_cell(value) for value in row] for row in rows]


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d" if value.time() == time() else "%Y-%m-%d %H:%M")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()

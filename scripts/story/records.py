"""The office's files: what HR would export from its own systems, as CSV for ``kaoqin-cloud import``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from scripts.story.days import Form
from scripts.story.people import SITE, Rhythm
from scripts.story.plan import Story
from scripts.story.workdays import ROSTER_AHEAD_DAYS, days, kind_of, name_of, shift_of

Row = tuple[str, ...]
_AHEAD = timedelta(days=ROSTER_AHEAD_DAYS)
_NIGHT_ENDS_BY = 12


def write(story: Story, directory: Path) -> Iterator[tuple[str, Path]]:
    """Write every file and name it with its kind, in the order in which they are imported.

    The one who left is still there in this list of people: see :func:`leavers`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tables = {
        "people": people(story),
        "calendar": calendar(story),
        "roster": roster(story),
        "leave": spans(story, "leave"),
        "trip": spans(story, "trip"),
        "outing": spans(story, "outing"),
        "overtime": spans(story, "overtime"),
        "correction": corrections(story),
    }
    for kind, rows in tables.items():
        yield kind, _write(directory / f"{kind}.csv", rows)


def leavers(story: Story, directory: Path) -> Path:
    """The news of who leaves when, as it comes after their punches."""
    rows = [("employee_no", "name", "last_day")]
    rows += [(m.employee_no, m.name, str(m.last_day)) for m in story.members if m.last_day]
    return _write(directory / "leavers.csv", rows)


def people(story: Story) -> Iterator[Row]:
    """The directory."""
    yield ("employee_no", "name", "department", "site", "hire_date", "language", "email", "pin")
    for one in story.members:
        email = f"{one.employee_no}@example.com"
        yield (one.employee_no, one.name, one.department, SITE, str(one.hire), one.language, email, one.pin)


def calendar(story: Story) -> Iterator[Row]:
    """The dates that differ from their weekday."""
    yield ("date", "kind", "name")
    for day in days(story.span.first, story.span.today + _AHEAD):
        kind = kind_of(day)
        if kind is not None:
            yield (str(day), kind.value, name_of(day))


def roster(story: Story) -> Iterator[Row]:
    """Every date of those who do not keep office hours."""
    yield ("employee_no", "date", "shift")
    for one in story.members:
        if one.rhythm is Rhythm.OFFICE:
            continue
        for day in days(story.span.first, story.span.today + _AHEAD):
            shift = shift_of(one, day, story.span.today)
            yield (one.employee_no, str(day), shift.value if shift else "off")


def spans(story: Story, kind: str) -> Iterator[Row]:
    """Leave, trips, outings, overtime."""
    yield ("id", "employee_no", "type", "unit", "from", "to", "status", "remark")
    for number, form in _numbered(story, kind):
        yield (
            *(number, form.member.employee_no, form.leave_type, form.unit),
            *(form.start, form.end, "approved", form.remark),
        )


def corrections(story: Story) -> Iterator[Row]:
    """Forgotten punches put right."""
    yield ("id", "employee_no", "date", "side", "at", "submitted", "status", "remark")
    for number, form in _numbered(story, "correction"):
        at = datetime.fromisoformat(form.start)
        # The end of a night belongs to the date on which the night began.
        night = form.unit == "out" and at.hour < _NIGHT_ENDS_BY
        day = at.date() - timedelta(days=night)
        yield (
            *(number, form.member.employee_no, str(day), form.unit, form.start),
            *(str(day + timedelta(days=1)), "approved", form.remark),
        )


def _numbered(story: Story, kind: str) -> Iterator[tuple[str, Form]]:
    forms = (form for form in story.forms if form.kind == kind)
    return ((f"{kind}-{number}", form) for number, form in enumerate(forms, 1))


def _write(path: Path, rows: Iterable[Row]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue())
    return path

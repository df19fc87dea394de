"""The office's files: what HR would export from its own systems, as CSV for ``kaoqin-cloud import``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from scripts.story.days import Form
from scripts.story.people import SITE, Rhythm
from scripts.story.plan import Morning, Story
from scripts.story.workdays import ROSTER_AHEAD_DAYS, days, kind_of, name_of, shift_of

Row = tuple[str, ...]
_AHEAD = timedelta(days=ROSTER_AHEAD_DAYS)
_NIGHT_ENDS_BY = 12
NOTHING_YET = Morning()


def write(story: Story, directory: Path, morning: Morning = NOTHING_YET) -> Iterator[tuple[str, Path]]:
    """Write every file and name it with its kind, in the order in which they are imported.

    The one who left is still there in this list of people: see :func:`leavers`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    forms = story.forms + morning.forms
    tables = {
        "people": people(story),
        "calendar": calendar(story),
        "roster": roster(story),
        "leave": spans("leave", forms),
        "trip": spans("trip", forms),
        "outing": spans("outing", forms),
        "overtime": spans("overtime", forms),
        "correction": corrections(forms),
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


def spans(kind: str, forms: Iterable[Form]) -> Iterator[Row]:
    """Leave, trips, outings, overtime."""
    yield ("id", "employee_no", "type", "unit", "from", "to", "status", "remark")
    for number, form in _numbered(kind, forms):
        yield (
            *(number, form.member.employee_no, form.leave_type, form.unit),
            *(form.start, form.end, "approved", form.remark),
        )


def corrections(forms: Iterable[Form]) -> Iterator[Row]:
    """Forgotten punches put right."""
    yield ("id", "employee_no", "date", "side", "at", "submitted", "status", "remark")
    for number, form in _numbered("correction", forms):
        at = datetime.fromisoformat(form.start)
        # The end of a night belongs to the date on which the night began.
        night = form.unit == "out" and at.hour < _NIGHT_ENDS_BY
        day = at.date() - timedelta(days=night)
        yield (
            *(number, form.member.employee_no, str(day), form.unit, form.start),
            *(str(day + timedelta(days=1)), "approved", form.remark),
        )


def _numbered(kind: str, forms: Iterable[Form]) -> Iterator[tuple[str, Form]]:
    of_kind = (form for form in forms if form.kind == kind)
    return ((f"{kind}-{number}", form) for number, form in enumerate(of_kind, 1))


def _write(path: Path, rows: Iterable[Row]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue())
    return path

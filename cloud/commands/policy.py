"""``policy``: rules files checked, tried on a past month, and put in force."""

from __future__ import annotations

import getpass
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Connection, select

from cloud.attendance.difference import Difference
from cloud.attendance.facts import AsOf
from cloud.attendance.rulesets import Cache, RuleTables, read_tables
from cloud.attendance.whatif import Differing, WhatIf
from cloud.commands.console import complain, say
from cloud.db.engine import Database
from cloud.db.tables import people
from cloud.errors import CloudError
from cloud.reports.dates import Month
from cloud.rulebook import files
from cloud.rulebook.check import Told, check_draft
from cloud.rulebook.draft import draft
from cloud.rulebook.effect import Trial
from cloud.rulebook.rehearsal import rehearsed
from cloud.rulebook.save import Refused, Saved, put_in_force
from cloud.rules.faults import Severity, sentence
from models.ids import PersonId

_COULD_NOT = 2


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """The commands, on one database; rules files are YAML in the words of case files."""

    database: Database
    view: AsOf

    def lint(self, path: Path, *, as_json: bool) -> int:
        """Say everything that is wrong with the rules as the file would have them; 1 if it has an error."""
        with self.database.read() as connection:
            lines = self._lines(connection, path, read_tables(connection))
        _print_lines(lines, as_json=as_json)
        return 1 if _errors_n(lines) else 0

    def show(self, group: str | None) -> int:
        """Print the rules of a group (its id or name; None: the default group) as a file."""
        with self.database.read() as connection:
            tables = read_tables(connection)
        group_id = tables.default if group is None else _group_id(tables, group)
        if group_id is None:
            complain(f"there is no group {group or 'by default'}; known are {', '.join(tables.groups)}")
            return _COULD_NOT
        say(files.write(tables, group_id).rstrip())
        return 0

    def what_if(self, path: Path, month: Month, *, as_json: bool) -> int:
        """List the days of ``month`` whose result would differ; 1 if the file has an error."""
        with self.database.read() as connection:
            tables = read_tables(connection)
            lines = self._lines(connection, path, tables)
            read = files.read(_text(path), tables)
            if isinstance(read, list) or _errors_n(lines):
                _print_lines(lines, as_json=as_json)
                return 1
            tried = draft(tables, rehearsed(tables, read.changes, month, self.view.today))
            found = self._try(connection, Trial.of(connection, tried, self.view, {}), month)
            names = _names(connection)
        _print_difference(found, month, names, as_json=as_json)
        return 0

    def import_file(self, path: Path, *, dry_run: bool) -> int:
        """Put a file in force; 1 if it has an error and nothing was written."""
        with self.database.read() as connection:
            tables = read_tables(connection)
            lines = self._lines(connection, path, tables)
            read = files.read(_text(path), tables)
            cache: Cache = {}
            touched_n = 0
            if not isinstance(read, list):
                touched_n = Trial.of(connection, draft(tables, read.changes), self.view, cache).days_n
        _print_lines(lines, as_json=False)
        if isinstance(read, list) or _errors_n(lines):
            return 1
        if dry_run or not read.changes:
            say(f"{len(read.changes)} changes, {touched_n} days to judge again (nothing was written)")
            return 0
        with self.database.write() as connection:
            done = put_in_force(connection, read.changes, None, _actor(), self.view)
        if isinstance(done, Saved):
            say(f"{len(read.changes)} changes, {done.days_n} days to judge again")
            return 0
        for told in done.told if isinstance(done, Refused) else []:
            complain(sentence(told.fault, "en"))
        return 1

    def _lines(self, connection: Connection, path: Path, tables: RuleTables) -> list[dict[str, object]]:
        """What is wrong with a file, by line; last what is wrong already, which refuses no file."""
        read = files.read(_text(path), tables)
        if isinstance(read, list):
            return [_line(path, bad.line, bad.place, bad.fault.severity, bad.sentence("en")) for bad in read]
        told = check_draft(connection, draft(tables, read.changes), self.view, {})
        new = [_told(path, read, one) for one in told if one.new]
        return new + [_told(path, read, one) for one in told if not one.new]

    def _try(self, connection: Connection, trial: Trial, month: Month) -> WhatIf:
        span = month.first, month.last
        judged_n, behind = 0, None
        found: list[Differing] = []
        unjudgeable: dict[PersonId, str] = {}
        with Progress(console=Console(file=sys.stderr), disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task("judging", total=None)
            while True:
                part = trial.judge(connection, span, self.view, behind)
                judged_n += part.found.judged_n
                found += part.found.differing
                unjudgeable |= part.found.unjudgeable
                progress.update(task, total=part.people_all, completed=part.people_n)
                behind = part.after
                if behind is None:
                    return WhatIf(judged_n, found, unjudgeable)


def _text(path: Path) -> str:
    try:
        return files.read_text(path)
    except files.BadFile as error:
        raise CloudError(str(error)) from error


def _told(path: Path, read: files.ReadFile, one: Told) -> dict[str, object]:
    line = read.line(one.fault) if one.new else None
    said = sentence(one.fault, "en")
    return _line(path, line, one.fault.place, one.fault.severity, said, standing=not one.new)


def _line(
    path: Path, line: int | None, place: str, severity: Severity, said: str, *, standing: bool = False
) -> dict[str, object]:
    return {
        "file": str(path),
        "line": line,
        "place": place,
        "severity": severity.value,
        "message": said,
        "standing": standing,
    }


def _errors_n(lines: list[dict[str, object]]) -> int:
    """How many errors the file brings in."""
    return sum(line["severity"] == Severity.ERROR and not line["standing"] for line in lines)


def _print_lines(lines: list[dict[str, object]], *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(lines, ensure_ascii=False))
        return
    for one in lines:
        if one["standing"]:
            say(f"already so: {one['severity']}: {one['message']}")
            continue
        where = f"{one['file']}:{one['line']}" if one["line"] is not None else one["file"]
        say(f"{where}: {one['severity']}: {one['message']}")
    errors = _errors_n(lines)
    warnings = sum(not one["standing"] for one in lines) - errors
    say(f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}")


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _print_difference(
    found: WhatIf, month: Month, names: dict[str, tuple[str, str]], *, as_json: bool
) -> None:
    rows = [
        {
            "employee_no": names[one.person_id][0],
            "name": names[one.person_id][1],
            "date": one.before.date.isoformat(),
            "fields": one.fields,
        }
        for one in found.differing
    ]
    if as_json:
        reasons = sorted(set(found.unjudgeable.values()))
        whole = {"month": str(month), "judged": found.judged_n, "differing": rows, "unjudgeable": reasons}
        say(json.dumps(whole, ensure_ascii=False))
        return
    for one, row in zip(found.differing, rows, strict=True):
        say(f"{row['date']} {row['employee_no']} {row['name']}: {_change(one.fields)}")
    kinds = Counter(name for one in found.differing for name in one.fields)
    counted = ", ".join(f"{name} {n}" for name, n in kinds.most_common())
    people_n = len({one.person_id for one in found.differing})
    say(f"{found.judged_n} days of {month} judged, {len(rows)} days of {people_n} people would differ")
    if counted:
        say(f"by field: {counted}")
    for reason in sorted(set(found.unjudgeable.values())):
        complain(f"somebody could not be judged: {reason}")


def _change(fields: Difference) -> str:
    return ", ".join(f"{name} {_value(old)} -> {_value(new)}" for name, (old, new) in fields.items())


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return "+".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items() if one) or "none"
    return "none" if value is None else str(value)


def _names(connection: Connection) -> dict[str, tuple[str, str]]:
    rows = connection.execute(select(people.c.person_id, people.c.employee_no, people.c.name))
    return {person: (number, name) for person, number, name in rows}


def _group_id(tables: RuleTables, wanted: str) -> str | None:
    return next((key for key, group in tables.groups.items() if wanted in {key, group.name}), None)


def _actor() -> str:
    """Who the audit says it was."""
    try:
        return f"cli:{getpass.getuser()}"[:64]
    except (KeyError, OSError):
        return "cli"

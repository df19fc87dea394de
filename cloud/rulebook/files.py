"""Rules files: YAML in the words of case files, to a draft and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cloud.attendance.rulesets import GroupRow, RuleTables, version_case
from cloud.rulebook.draft import Change, DropVersion, SetDay, SetGroup, SetShift, SetVersion
from cloud.rules.casenode import Node
from cloud.rules.faults import Fault, Language, sentence
from cloud.rules.plain import Plain
from cloud.rules.rulesfile import FileVersion, RulesFile, read_file
from cloud.yamltext import BadYaml, YamlNode, compose, line_of, plain, written

MAX_BYTES = 1024 * 1024
SOURCE = "file"
_WIDTH = 110


class BadFile(Exception):
    """The file cannot be read as text; the message says which and why."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """What is wrong with a file and on which line; ``place`` is the key, empty where there is none."""

    line: int
    place: str
    fault: Fault

    def sentence(self, language: Language) -> str:
        """Line, key and what is allowed."""
        said = sentence(self.fault, language)
        return f"{self.place}: {said}" if self.place else said


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that can be used: the changes it asks for, and where its values stand."""

    changes: list[Change]
    root: YamlNode

    def line(self, fault: Fault) -> int | None:
        """The line a fault of the draft is about, if the file speaks of it."""
        return _line(self.root, fault)


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        BadFile: it is not there, too large or no UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from error
    return decoded(content, str(path))


def decoded(content: bytes, name: str) -> str:
    """The text in the bytes of the file ``name``.

    Raises:
        BadFile: too large or no UTF-8.
    """
    if len(content) > MAX_BYTES:
        raise BadFile(f"{name}: larger than {MAX_BYTES // 1024} KB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(f"{name}: its text is not UTF-8") from error


def read(text: str, tables: RuleTables) -> ReadFile | list[BadLine]:
    """The changes that a file asks for, or everything that is wrong with it.

    Shifts and days are added to those there are; ``policy`` takes the place of all versions of the group.
    """
    try:
        root = compose(text)
        values = None if root is None else plain(root)
    except BadYaml as bad:
        return [BadLine(bad.line, "", Fault.of("bad_value", (), what=bad.what))]
    if root is None or values is None:
        return [BadLine(1, "", Fault.of("bad_value", (), what="the file is empty"))]
    found = read_file(Node(values), tuple(tables.shifts))
    if isinstance(found, RulesFile):
        group = _group(found, tables)
        if isinstance(group, Fault):
            return [BadLine(line_of(root, ("group",)) or 1, "group", group)]
        return ReadFile(_changes(found, group, tables), root)
    return [BadLine(_line(root, fault) or 1, fault.place, fault) for fault in found]


def _line(root: YamlNode, fault: Fault) -> int | None:
    """The line of the innermost value around a fault; a single version may be written without a list."""
    path = fault.path
    if path[:1] == ("policy",) and line_of(root, path[:2]) is None:
        path = ("policy", *path[2:])
    while path:
        written = line_of(root, path)
        if written is not None:
            return written
        path = path[:-1]
    return None


def _group(found: RulesFile, tables: RuleTables) -> str | Fault:
    """The id of the group a file is of; one that has a ``name`` may be new."""
    known = {key: group_id for group_id, group in tables.groups.items() for key in (group_id, group.name)}
    if found.group is None:
        if tables.default is not None:
            return tables.default
    elif found.group in known:
        return known[found.group]
    elif found.name is not None:
        return found.group
    shown = ", ".join(sorted(tables.groups)) or "–"
    return Fault.of("unknown_group", ("group",), group=found.group or "–", allowed=shown)


def _changes(found: RulesFile, group_id: str, tables: RuleTables) -> list[Change]:
    group = tables.groups.get(group_id)
    changes: list[Change] = [
        SetShift(name, dict(definition))
        for name, definition in found.shifts.items()
        if isinstance(definition, dict) and tables.shifts.get(name) != definition
    ]
    name = found.name or (group_id if group is None else group.name)
    week = found.week if found.week is not None else {} if group is None else group.week
    if group is None or (name, week) != (group.name, group.week):
        changes.append(SetGroup(group_id, name, dict(week)))
    if found.versions is not None:
        changes += _version_changes(group_id, group, found.versions)
    days = (_day(day, said) for day, said in sorted(found.calendar.items()))
    return changes + [day for day in days if not _is_so(day, tables)]


def _version_changes(
    group_id: str, group: GroupRow | None, versions: Sequence[FileVersion]
) -> Iterator[Change]:
    """Exactly ``versions``; a group that is made has one since ever."""
    there = () if group is None else group.versions
    wanted = {one.since for one in versions}
    for since in [version.since for version in there] if group is not None else [None]:
        if since not in wanted:
            yield DropVersion(group_id, since)
    known = {(one.since, one.version): dict(one.parameters) for one in there}
    for one in versions:
        if known.get((one.since, one.version)) != dict(one.parameters):
            yield SetVersion(group_id, one.since, one.version, dict(one.parameters))


def _day(day: date, said: Plain) -> SetDay:
    if said is None:
        return SetDay(day, None)
    values = said if isinstance(said, dict) else {"kind": said}
    texts = {key: str(value) for key, value in values.items() if value is not None}
    return SetDay(day, texts["kind"], texts.get("half"), texts.get("shift_of"), source=SOURCE)


def _is_so(day: SetDay, tables: RuleTables) -> bool:
    """Whether the calendar says so already, whoever it has it from."""
    row = tables.calendar.get(day.date)
    if row is None or day.kind is None:
        return row is None and day.kind is None
    return (row.kind, row.half, row.shift_of) == (day.kind, day.half, day.shift_of)


def write(tables: RuleTables, group_id: str) -> str:
    """The rules of a group as a file that reads back to what they are.

    Raises:
        KeyError: there is no such group.
    """
    group = tables.groups[group_id]
    names = {name for entry in group.week.values() for name in _names(entry)}
    content: dict[str, Plain] = {
        "group": group_id,
        "name": group.name,
        "shifts": {name: shift for name, shift in tables.shifts.items() if name in names} or {},
        "week": dict(group.week),
        "policy": [version_case(version) for version in group.versions],
    }
    return written(content, _WIDTH)


def _names(entry: Plain) -> list[str]:
    planned = entry.get("shift") if isinstance(entry, dict) else entry
    return [str(name) for name in planned] if isinstance(planned, list) else [str(planned)]

"""Rules of a group as plain data, in the words of a case file: read piece by piece, every fault told at once.

A file is ``{group, name, shifts, policy, week, calendar}``, each key optional; what it does not name stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from cloud.rules.casefile import facts
from cloud.rules.casenode import BadCase, Node
from cloud.rules.errors import RefusedInput
from cloud.rules.facts import RuleSet
from cloud.rules.faults import Fault, Path
from cloud.rules.lint import parameter_fault
from cloud.rules.plain import Plain
from cloud.rules.policy import Policy, policy_from

FILE_KEYS: Final = ("group", "name", "shifts", "policy", "week", "calendar")
NO_DAY: Final = "none"
"""Takes a date out of the calendar."""

_BARE: Final[dict[str, Plain]] = {"zone": "UTC", "as_of": "2000-01-01"}
_ANY_SHIFT: Final[Plain] = {"segments": ["09:00-18:00"]}


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One policy version of a file; ``since`` None: since ever."""

    since: date | None
    version: str
    parameters: Mapping[str, Plain]


@dataclass(frozen=True, slots=True)
class RulesFile:
    """What a rules file says; None: it does not speak of it.

    Attributes:
        group: id or name of the group that ``week`` and ``versions`` are of; None: the default group.
        calendar: days in the words of a case file; None takes a date out.
    """

    group: str | None
    name: str | None
    shifts: Mapping[str, Plain]
    versions: tuple[FileVersion, ...] | None
    week: Mapping[str, Plain] | None
    calendar: Mapping[date, Plain]


def read_file(root: Node, known_shifts: tuple[str, ...]) -> RulesFile | list[Fault]:
    """The rules in a file, or everything that is wrong with its values; other shifts may be known."""
    try:
        root.keys(FILE_KEYS)
        group, name = _text(root, "group"), _text(root, "name")
        faults = _faults(root, known_shifts)
    except BadCase as bad:
        return [_told(bad)]
    if faults:
        return faults
    versions = tuple(_version(node.value) for node in _versions(root))
    return RulesFile(
        group,
        name,
        dict(_values(root, "shifts")),
        versions or None,
        dict(_values(root, "week")) if root.get("week") is not None else None,
        {
            date.fromisoformat(day): None if value == NO_DAY else value
            for day, value in _values(root, "calendar")
        },
    )


def rule_set(case: Mapping[str, Plain]) -> RuleSet | list[Fault]:
    """The rules of a case with zone, shifts, policy, week and calendar, or why they cannot be read."""
    root = Node(dict(case))
    try:
        return facts(root).rules
    except (BadCase, RefusedInput):
        return _faults(root, ())


def shift_faults(name: str, definition: Plain) -> list[Fault]:
    """Values of a shift that the format does not know."""
    return _piece({"shifts": {name: definition}})


def version_faults(version: Plain, place: int = 0) -> list[Fault]:
    """Parameters of a version that do not exist or cannot have their value, and tiers out of order (V4)."""
    path: Path = ("policy", place)
    if not isinstance(version, dict):
        return [Fault.of("bad_value", path, what=f"{version!r} is no map of parameters")]
    parameters = {name: value for name, value in version.items() if name != "from"}
    told = [parameter_fault(name, value, (*path, name)) for name, value in parameters.items()]
    faults = [fault for fault in told if fault is not None]
    if "from" in version:
        wrong = _piece({"policy": {"from": version["from"]}})
        faults += [Fault(fault.code, (*path, "from"), fault.args) for fault in wrong]
    return faults or _tiers(parameters, path)


def _tiers(parameters: Mapping[str, Plain], path: Path) -> list[Fault]:
    """What ``policy_from`` refuses of parameters that are sound each by itself."""
    try:
        policy_from(parameters)
    except RefusedInput:
        names = {"grace": "late_grace_min", "serious": "serious_late_over_min", "absent": "absent_over_min"}
        values = {key: str(parameters.get(name, "–")) for key, name in names.items()}
        version = str(parameters.get("version", Policy().version))
        return [Fault.of("tiers_fall", path, version=version, **values)]
    return []


def _faults(root: Node, known_shifts: tuple[str, ...]) -> list[Fault]:
    """What is wrong with each piece.

    Raises:
        BadCase: a piece is no map or list at all.
    """
    shifts = dict(_values(root, "shifts"))
    known: dict[str, Plain] = dict.fromkeys((*known_shifts, *shifts), _ANY_SHIFT)
    faults = [fault for name, definition in shifts.items() for fault in shift_faults(name, definition)]
    for place, node in enumerate(_versions(root)):
        faults += version_faults(node.value, place)
    faults += _overlapping(_versions(root)) if not faults else []
    for weekday, entry in _values(root, "week"):
        faults += _piece({"shifts": known, "week": {weekday: entry}})
    for day, value in _values(root, "calendar"):
        faults += _piece({"calendar": {day: "rest" if value == NO_DAY else value}})
    return faults


def _overlapping(versions: list[Node]) -> list[Fault]:
    """Versions that begin on one date."""
    faults: list[Fault] = []
    starts: dict[date | None, str] = {}
    for place, node in enumerate(versions):
        one = _version(node.value)
        since = "–" if one.since is None else one.since.isoformat()
        if one.since in starts:
            args = {"first": starts[one.since], "second": one.version, "since": since}
            faults.append(Fault.of("overlapping_versions", ("policy", place), **args))
        starts.setdefault(one.since, one.version)
    return faults


def _piece(case: dict[str, Plain]) -> list[Fault]:
    try:
        facts(Node(_BARE | case))
    except BadCase as bad:
        return [_told(bad)]
    return []


def _told(bad: BadCase) -> Fault:
    return Fault.of("bad_value", bad.path, what=bad.what)


def _text(root: Node, key: str) -> str | None:
    found = root.get(key)
    return None if found is None or found.value is None else found.text()


def _values(root: Node, key: str) -> Iterator[tuple[str, Plain]]:
    found = root.get(key)
    if found is not None:
        yield from ((name, node.value) for name, node in found.items())


def _versions(root: Node) -> list[Node]:
    """The versions, whether written as one map or a list of them."""
    found = root.get("policy")
    if found is None or found.value is None:
        return []
    return list(found.list()) if isinstance(found.value, list) else [found]


def _version(value: Plain) -> FileVersion:
    parameters = dict(value) if isinstance(value, dict) else {}
    since = parameters.pop("from", None)
    name = str(parameters.pop("version", Policy().version))
    return FileVersion(None if since is None else date.fromisoformat(str(since)[:10]), name, parameters)

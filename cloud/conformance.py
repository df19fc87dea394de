"""Runs rule case files: the public conformance suite of the rules (``kaoqin-cloud cases``)."""

from __future__ import annotations

import json as jsonlib
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from cloud.rules.casenode import BadCase, Node, merged
from cloud.rules.casenode import Path as CasePath
from cloud.rules.cases import CaseResult, run_case
from cloud.rules.plain import Plain
from cloud.yamltext import BadYaml, YamlNode, compose, line_of, plain

BAD_CASE: Final = "bad_case"
ABOUT: Final = {"bad_policy": "policy", "bad_shift": "shifts", "window_too_long": "shifts"}
"""The key of a case that a refusal (V) is about; of the others it is the roster."""


class BadCaseFile(Exception):
    """A case file cannot be read; its author must change it. The message names file, line and key."""

    def __init__(self, file: Path, line: int, what: str) -> None:
        super().__init__(f"{file}:{line}: {what}")


@dataclass(frozen=True, slots=True)
class _Source:
    """A case as written: its node and that of the defaults, for line numbers."""

    file: Path
    case: YamlNode
    defaults: YamlNode | None

    def line(self, path: tuple[str | int, ...]) -> int:
        """Where the value at a path stands: in the case, else in the defaults."""
        found = line_of(self.case, path)
        if found is None and self.defaults is not None:
            found = line_of(self.defaults, path)
        return found if found is not None else self.case.start_mark.line + 1

    def case_id(self) -> str:
        """The id, also of a case that cannot be read."""
        if isinstance(self.case, MappingNode):
            for key, value in self.case.value:
                if key.value == "id" and isinstance(value, ScalarNode):
                    return str(value.value)
        return f"{self.file}:{self.line(())}"


@dataclass(frozen=True, slots=True)
class WrittenCase:
    """A case of a file, not run yet.

    Attributes:
        place: "FILE:LINE" of its id.
        node: what it says, with the file's defaults under it; None: YAML could not tell, see ``unreadable``.
    """

    case_id: str
    place: str
    node: Node | None
    unreadable: str
    source: _Source

    def run(self) -> CaseResult:
        """What came of it; a case that the format does not know has the error ``bad_case``."""
        what = self.unreadable
        if self.node is not None:
            try:
                result = run_case(self.node)
            except BadCase as bad:
                what = str(BadCaseFile(self.source.file, self.source.line(bad.path), str(bad)))
            else:
                if result.error is not None:
                    place = f"{self.source.file}:{self.source.line(_about(self.node.value, result))}"
                    result.differences[:] = [f"{place}: {what}" for what in result.differences]
                return result
        return CaseResult(self.case_id, differences=[what], error=BAD_CASE)


def run(files: Sequence[Path], *, json: bool, out: TextIO | None = None) -> int:
    """Run every case of the files; 1 if any differs or cannot be read, else 0.

    Prints a line per case and what differs under it, or with ``json`` one list with the full results of every
    case. A case that cannot be read has the error ``bad_case`` and keeps no other from being run.
    """
    stream = sys.stdout if out is None else out
    results: list[CaseResult] = []
    failed = False
    seen: dict[str, str] = {}
    for file in files:
        try:
            for result in _results(file, seen):
                results.append(result)
                if not json:
                    _print(result, stream)
        except BadCaseFile as bad:
            failed = True
            sys.stderr.write(f"{bad}\n")
    if json:
        stream.write(jsonlib.dumps([result.plain() for result in results], ensure_ascii=False, indent=1))
        stream.write("\n")
    return 1 if failed or any(not result.ok for result in results) else 0


def load(file: Path) -> list[CaseResult]:
    """The results of every case of one file.

    Raises:
        BadCaseFile: the file cannot be read.
    """
    return list(_results(file, {}))


def written(file: Path) -> list[WrittenCase]:
    """The cases of one file, not run.

    Raises:
        BadCaseFile: the file cannot be read.
    """
    defaults, cases = _compose(file)
    shared = {} if defaults is None else _plain(file, defaults)
    return [_written(_Source(file, case, defaults), shared) for case in cases]


def _written(source: _Source, shared: Plain) -> WrittenCase:
    node, unreadable = None, ""
    try:
        node = Node(merged(shared, _plain(source.file, source.case)))
    except BadCaseFile as bad:
        unreadable = str(bad)
    place = f"{source.file}:{source.line(('id',))}"
    return WrittenCase(source.case_id(), place, node, unreadable, source)


def _print(result: CaseResult, stream: TextIO) -> None:
    word = "ok" if result.ok else "BAD" if result.error == BAD_CASE else "DIFFERS"
    stream.write(f"{word} {result.case_id}")
    stream.write("".join(f"\n    {difference}" for difference in result.differences) + "\n")


def _results(file: Path, seen: dict[str, str]) -> Iterator[CaseResult]:
    """Each case run; ``seen`` keeps where each id stands, over all files."""
    for case in written(file):
        result = case.run()
        if result.case_id in seen:
            what = f"{case.place}: id {result.case_id!r} is also at {seen[result.case_id]}"
            result.differences.append(what)
        seen.setdefault(result.case_id, case.place)
        yield result


def _about(case: Plain, refused: CaseResult) -> CasePath:
    """Where the parameter or shift stands that a refusal names first; else the key it is about."""
    key = ABOUT.get(refused.error or "", "roster")
    said = " ".join(refused.differences)
    found: list[tuple[int, CasePath]] = []
    value = case.get(key) if isinstance(case, dict) else None
    parts = enumerate(value) if isinstance(value, list) else [(None, value)]
    for index, part in parts:
        for name in part if isinstance(part, dict) else ():
            named = re.search(rf"\b{re.escape(name)}\b", said)
            if named is not None:
                found.append((named.start(), (key, name) if index is None else (key, index, name)))
    return min(found, default=(0, (key,)), key=lambda place: place[0])[1]


def _compose(file: Path) -> tuple[YamlNode | None, list[YamlNode]]:
    """The defaults and the cases of a file, as nodes."""
    try:
        root = compose(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadCaseFile(file, 1, f"cannot be read: {error}") from error
    except BadYaml as bad:
        raise BadCaseFile(file, bad.line, bad.what) from bad
    if not isinstance(root, MappingNode):
        raise BadCaseFile(file, 1, "the file is no map with keys defaults, cases")
    parts: dict[str, YamlNode] = {}
    for key, value in root.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            raise BadCaseFile(file, line, "a key is no text")
        if key.value not in {"defaults", "cases"}:
            raise BadCaseFile(file, line, f"unknown key {key.value!r}; allowed are defaults, cases")
        if key.value in parts:
            raise BadCaseFile(file, line, f"key {key.value!r} stands twice")
        parts[key.value] = value
    cases = parts.get("cases")
    if not isinstance(cases, SequenceNode):
        raise BadCaseFile(file, 1, "has no list of cases")
    return parts.get("defaults"), list(cases.value)


def _plain(file: Path, node: YamlNode) -> Plain:
    try:
        return plain(node)
    except BadYaml as bad:
        raise BadCaseFile(file, bad.line, bad.what) from bad

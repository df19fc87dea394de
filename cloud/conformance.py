"""Runs rule case files: the public conformance suite of the rules (``kaoqin-cloud cases``)."""

from __future__ import annotations

import json as jsonlib
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from cloud.rules.casenode import BadCase, Node, merged
from cloud.rules.cases import CaseResult, run_case
from cloud.rules.plain import Plain

YamlNode = MappingNode | SequenceNode | ScalarNode

BAD_CASE: Final = "bad_case"
NULL: Final = re.compile(r"~|null|Null|NULL|")
TRUE: Final = re.compile(r"true|True|TRUE")
FALSE: Final = re.compile(r"false|False|FALSE")
INTEGER: Final = re.compile(r"[-+]?[0-9]+")
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


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
        found = _line(self.case, path)
        if found is None and self.defaults is not None:
            found = _line(self.defaults, path)
        return found if found is not None else self.case.start_mark.line + 1

    def case_id(self) -> str:
        """The id, also of a case that cannot be read."""
        if isinstance(self.case, MappingNode):
            for key, value in self.case.value:
                if key.value == "id" and isinstance(value, ScalarNode):
                    return str(value.value)
        return f"{self.file}:{self.line(())}"


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


def _print(result: CaseResult, stream: TextIO) -> None:
    word = "ok" if result.ok else "BAD" if result.error == BAD_CASE else "DIFFERS"
    stream.write(f"{word} {result.case_id}")
    stream.write("".join(f"\n    {difference}" for difference in result.differences) + "\n")


def _results(file: Path, seen: dict[str, str]) -> Iterator[CaseResult]:
    """Each case run; ``seen`` keeps where each id stands, over all files."""
    defaults, cases = _compose(file)
    shared = {} if defaults is None else _plain(file, defaults)
    for case in cases:
        source = _Source(file, case, defaults)
        place = f"{file}:{source.line(('id',))}"
        try:
            result = run_case(Node(merged(shared, _plain(file, case))))
        except BadCase as bad:
            what = str(BadCaseFile(file, source.line(bad.path), str(bad)))
            result = CaseResult(source.case_id(), differences=[what], error=BAD_CASE)
        except BadCaseFile as bad:
            result = CaseResult(source.case_id(), differences=[str(bad)], error=BAD_CASE)
        if result.case_id in seen:
            what = f"{place}: id {result.case_id!r} is also at {seen[result.case_id]}"
            result.differences.append(what)
        seen.setdefault(result.case_id, place)
        yield result


def _compose(file: Path) -> tuple[YamlNode | None, list[YamlNode]]:
    """The defaults and the cases of a file, as nodes."""
    try:
        root = YAML(typ="safe", pure=True).compose(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadCaseFile(file, 1, f"cannot be read: {error}") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise BadCaseFile(file, 1 if mark is None else mark.line + 1, f"is no YAML: {error}") from error
    if not isinstance(root, MappingNode):
        raise BadCaseFile(file, 1, "is no map with keys defaults, cases")
    parts = {key.value: value for key, value in root.value}
    unknown = [key for key, _ in root.value if key.value not in {"defaults", "cases"}]
    if unknown:
        what = f"unknown key {unknown[0].value!r}; allowed are defaults, cases"
        raise BadCaseFile(file, unknown[0].start_mark.line + 1, what)
    cases = parts.get("cases")
    if not isinstance(cases, SequenceNode):
        raise BadCaseFile(file, 1, "has no list of cases")
    return parts.get("defaults"), list(cases.value)


def _plain(file: Path, node: YamlNode) -> Plain:
    """Plain data of a node by the YAML 1.2 core schema: no dates, no sexagesimals, no yes or off."""
    if isinstance(node, SequenceNode):
        return [_plain(file, value) for value in node.value]
    if isinstance(node, MappingNode):
        found: dict[str, Plain] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise BadCaseFile(file, key.start_mark.line + 1, "a key is no text")
            if key.value in found:
                raise BadCaseFile(file, key.start_mark.line + 1, f"key {key.value!r} stands twice")
            found[key.value] = _plain(file, value)
        return found
    return _scalar(node)


def _scalar(node: ScalarNode) -> Plain:
    text: str = node.value
    if node.style is not None:
        return text
    if NULL.fullmatch(text):
        return None
    if TRUE.fullmatch(text) or FALSE.fullmatch(text):
        return TRUE.fullmatch(text) is not None
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if FLOAT.fullmatch(text) else text


def _line(node: YamlNode, path: tuple[str | int, ...]) -> int | None:
    """Line of the key or list place at a path; None if the node does not reach so far."""
    line: int = node.start_mark.line
    for step in path:
        if isinstance(node, MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                return None
            line, node = found[0][0].start_mark.line, found[0][1]
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line
        else:
            return None
    return line + 1

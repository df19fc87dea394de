"""YAML 1.2 core schema as plain data, with the line every value stands on (rules section 3), and back.

No dates, no sexagesimals, no yes or off: ``18:00``, ``2026-11-18`` and ``off`` are texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from math import isfinite
from typing import Final, cast

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from cloud.rules.plain import Plain

YamlNode = MappingNode | SequenceNode | ScalarNode

NULL: Final = re.compile(r"~|null|Null|NULL|")
TRUE: Final = re.compile(r"true|True|TRUE")
FALSE: Final = re.compile(r"false|False|FALSE")
INTEGER: Final = re.compile(r"[-+]?[0-9]+")
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DEEPEST: Final = 100
_DIGITS_MAX: Final = 18
"""Of a whole number: what any database, JSON and wire can hold."""
_SPARE: Final = 100_000
"""Values that aliases may add to those that are written out."""


class BadYaml(Exception):
    """A text is no plain data; its author must change it."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line
        self.what = what


def compose(text: str) -> YamlNode | None:
    """The root of a text; None if it says nothing.

    Raises:
        BadYaml: it is no YAML.
    """
    # The parser in C, in the wheels of every platform, takes a tenth of the time of the one in Python.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        _check_depth(text, loader)
        root = cast("YamlNode | None", yaml.compose(text, Loader=loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error)
        # What is never closed is missed after the last line.
        line = 1 if mark is None else min(mark.line + 1, len(text.splitlines()) or 1)
        raise BadYaml(line, f"is no YAML: {what}") from error
    return root


def _check_depth(text: str, loader: type) -> None:
    """Refuse before it is composed what is nested so deep that composing it would break the process."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise _too_deep(event)
        elif isinstance(event, CollectionEndEvent):
            depth -= 1


def _too_deep(place: YamlNode | CollectionStartEvent) -> BadYaml:
    mark = place.start_mark
    return BadYaml(1 if mark is None else mark.line + 1, f"is nested deeper than {_DEEPEST}")


def plain(node: YamlNode) -> Plain:
    """Plain data of a node.

    Raises:
        BadYaml: a key stands twice or is no text, aliases nest without end or blow up, a number is too large.
    """
    limit = node.end_mark.index - node.start_mark.index + _SPARE
    return _plain(node, 0, limit, count())


def _plain(node: YamlNode, depth: int, limit: int, values: Iterator[int]) -> Plain:
    if depth > _DEEPEST:
        raise _too_deep(node)
    if next(values) > limit:
        raise BadYaml(node.start_mark.line + 1, "aliases make it too large")
    if isinstance(node, SequenceNode):
        return [_plain(value, depth + 1, limit, values) for value in node.value]
    if isinstance(node, MappingNode):
        found: dict[str, Plain] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise BadYaml(key.start_mark.line + 1, "a key is no text")
            if key.value in found:
                raise BadYaml(key.start_mark.line + 1, f"key {key.value!r} stands twice")
            found[key.value] = _plain(value, depth + 1, limit, values)
        return found
    return _scalar(node)


def _scalar(node: ScalarNode) -> Plain:
    text: str = node.value
    if node.style:
        return text
    if NULL.fullmatch(text):
        return None
    if TRUE.fullmatch(text) or FALSE.fullmatch(text):
        return TRUE.fullmatch(text) is not None
    if INTEGER.fullmatch(text) and len(text) <= _DIGITS_MAX:
        return int(text)
    if not FLOAT.fullmatch(text):
        return text
    number = float(text)
    if INTEGER.fullmatch(text) or not isfinite(number):
        raise BadYaml(node.start_mark.line + 1, f"{text[:_DIGITS_MAX]}… is beyond all bounds")
    return number


def written(data: Plain, width: int) -> str:
    """``data`` as a text that :func:`plain` reads back; its innermost maps and lists on a line each."""
    return yaml.dump(
        data, None, _Writer, default_flow_style=None, width=width, sort_keys=False, allow_unicode=True
    )


class _Writer(yaml.SafeDumper):
    """Quotes only what the core schema would take for something else."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  what stands twice is written twice
        return True


_Writer.yaml_implicit_resolvers = {}
for _tag, _form in (("null", NULL), ("bool", TRUE), ("bool", FALSE), ("int", INTEGER), ("float", FLOAT)):
    _Writer.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_form.pattern})$"), None)


def line_of(node: YamlNode, path: tuple[str | int, ...]) -> int | None:
    """Line of the key or list place at a path, from 1; None if the node does not reach so far."""
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

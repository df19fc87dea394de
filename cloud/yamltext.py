"""YAML 1.2 core schema as plain data, with the line every value stands on (rules section 3).

No dates, no sexagesimals, no yes or off: ``18:00``, ``2026-11-18`` and ``off`` are texts.
"""

from __future__ import annotations

import re
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from cloud.rules.plain import Plain

YamlNode = MappingNode | SequenceNode | ScalarNode

NULL: Final = re.compile(r"~|null|Null|NULL|")
TRUE: Final = re.compile(r"true|True|TRUE")
FALSE: Final = re.compile(r"false|False|FALSE")
INTEGER: Final = re.compile(r"[-+]?[0-9]+")
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


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
    try:
        root: YamlNode | None = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error)
        raise BadYaml(1 if mark is None else mark.line + 1, f"is no YAML: {what}") from error
    return root


def plain(node: YamlNode) -> Plain:
    """Plain data of a node.

    Raises:
        BadYaml: a key stands twice or is no text.
    """
    if isinstance(node, SequenceNode):
        return [plain(value) for value in node.value]
    if isinstance(node, MappingNode):
        found: dict[str, Plain] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise BadYaml(key.start_mark.line + 1, "a key is no text")
            if key.value in found:
                raise BadYaml(key.start_mark.line + 1, f"key {key.value!r} stands twice")
            found[key.value] = plain(value)
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

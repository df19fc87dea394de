"""The wire as JSON Schema, for those who speak it in another language."""

from __future__ import annotations

import sys
from typing import cast

import msgspec

from models.wire import messages
from models.wire.messages import MESSAGES, VERSION

_TITLE = "Kaoqin wire messages"


def export() -> str:
    """The schema as JSON text. Items of an array carry their field's name; their order is the format."""
    references, definitions = msgspec.json.schema_components(MESSAGES)
    for name, definition in definitions.items():
        _tidy(name, definition)
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": _TITLE,
        "version": VERSION,
        "oneOf": list(references),
        "$defs": definitions,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _tidy(name: str, definition: dict[str, object]) -> None:
    """Name the items of an array after their fields, and take the indentation out of the description."""
    lines = str(definition.get("description", "")).splitlines()
    definition["description"] = "\n".join(line.strip() for line in lines)
    items = cast("list[dict[str, object]]", definition.get("prefixItems", []))
    fields = msgspec.structs.fields(getattr(messages, name))
    for field, item in zip(fields, items, strict=False):
        item["title"] = field.name


if __name__ == "__main__":
    sys.stdout.write(export())

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from models.ids import TerminalId
from models.wire import messages
from models.wire.schema import export
from models.wire.topics import Channel, topic

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
STRUCTS = {
    name: kind
    for name, kind in vars(messages).items()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
}


def sections() -> dict[str, str]:
    text = (REFERENCE / "wire.md").read_text()
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_exported_schema_is_up_to_date():
    assert (REFERENCE / "wire-schema.json").read_text() == export()


@pytest.mark.parametrize("name", STRUCTS)
def test_the_reference_lists_every_field_in_order(name: str):
    documented = re.findall(r"^\| `(\w+)` \|", sections()[name], flags=re.MULTILINE)

    assert documented == [field.name for field in msgspec.structs.fields(STRUCTS[name])]


def test_the_reference_lists_every_topic():
    documented = re.findall(r"^\| `(kaoqin/\S+)` \|", sections()["Topics"], flags=re.MULTILINE)

    assert set(documented) == {topic(TerminalId("<terminal>"), channel) for channel in Channel}

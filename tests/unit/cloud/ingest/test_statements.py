"""What a group of messages costs does not grow with how many terminals are behind."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cloud.db import direct
from cloud.db.engine import Database
from cloud.ingest.opening import Message
from cloud.ingest.receive import receive_all
from tests.databases import on_both_databases
from tests.terminals import NOW_MS, Door, add_person, add_terminal

pytestmark = on_both_databases

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize("highest", [3, 9])
def test_many_terminals_take_as_many_statements_as_one(
    database: Database, monkeypatch: pytest.MonkeyPatch, highest: int
):
    asked: list[str] = []
    doors = [Door(f"t-{number}", bytes([number]) * 16) for number in range(8)]
    with database.write() as connection:
        add_person(connection, "p-1")
        for door in doors:
            add_terminal(connection, door.terminal_id)
    execute = direct._execute

    def counted(connection: Any, call: Any, text: str, values: Any) -> None:
        asked.append(text)
        execute(connection, call, text, values)

    def statements(seq: int, them: list[Door]) -> int:
        group = [Message.of(each.topic, each.payload(each.punch(seq), highest=highest)) for each in them]
        asked.clear()
        with database.write() as connection:
            receive_all(connection, group, NOW_MS, ZONE)
        return len(asked)

    for seq in (1, 2):
        for door in doors:
            statements(seq, [door])
    monkeypatch.setattr(direct, "_execute", counted)

    one, many = statements(3, doors[:1]), statements(3, doors[1:])

    assert 0 < many == one

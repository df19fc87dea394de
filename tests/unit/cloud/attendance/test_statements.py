"""What a late punch costs does not grow with the years that are stored."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.db import direct
from tests.unit.cloud.attendance.conftest import Office

BY_PERSON_AND_TIME = "ix_punches_person_id_at_ms (person_id=? AND at_ms>? AND at_ms<?)"
BY_CLOCK = "ix_punches_undated (received_ms>? AND received_ms<?)"
GROWING = ("punches", "attendance_days", "day_changes", "roster_entries", "office_records", "every")


def test_judging_a_punch_reads_no_table_that_grows(office: Office, monkeypatch: pytest.MonkeyPatch):
    office.at("2026-11-18 19:00")
    office.press("2026-11-18 08:55")
    office.judge()
    office.press("2026-11-18 18:03")
    asked: list[tuple[str, Any]] = []
    execute = direct._execute

    def noted(connection: Any, call: Any, text: str, values: Any) -> None:
        asked.append((text, values))
        execute(connection, call, text, values)

    monkeypatch.setattr(direct, "_execute", noted)
    assert office.worker.round()
    monkeypatch.undo()

    with office.database.read() as connection:
        plans = [
            str(row[3])
            for text, values in asked
            if text.lstrip().startswith("SELECT")
            for row in direct.rows(connection, f"EXPLAIN QUERY PLAN {text}", values)
        ]
    used = {plan.removeprefix("SEARCH punches USING INDEX ") for plan in plans if "punches" in plan}
    assert used == {BY_PERSON_AND_TIME, BY_CLOCK}
    assert not [plan for plan in plans if plan.startswith("SCAN") and plan.split()[1] in GROWING]

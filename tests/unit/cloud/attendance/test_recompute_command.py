"""``kaoqin-cloud recompute``: what it says, what it stores, and what it leaves marked."""

from __future__ import annotations

import multiprocessing
import threading
from datetime import date

import pytest
from sqlalchemy import delete, func, insert, select, update

from cloud.attendance import coverage
from cloud.attendance.codec import decode
from cloud.attendance.facts import AsOf
from cloud.commands import recompute as command
from cloud.commands.errors import ProcessLost
from cloud.commands.recompute import Asked, recompute
from cloud.db.tables import attendance_days, groups, people, stale_days
from models.attendance import DayState
from tests.unit.cloud.attendance.conftest import Office

MANY = 520
FEW = 20_000
FIRST, LAST = date(2026, 10, 1), date(2026, 11, 9)


def view(office: Office) -> AsOf:
    return AsOf(office.clock.now_ms, office.zone)


def kept(office: Office) -> dict[tuple[str, date], bytes]:
    table = attendance_days.c
    with office.database.read() as connection:
        return {
            (person, day): result
            for person, day, result in connection.execute(select(table.person_id, table.date, table.result))
        }


def waiting(office: Office) -> int:
    with office.database.read() as connection:
        return connection.execute(select(func.count()).select_from(stale_days)).scalar_one()


def test_a_dry_run_tells_day_by_day_what_would_change(office: Office, capsys: pytest.CaptureFixture[str]):
    office.at("2026-11-12 09:00")
    office.press("2026-11-11 08:55")
    office.press("2026-11-11 18:05")
    office.report()
    office.judge()
    before = kept(office)
    office.press("2026-11-11 18:45")
    with office.database.write() as connection:
        connection.execute(
            update(people).where(people.c.person_id == "p-2").values(hire_date=date(2026, 11, 12))
        )
    asked = Asked(date(2026, 11, 11), date(2026, 11, 11), dry_run=True)

    assert recompute(office.database, asked, view(office)) == 0

    *lines, last = capsys.readouterr().out.splitlines()
    assert last == "2 days judged, 2 would differ"
    assert [line.split(":")[0] for line in lines] == ["p-1 2026-11-11", "p-2 2026-11-11"]
    assert "out_at 2026-11-11T18:05:00+08:00 -> 2026-11-11T18:45:00+08:00" in lines[0]
    assert "duty due -> not_employed" in lines[1]
    assert kept(office) == before


@pytest.fixture
def crowd(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """So many people that several processes judge."""
    monkeypatch.setattr(command, "_DAYS_ALONE", FEW)
    office.at("2026-11-12 09:00")
    office.report()
    with office.database.write() as connection:
        row = connection.execute(select(people).where(people.c.person_id == "p-1")).one()._asdict()
        connection.execute(
            insert(people),
            [{**row, "person_id": f"q-{n}", "employee_no": f"q-{n}"} for n in range(MANY)],
        )
    return office


def test_a_process_that_is_killed_is_told_of_in_a_sentence_and_may_be_run_again(crowd: Office):
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.01):
            for child in multiprocessing.active_children():
                child.kill()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with pytest.raises(ProcessLost, match="run it again"):
        recompute(crowd.database, Asked(FIRST, LAST), view(crowd))
    over.set()
    killer.join()

    assert recompute(crowd.database, Asked(FIRST, LAST), view(crowd)) == 0
    assert len(kept(crowd)) == (MANY + 2) * 40


def test_several_processes_store_what_one_does(crowd: Office):
    office = crowd
    assert recompute(office.database, Asked(FIRST, LAST), view(office)) == 0
    by_several = kept(office)
    with office.database.write() as connection:
        connection.execute(delete(attendance_days))
    for first, last in ((FIRST, date(2026, 10, 20)), (date(2026, 10, 21), LAST)):
        recompute(office.database, Asked(first, last), view(office))

    assert len(by_several) == (MANY + 2) * 40
    assert kept(office) == by_several


def test_what_was_judged_is_covered_and_marks_nothing(office: Office):
    office.at("2026-11-12 09:00")

    assert recompute(office.database, Asked(FIRST, LAST), view(office)) == 0

    with office.database.read() as connection:
        assert coverage.span(connection) == (FIRST, LAST)
    assert waiting(office) == 0


def test_who_could_not_be_judged_and_who_changed_meanwhile_is_marked(office: Office):
    office.at("2026-11-12 09:00")
    with office.database.write() as connection:
        row = connection.execute(select(groups)).one()._asdict()
        connection.execute(
            insert(groups), {**row, "group_id": "broken", "is_default": False, "week": {"mon": "NONE"}}
        )
        first, second = (update(people).where(people.c.person_id == person) for person in ("p-1", "p-2"))
        connection.execute(first.values(group_id="broken"))
        connection.execute(second.values(updated_ms=office.clock.now_ms))

    assert recompute(office.database, Asked(FIRST, LAST), view(office)) == 1

    assert waiting(office) == 2 * 40


def test_days_between_what_is_covered_and_what_was_judged_are_marked(office: Office):
    office.at("2026-11-12 09:00")
    recompute(office.database, Asked(date(2026, 11, 5), LAST), view(office))

    recompute(office.database, Asked(FIRST, date(2026, 10, 3)), view(office))

    with office.database.read() as connection:
        assert coverage.span(connection) == (FIRST, LAST)
        marked = (
            connection.execute(select(stale_days.c.date).distinct().order_by(stale_days.c.date))
            .scalars()
            .all()
        )
    assert (marked[0], marked[-1], len(marked)) == (date(2026, 10, 4), date(2026, 11, 4), 32)


def test_a_day_stored_by_an_older_release_is_read():
    old = b'{"date":"2026-11-11","state":"final","duty":"off","day_type":"rest","rule_version":"v1"}'

    assert decode(old).state is DayState.FINAL


def test_days_without_a_result_are_told_apart_from_those_that_differ(
    office: Office, capsys: pytest.CaptureFixture[str]
):
    office.at("2026-11-12 09:00")
    office.press("2026-11-11 08:55")
    office.report()
    office.judge()
    days = (date(2026, 11, 10), date(2026, 11, 11))

    recompute(office.database, Asked(*days, dry_run=True), view(office))
    recompute(office.database, Asked(*days), view(office))
    recompute(office.database, Asked(*days), view(office))

    assert capsys.readouterr().out.splitlines() == [
        "4 days judged, 0 would differ, 2 for the first time",
        "4 days judged, 0 changed, 2 for the first time",
        "4 days judged, 0 changed",
    ]


def test_days_of_which_no_punch_can_be_are_refused(office: Office, capsys: pytest.CaptureFixture[str]):
    office.at("2026-11-12 09:00")

    assert recompute(office.database, Asked(date(1, 1, 1), LAST), view(office)) == 2
    assert "no punch can be older than 1970-01-01" in capsys.readouterr().err
    assert kept(office) == {}

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select, update

from cloud.attendance import recompute, stale
from cloud.attendance.catchup import catch_up
from cloud.attendance.codec import decode
from cloud.attendance.facts import AsOf
from cloud.attendance.recompute import JudgedDay, changed_days, judge_days, store_days
from cloud.db.tables import (
    attendance_days,
    day_changes,
    groups,
    people,
    policies,
    roster_entries,
    shifts,
    stale_days,
    terminals,
)
from cloud.feed import DayJudged, Feed, PunchStored
from cloud.reports.dates import Month
from cloud.rules.facts import WEEKDAYS
from models.attendance import DayState, Duty, FindingCode
from models.ids import PersonId, TerminalId
from tests.databases import on_both_databases
from tests.terminals import add_terminal
from tests.unit.cloud.attendance.conftest import Office

pytestmark = on_both_databases


def waiting(office: Office) -> int:
    with office.database.read() as connection:
        return connection.execute(select(func.count()).select_from(stale_days)).scalar_one()


def test_a_punch_is_judged(office: Office):
    office.at("2026-11-18 09:07")
    office.press("2026-11-18 09:06:30")
    office.judge()

    today = office.days()["2026-11-18"]
    assert (today.state, today.findings, today.late_min) == (DayState.IN_PROGRESS, (FindingCode.LATE,), 6)


def test_dates_to_come_wait_for_their_day(office: Office):
    office.at("2026-11-18 09:00")
    office.press("2026-11-18 08:55")
    office.judge()

    assert "2026-11-19" not in office.days()
    assert waiting(office) == 1
    office.at("2026-11-19 00:01")
    office.judge()
    assert office.days()["2026-11-19"].state is DayState.IN_PROGRESS


def test_who_never_punched_is_judged_too_from_the_day_of_the_first_punch(office: Office):
    office.at("2026-11-19 10:00")
    office.press("2026-11-17 08:55")
    office.judge()

    assert sorted(office.days("p-2")) == ["2026-11-17", "2026-11-18", "2026-11-19"]


def test_before_the_first_punch_nobody_was_absent(office: Office):
    office.at("2026-11-18 12:00")
    office.judge()

    assert office.days() == {}


def test_nobody_is_absent_until_the_door_has_told_everything(office: Office):
    office.at("2026-11-18 19:00")
    office.press("2026-11-18 08:55")
    office.at("2026-11-19 01:00")
    office.judge()
    assert office.days()["2026-11-18"].state is DayState.PENDING_DATA
    assert office.days("p-2")["2026-11-18"].findings == ()

    office.report()
    office.at("2026-11-19 01:01")
    office.judge()

    assert office.days()["2026-11-18"].state is DayState.FINAL
    assert office.days()["2026-11-18"].findings == (FindingCode.MISSING_OUT,)
    assert office.days("p-2")["2026-11-18"].findings == (FindingCode.ABSENT,)


def test_a_terminal_that_was_revoked_is_not_waited_for(office: Office):
    office.at("2026-11-18 19:00")
    office.press("2026-11-18 08:55")
    with office.database.write() as connection:
        add_terminal(connection, "t-silent")
    office.at("2026-11-19 01:00")
    office.report()
    office.judge()
    assert office.days("p-2")["2026-11-18"].state is DayState.PENDING_DATA

    with office.database.write() as connection:
        connection.execute(
            update(terminals).where(terminals.c.terminal_id == "t-silent").values(revoked_ms=1)
        )
    office.at("2026-11-19 01:01")
    office.judge()

    assert office.days("p-2")["2026-11-18"].state is DayState.FINAL


def test_a_terminal_claimed_today_does_not_open_yesterday(office: Office):
    office.at("2026-11-18 19:00")
    office.press("2026-11-18 08:55")
    office.at("2026-11-19 01:00")
    office.report()
    with office.database.write() as connection:
        add_terminal(connection, "t-new")
        connection.execute(
            update(terminals).where(terminals.c.terminal_id == "t-new").values(claimed_ms=office.clock.now_ms)
        )
    office.judge()

    assert office.days("p-2")["2026-11-18"].state is DayState.FINAL


def test_a_late_punch_changes_the_day_and_leaves_a_trace(office: Office):
    office.at("2026-11-18 19:00")
    office.press("2026-11-18 08:55")
    office.at("2026-11-19 01:00")
    office.report()
    office.judge()

    office.press("2026-11-18 18:03")
    office.judge()

    assert office.days()["2026-11-18"].findings == ()
    with office.database.read() as connection:
        [change] = connection.execute(select(day_changes)).all()
    assert (change.person_id, change.cause) == ("p-1", "punch")
    assert change.difference["findings"] == [["missing_out"], []]
    assert change.difference["out_at"] == [None, "2026-11-18T18:03:00+08:00"]


def test_what_is_unchanged_is_not_written(office: Office):
    office.at("2026-11-18 19:00")
    office.press("2026-11-18 08:55")
    office.judge()
    with office.database.write() as connection:
        stale.mark(connection, [(PersonId("p-1"), office.days()["2026-11-18"].date)], "test", 0)
    office.clock.pass_ms(1_000)
    office.judge()

    with office.database.read() as connection:
        judged = connection.execute(select(func.max(attendance_days.c.judged_ms))).scalar_one()
    assert judged == office.clock.now_ms - 1_000
    assert waiting(office) == 1


def test_a_fact_that_comes_while_a_day_is_judged_is_not_missed(office: Office):
    office.at("2026-11-18 09:00")
    office.press("2026-11-18 08:55")
    office.worker.tick()
    with office.database.read() as connection:
        taken = office.worker._take(connection, office.worker._view())
    office.press("2026-11-18 08:56", "p-1")

    with office.database.write() as connection:
        stale.forget(connection, taken)

    with office.database.read() as connection:
        left = set(connection.execute(select(stale_days.c.person_id)).scalars())
    assert left == {"p-1"}


def test_a_punch_that_a_host_with_a_fast_clock_has_taken_is_not_missed(office: Office):
    office.at("2026-11-19 01:00")
    office.press("2026-11-18 08:55")
    office.report()
    office.clock.now_ms += 200
    office.press("2026-11-18 18:03")
    office.clock.now_ms -= 200
    office.judge()

    office.clock.pass_ms(200)
    office.judge()

    assert office.days()["2026-11-18"].out_at is not None


def test_a_punch_after_our_clock_was_put_back_is_not_missed(office: Office):
    office.at("2026-11-19 01:00")
    office.press("2026-11-18 08:55")
    office.report()
    office.judge()
    office.clock.now_ms -= 5_000
    office.press("2026-11-18 18:03")
    office.judge()

    office.clock.pass_ms(5_000)
    office.judge()

    assert office.days()["2026-11-18"].out_at is not None


def test_what_comes_while_a_month_is_caught_up_stays_marked(office: Office):
    office.at("2026-11-19 01:00")
    office.press("2026-11-18 08:55")
    office.report()
    begun = AsOf(office.clock.now_ms, office.zone)
    office.clock.pass_ms(10)
    office.press("2026-11-18 18:03")

    catch_up(office.database, Month(2026, 11), begun, {})
    office.judge()

    assert office.days()["2026-11-18"].out_at is not None


def test_a_result_of_older_facts_never_overwrites_a_newer_one(office: Office):
    office.at("2026-11-18 09:00")
    old = AsOf(office.clock.now_ms, office.zone)
    with office.database.read() as connection:
        before = judge_days(connection, {PersonId("p-1"): [old.today]}, old, {})
    office.at("2026-11-18 09:30")
    office.press("2026-11-18 09:20")
    office.judge()

    with office.database.write() as connection:
        store_days(connection, before.days, {}, old)

    assert office.days()["2026-11-18"].late_min == 20


@pytest.mark.parametrize("compared", ["before", "after"])
def test_what_newer_facts_have_overtaken_is_no_change(office: Office, compared: str):
    office.at("2026-11-18 19:00")
    office.press("2026-11-18 08:55")
    office.press("2026-11-18 18:03")
    office.at("2026-11-19 01:00")
    office.report()
    office.judge()
    who, day = PersonId("p-1"), date(2026, 11, 18)

    # Somebody judges by other rules, slowly; meanwhile a late punch is judged.
    with office.database.write() as connection:
        connection.execute(update(policies).values(parameters={"early_grace_min": 10}, version="v2"))
    old = AsOf(office.clock.now_ms, office.zone)
    with office.database.read() as connection:
        slow = judge_days(connection, {who: [day]}, old, {}).days
        changed = changed_days(connection, slow)
    office.clock.pass_ms(5_000)
    office.press("2026-11-18 08:40")
    office.judge()
    if compared == "after":
        with office.database.read() as connection:
            changed = changed_days(connection, slow)
        assert changed == []

    with office.database.write() as connection:
        assert store_days(connection, [one for one, _ in changed], {}, old) == []

    with office.database.read() as connection:
        causes = connection.execute(
            select(day_changes.c.cause).where(day_changes.c.person_id == who, day_changes.c.date == day)
        ).scalars()
        assert list(causes) == ["punch"]


def test_judging_bit_by_bit_equals_judging_at_once(office: Office):
    presses = [f"2026-11-{day:02d} {time}" for day in range(9, 17) for time in ("08:58", "12:31", "18:02")]
    for n, text in enumerate(presses):
        office.at(text)
        office.press(text, "p-1" if n % 5 else "p-2")
        office.judge()
    office.at("2026-11-17 12:00")
    office.report()
    office.judge()
    bit_by_bit = {person: office.days(person) for person in ("p-1", "p-2")}

    with office.database.write() as connection:
        connection.execute(attendance_days.delete())
    view = AsOf(office.clock.now_ms, office.zone)
    asked = {PersonId(person): [day.date for day in days.values()] for person, days in bit_by_bit.items()}
    with office.database.write() as connection:
        judgement = judge_days(connection, asked, view, {})
        store_days(connection, judgement.days, {}, view)

    assert {person: office.days(person) for person in ("p-1", "p-2")} == bit_by_bit
    assert not judgement.unjudgeable


def test_free_lates_reach_to_the_end_of_the_month(office: Office):
    with office.database.write() as connection:
        connection.execute(update(policies).values(parameters={"free_lates": 1}))
    office.at("2026-11-12 20:00")
    for day in (10, 11, 12):
        office.press(f"2026-11-{day} 09:{day}")
    office.judge()
    assert [office.days()[f"2026-11-{day}"].late_min for day in (10, 11, 12)] == [0, 11, 12]

    office.press("2026-11-10 08:50")
    office.judge()

    assert [office.days()[f"2026-11-{day}"].late_min for day in (10, 11, 12)] == [0, 0, 12]


def test_rules_that_cannot_be_used_stop_nobody_else(office: Office):
    with office.database.write() as connection:
        connection.execute(shifts.insert().values(name="BAD", definition={"segments": ["10:00-09:00"]}))
    office.at("2026-11-18 09:00")
    office.press("2026-11-18 08:55")
    office.judge()
    assert office.days() == {}
    assert waiting(office) > 0

    with office.database.write() as connection:
        connection.execute(shifts.delete().where(shifts.c.name == "BAD"))
    office.clock.pass_ms(31_000)
    office.judge()

    assert office.days()["2026-11-18"].duty is Duty.DUE


def test_a_person_without_usable_group_stops_nobody_else(office: Office):
    with office.database.write() as connection:
        connection.execute(groups.insert().values(group_id="odd", name="odd", week={"mon": "NOWHERE"}))
        connection.execute(update(people).where(people.c.person_id == "p-2").values(group_id="odd"))
    office.at("2026-11-18 09:00")
    office.press("2026-11-18 08:55")
    office.judge()

    assert "2026-11-18" in office.days("p-1")
    assert office.days("p-2") == {}


def test_a_punch_wakes_the_worker(office: Office):
    office.at("2026-11-18 18:30")
    feed = Feed()
    assert not feed.punched.is_set()

    feed.publish(DayJudged(PersonId("p-1"), date(2026, 11, 18)))
    assert not feed.punched.is_set()

    feed.publish(PunchStored(TerminalId("t-1"), PersonId("p-1"), office.clock.now_ms, 1))
    assert feed.punched.is_set()


def asked_about(office: Office) -> int:
    """Of how many kinds of days the worker has asked the rules something."""
    groups = office.worker._rules._book.groups.values()
    return sum(len(group.shapes._shapes) for group in groups)


def test_what_common_days_ask_is_asked_before_a_punch_waits_for_it(office: Office):
    office.at("2026-11-18 19:00")
    office.press("2026-11-18 08:55")
    marked = waiting(office)

    office.feed.punched.set()
    office.worker.warm()
    assert asked_about(office) == 0

    office.feed.punched.clear()
    office.worker.warm()
    assert asked_about(office) > 0
    assert (office.days(), waiting(office)) == ({}, marked)


def let_the_thread_judge(office: Office) -> None:
    """Somebody punches on the 18th, and the worker's own thread has its time."""
    office.at("2026-11-18 19:00")
    office.press("2026-11-18 08:55")
    office.worker.start()
    for _ in range(400):
        if "2026-11-18" in office.days():
            break
        threading.Event().wait(0.01)
    office.worker.stop()


def test_a_warming_that_fails_keeps_nobody_waiting(office: Office, monkeypatch: pytest.MonkeyPatch):
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(office.worker, "warm", fail)
    let_the_thread_judge(office)
    assert "2026-11-18" in office.days()


@pytest.mark.parametrize("day", [12, 14, 16])
def test_hours_rostered_further_off_are_not_those_of_the_week(office: Office, day: int):
    early = {"person_id": "p-1", "known_ms": 0, "shifts": ["EARLY"]}
    with office.database.write() as connection:
        connection.execute(shifts.insert().values(name="EARLY", definition={"segments": ["05:00-13:00"]}))
        connection.execute(update(groups).values(week=dict.fromkeys(WEEKDAYS, "NIGHT")))
        connection.execute(
            roster_entries.insert(), [early | {"date": date(2026, 11, n)} for n in range(1, 29)]
        )
    office.at("2026-11-27 12:00")
    asked = {PersonId("p-1"): [date(2026, 11, day)]}

    with office.database.read() as connection:
        judged = judge_days(connection, asked, AsOf(office.clock.now_ms, office.zone), {})

    assert judged.unjudgeable == {}
    assert [decode(one.encoded).shift for one in judged.days] == [("EARLY",)]


def test_somebody_whose_facts_break_us_stops_nobody_else(office: Office, monkeypatch: pytest.MonkeyPatch):
    judge_one = recompute._judge

    def brittle(person: PersonId, *others: Any) -> list[JudgedDay]:
        if person == "p-2":
            raise ZeroDivisionError
        return judge_one(person, *others)

    monkeypatch.setattr(recompute, "_judge", brittle)
    office.at("2026-11-18 09:00")
    office.press("2026-11-18 08:55")
    office.judge()

    assert "2026-11-18" in office.days("p-1")
    assert office.days("p-2") == {}
    monkeypatch.undo()
    office.clock.pass_ms(31_000)
    office.judge()
    assert "2026-11-18" in office.days("p-2")


def test_a_round_that_breaks_us_does_not_end_the_thread(office: Office, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cloud.attendance.worker._RECOVER_S", 0.01)
    rounds = office.worker.round
    broken = threading.Event()

    def brittle() -> bool:
        if not broken.is_set():
            broken.set()
            raise ZeroDivisionError
        return rounds()

    monkeypatch.setattr(office.worker, "round", brittle)
    let_the_thread_judge(office)
    assert broken.is_set()
    assert "2026-11-18" in office.days()
    assert office.worker.failing is None

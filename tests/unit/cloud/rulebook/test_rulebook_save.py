from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from cloud.attendance.rulesets import read_tables
from cloud.db.tables import audit, people, roster_entries, stale_days
from cloud.rulebook.check import check_rules
from cloud.rulebook.draft import (
    BadDraft,
    Change,
    DropGroup,
    DropShift,
    DropVersion,
    MovePeople,
    SetDay,
    SetGroup,
    SetRoster,
    SetShift,
    SetVersion,
    SetYear,
    changes_of,
    changes_text,
)
from cloud.rulebook.rosters import read_rosters
from cloud.rulebook.save import Overtaken, Refused, Saved, fingerprint
from tests.e2e.pages_seed import person_id
from tests.unit.cloud.rulebook.conftest import LAB, Firm

WHO = person_id("1003")
EVERY: list[Change] = [
    SetShift("EVE", {"segments": ["14:00-22:00"], "before_min": 60}),
    SetGroup("shop", "门店", {"mon": "EVE"}),
    SetVersion("shop", date(2026, 11, 1), "s2", {"late_grace_min": 3}),
    SetVersion(LAB, None, "lab1b", {"late_grace_min": 6}),
    SetDay(date(2026, 11, 11), "half", half="pm", name="半天", source="hr"),
    SetDay(date(2026, 10, 1), None),
    SetYear(2027, provisional=False, source="hr"),
    MovePeople([WHO], "shop"),
    SetRoster([WHO], date(2026, 11, 12), date(2026, 11, 13), ["EVE"]),
]


def told(done: object) -> set[str]:
    assert isinstance(done, Refused), done
    return {one.fault.code for one in done.told if one.refuses}


def test_what_is_saved_is_what_was_drafted(firm: Firm):
    wanted = firm.draft(*EVERY)

    assert isinstance(firm.save(*EVERY), Saved)

    assert firm.tables() == wanted.after
    with firm.database.read() as connection:
        group = connection.execute(select(people.c.group_id).where(people.c.person_id == WHO)).scalar_one()
        roster = read_rosters(connection, [WHO], date(2026, 11, 12), date(2026, 11, 13))
    assert group == "shop"
    assert roster == {WHO: {date(2026, 11, 12): ("EVE",), date(2026, 11, 13): ("EVE",)}}


def test_exactly_the_touched_days_are_marked(firm: Firm):
    days = firm.trial(*EVERY).days

    done = firm.save(*EVERY)

    assert isinstance(done, Saved)
    assert firm.stale() == {person: set(dates) for person, dates in days.items()}
    assert done.days_n == sum(map(len, days.values()))


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (SetVersion("default", None, "v2", {}), "policy"),
        (SetShift("DAY", {"segments": ["08:00-17:00"]}), "shift"),
        (SetDay(date(2026, 11, 11), "rest"), "calendar"),
        (SetRoster([WHO], date(2026, 11, 12), date(2026, 11, 12), []), "roster"),
        (MovePeople([WHO], LAB), "group"),
        (SetGroup("default", "办公室", {"mon": "DAY"}), "group"),
    ],
)
def test_the_history_of_a_day_will_say_why(firm: Firm, change: Change, cause: str):
    firm.save(change)

    with firm.database.read() as connection:
        assert set(connection.execute(select(stale_days.c.cause)).scalars()) == {cause}


def test_a_roster_changed_twice_keeps_both_facts(firm: Firm):
    day = date(2026, 11, 12)
    for shifts in (["NIGHT"], ["NIGHT"], [], ["DAY"]):
        firm.save(SetRoster([WHO], day, day, shifts))

    with firm.database.read() as connection:
        rows = connection.execute(
            select(roster_entries.c.shifts, roster_entries.c.known_ms)
            .where(roster_entries.c.person_id == WHO, roster_entries.c.date == day)
            .order_by(roster_entries.c.known_ms)
        ).all()
    assert [names for names, _ in rows] == [["NIGHT"], [], ["DAY"]]
    assert len({known for _, known in rows}) == 3


def test_every_change_is_in_the_audit_with_what_was_before(firm: Firm):
    firm.save(*EVERY)

    with firm.database.read() as connection:
        rows = connection.execute(select(audit.c.actor, audit.c.action, audit.c.target, audit.c.detail)).all()
    lines = {action: (target, detail) for actor, action, target, detail in rows if actor == "hr"}
    assert [actor for actor, *_ in rows if actor == "hr"] == ["hr"] * 8
    assert lines["set_version"][1]["before"]["parameters"] == {"late_grace_min": 5}
    assert lines["set_days"][0] == "2026-10-01..2026-11-11"
    assert lines["set_days"][1][1]["before"]["kind"] == "statutory"
    assert lines["set_roster"] == ("2026-11-12..2026-11-13", lines["set_roster"][1])
    assert lines["move_people"][0] == "shop"
    assert lines["move_people"][1]["before"] == {WHO: "default"}


def test_a_draft_made_for_other_rules_is_not_saved(firm: Firm):
    seen = fingerprint(firm.tables())
    firm.save(SetDay(date(2027, 1, 4), "rest"))

    assert firm.save(SetShift("EVE", {"segments": ["14:00-22:00"]}), seen=seen) == Overtaken()
    assert "EVE" not in firm.tables().shifts
    assert isinstance(
        firm.save(SetYear(2027, provisional=True, source="x"), seen=fingerprint(firm.tables())), Saved
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([SetShift("DAY", {"segments": ["12:00-09:00"]})], "segment_empty"),
        ([SetShift("DAY", {"colour": "blue"})], "bad_value"),
        ([SetShift("A+B", {"segments": ["09:00-12:00"]})], "bad_name"),
        ([SetShift("", {"segments": ["09:00-12:00"]})], "bad_name"),
        ([SetShift("off", {"segments": ["09:00-12:00"]})], "bad_name"),
        ([SetGroup("x", " ", {})], "bad_name"),
        ([SetShift("LONG", {"segments": ["00:00-20:00"]})], "window_too_long"),
        ([DropShift("DAY")], "unknown_shift"),
        ([SetVersion("default", None, "v2", {"late_grace_min": -1})], "bad_parameter"),
        ([SetVersion("default", None, "v2", {"late_grace_min": 9, "absent_over_min": 5})], "tiers_fall"),
        ([DropVersion(LAB, None)], "no_policy"),
        ([DropGroup(LAB)], "group_in_use"),
        ([MovePeople([WHO], "nowhere")], "group_in_use"),
        ([SetDay(date(2026, 12, 1), "holiday")], "bad_value"),
        ([SetRoster([WHO], date(2026, 11, 12), date(2026, 11, 12), ["NOPE"])], "unknown_shift"),
        ([SetRoster([WHO], date(2026, 11, 12), date(2026, 11, 12), ["DAY", "DAY"])], "overlapping_shifts"),
        ([SetShift("DAWN", {"segments": ["05:00-08:00"]}),
          SetRoster([WHO], date(2026, 11, 12), date(2026, 11, 12), ["NIGHT"]),
          SetRoster([WHO], date(2026, 11, 13), date(2026, 11, 13), ["DAWN"])], "overlapping_shifts"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused_and_changes_nothing(firm: Firm, changes: list[Change], code: str):
    before = firm.tables()

    assert code in told(firm.save(*changes))

    assert firm.tables() == before
    assert firm.stale() == {}


def test_what_was_wrong_before_refuses_nothing(firm: Firm):
    from cloud.db.tables import shifts

    with firm.database.write() as connection:
        connection.execute(shifts.insert().values(name="OLD", definition={"segments": ["12:00-09:00"]}))

    assert isinstance(firm.save(SetDay(date(2027, 1, 4), "rest")), Saved)


def test_a_group_whose_people_left_can_go(firm: Firm):
    assert isinstance(firm.save(MovePeople([person_id("1001")], None), DropGroup(LAB)), Saved)
    assert LAB not in firm.tables().groups


def test_there_is_one_default_group(firm: Firm):
    firm.save(SetGroup(LAB, "实验室", {"mon": "DAY"}, is_default=True))

    tables = firm.tables()
    assert tables.default == LAB
    assert [group.is_default for group in tables.groups.values()].count(True) == 1
    # A default group stays one until another is made so.
    firm.save(SetGroup(LAB, "实验室", {"mon": "DAY"}, is_default=False))
    assert firm.tables().default == LAB


def test_the_rules_as_they_stand_are_looked_at(firm: Firm):
    with firm.database.read() as connection:
        found = check_rules(connection, read_tables(connection), firm.view, {})

    assert {one.fault.code: dict(one.fault.args) for one in found}["people_without_group"] == {"n": 2}
    assert not any(one.refuses for one in found)


def test_changes_survive_a_form():
    assert changes_of(changes_text(EVERY)) == EVERY


@pytest.mark.parametrize(
    "text", ["", "[", "{}", '[{"type": "drop_table"}]', '[{"type": "set_year", "year": "x"}]']
)
def test_what_is_no_change_is_refused(text: str):
    with pytest.raises(BadDraft):
        changes_of(text)

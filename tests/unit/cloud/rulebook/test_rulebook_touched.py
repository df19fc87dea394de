from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from cloud.attendance.whatif import Otherwise, what_if
from cloud.db.tables import attendance_days, coverage, people
from cloud.rulebook.draft import (
    Change,
    DropVersion,
    MovePeople,
    SetDay,
    SetGroup,
    SetRoster,
    SetShift,
    SetVersion,
    SetYear,
)
from models.ids import PersonId
from tests.e2e.pages_seed import NOW, add_department, add_person, add_punches, person_id
from tests.unit.cloud.rulebook.conftest import LAB, Firm

DAY = timedelta(days=1)
TODAY = NOW.date()
WEEK: dict[str, object] = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "DAY")


def dates(first: date, last: date) -> set[date]:
    return {first + DAY * n for n in range((last - first).days + 1)}


def test_a_policy_touches_its_group_from_the_day_before_it_begins(firm: Firm):
    trial = firm.trial(SetVersion(LAB, date(2026, 11, 2), "lab2", {"late_grace_min": 8}))

    assert {person: set(days) for person, days in trial.days.items()} == {
        person_id("1001"): dates(date(2026, 11, 1), TODAY)
    }


def test_a_policy_between_two_others_touches_only_its_own_dates(firm: Firm):
    firm.save(SetVersion(LAB, date(2026, 11, 9), "lab3", {}))

    trial = firm.trial(SetVersion(LAB, date(2026, 11, 2), "lab2", {"late_grace_min": 8}))

    assert set(trial.days[person_id("1001")]) == dates(date(2026, 11, 1), date(2026, 11, 9))
    assert len(trial.days) == 1


def test_the_default_group_is_also_of_people_in_none(firm: Firm):
    trial = firm.trial(SetVersion("default", None, "v9", {"late_grace_min": 1}))

    assert person_id("1001") not in trial.days
    assert {person_id("1002"), person_id("1004"), person_id("1003")} <= set(trial.days)
    assert len(trial.days) == 11


def test_a_date_of_the_calendar_touches_everybody_employed_for_three_dates(firm: Firm):
    add_department(firm.database, "新")
    joined = add_person(firm.database, "9001", "新人", "新", hire=date(2026, 11, 11))

    trial = firm.trial(SetDay(date(2026, 11, 10), "rest"))

    three = dates(date(2026, 11, 9), date(2026, 11, 11))
    assert len(trial.days) == 13
    assert trial.days[joined] == (date(2026, 11, 11),)
    assert {tuple(days) for person, days in trial.days.items() if person != joined} == {tuple(sorted(three))}


def test_a_week_that_has_the_makeup_day_as_its_own_touches_it(firm: Firm):
    saturday = date(2026, 11, 14)
    firm.save(SetDay(saturday, "makeup"), SetGroup(LAB, "实验室", WEEK))

    trial = firm.trial(SetGroup(LAB, "实验室", WEEK | {"sat": "DAY"}))

    # Due as before, but no longer because of the calendar.
    assert saturday in trial.days[person_id("1001")]


def test_a_first_week_makes_days_of_rest_of_the_others(firm: Firm):
    firm.save(SetGroup(LAB, "实验室", {}))

    trial = firm.trial(SetGroup(LAB, "实验室", {"sat": "DAY"}))

    assert date(2026, 11, 11) in trial.days[person_id("1001")]


def test_a_result_of_a_date_outside_the_contract_is_touched_too(firm: Firm):
    left, who = date(2026, 11, 4), person_id("1003")
    with firm.database.write() as connection:
        connection.execute(update(people).where(people.c.person_id == who).values(last_day=left))
        table = attendance_days.c
        connection.execute(
            attendance_days.delete().where(table.person_id == who, table.date == left + DAY * 6)
        )

    trial = firm.trial(SetDay(left + DAY * 7, "rest"))

    assert trial.days[who] == (left + DAY * 7, left + DAY * 8)
    assert len(trial.days[person_id("1005")]) == 3


def test_what_changes_beside_the_judged_dates_touches_the_outermost(firm: Firm):
    first, last = firm.span

    assert set(firm.trial(SetDay(first - DAY, "rest")).days.values()) == {(first,)}
    assert set(firm.trial(SetDay(last + DAY, "rest")).days.values()) == {(last,)}
    assert firm.trial(SetDay(first - DAY * 2, "rest"), SetDay(last + DAY * 2, "rest")).days == {}


def test_a_date_of_the_calendar_touches_who_has_a_roster_too(firm: Firm):
    who = person_id("1003")
    firm.save(SetRoster([who], date(2026, 11, 10), date(2026, 11, 10), ["DAY"]))

    assert date(2026, 11, 10) in firm.trial(SetDay(date(2026, 11, 10), "statutory")).days[who]


def test_where_lates_are_counted_by_month_later_days_differ_too(firm: Firm):
    firm.save(SetVersion("default", None, "v2", {"free_lates": 1}))
    add_department(firm.database, "新")
    who = add_person(firm.database, "9001", "新人", "新", hire=date(2026, 11, 2))
    add_punches(firm.database, who, "2026-11-03 09:20", "2026-11-03 18:01")
    add_punches(firm.database, who, "2026-11-05 09:20", "2026-11-05 18:01")
    trial = firm.trial(SetRoster([who], date(2026, 11, 3), date(2026, 11, 3), []))

    with firm.database.read() as connection:
        found = trial.judge(connection, (date(2026, 11, 1), date(2026, 11, 30)), firm.view).found

    assert date(2026, 11, 5) not in trial.days[who]
    assert {one.before.date: one.fields.get("late_min") for one in found.differing} == {
        date(2026, 11, 3): None,
        date(2026, 11, 5): (20, 0),
    }


def test_a_roster_entry_touches_one_person_for_three_dates(firm: Firm):
    who = person_id("1003")

    trial = firm.trial(SetRoster([who], date(2026, 11, 10), date(2026, 11, 10), ["NIGHT"]))

    assert trial.days == {who: tuple(sorted(dates(date(2026, 11, 9), date(2026, 11, 11))))}


def test_a_roster_entry_that_says_what_is_so_touches_nothing(firm: Firm):
    change = SetRoster([person_id("1003")], date(2026, 11, 10), date(2026, 11, 10), ["NIGHT"])
    firm.save(change)

    assert firm.trial(change).days == {}


def test_hours_of_a_shift_touch_whoever_works_it(firm: Firm):
    who = person_id("1003")
    firm.save(SetRoster([who], date(2026, 11, 10), date(2026, 11, 10), ["NIGHT"]))
    before = firm.trial(SetShift("NIGHT", {"segments": ["22:00-26:00", "26:30-30:00"]}))

    assert set(before.days[who]) == dates(date(2026, 11, 9), date(2026, 11, 11))
    assert person_id("1001") not in before.days


def test_the_week_does_not_touch_who_has_a_roster_that_date(firm: Firm):
    who = person_id("1001")
    firm.save(SetRoster([who], date(2026, 11, 14), date(2026, 11, 14), []))

    trial = firm.trial(SetGroup(LAB, "实验室", WEEK | {"sat": "DAY"}))

    saturday = date(2026, 11, 14)
    assert date(2026, 11, 7) in trial.days[who]
    assert not dates(saturday - DAY, saturday + DAY) & set(trial.days[who])


def test_moving_to_another_group_touches_the_days_whose_reasons_name_it(firm: Firm):
    same = firm.tables().groups["default"]
    version = same.versions[0]
    firm.save(
        SetGroup("twin", "双胞胎", dict(same.week)),
        SetVersion("twin", None, version.version, dict(version.parameters)),
    )

    # The twin judges alike, but "late 6 min: ... (group v3)" says by whose rules.
    for group in ("twin", LAB):
        assert set(firm.trial(MovePeople([person_id("1003")], group)).days) == {person_id("1003")}
    assert firm.trial(MovePeople([person_id("1003")], "default")).days == {}


@pytest.mark.parametrize(
    "change",
    [
        SetGroup(LAB, "另一个名字", dict(WEEK)),
        SetYear(2027, provisional=False, source="notice"),
        SetDay(date(2027, 5, 4), "rest"),
        SetShift("SPARE", {"segments": ["09:00-10:00"]}),
        SetVersion(LAB, TODAY + DAY * 10, "later", {}),
    ],
)
def test_what_judges_no_day_otherwise_touches_none(firm: Firm, change: Change):
    assert firm.trial(change).days == {}


def test_nothing_is_touched_before_the_first_day(firm: Firm):
    with firm.database.write() as connection:
        connection.execute(coverage.delete())

    assert firm.trial(SetVersion("default", None, "v9", {"late_grace_min": 1})).days == {}


CHANGES: list[list[Change]] = [
    [SetVersion("default", date(2026, 11, 3), "v2", {"late_grace_min": 0, "serious_late_over_min": 10})],
    [SetVersion("default", None, "v2", {"day_start": "06:00", "before_min": 60, "after_min": 90})],
    [SetShift("DAY", {"segments": ["08:30-12:00", "13:00-17:30"]})],
    [
        SetShift("NIGHT", {"segments": ["21:00-26:00", "27:00-29:00"]}),
        SetRoster([person_id("1005")], date(2026, 11, 4), date(2026, 11, 6), ["NIGHT"]),
    ],
    [SetDay(date(2026, 11, 11), "statutory"), SetDay(date(2026, 11, 14), "makeup")],
    [SetGroup("default", "办公室", WEEK | {"fri": "off", "sat": "DAY"})],
    [SetRoster([person_id("1003"), person_id("1005")], date(2026, 11, 4), date(2026, 11, 6), ["NIGHT"])],
    [
        SetVersion(LAB, None, "lab1", {"late_grace_min": 0}),
        MovePeople([person_id(str(number)) for number in range(1002, 1013)], LAB),
    ],
    [SetVersion(LAB, None, "lab1", {"late_off_late_on": [{"off_min": 10, "on_min": 60}]})],
    [SetVersion("default", date(2026, 10, 20), "v2", {}), DropVersion("default", None)],
]


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: str(type(changes[0]).__name__))
def test_no_day_outside_the_touched_ones_would_differ(firm: Firm, changes: list[Change]):
    trial = firm.trial(*changes)
    first, last = firm.span
    with firm.database.read() as connection:
        everybody = [PersonId(one) for one in connection.execute(select(people.c.person_id)).scalars()]
        found = what_if(
            connection,
            dict.fromkeys(everybody, sorted(dates(first, last))),
            firm.view,
            trial.books.now,
            Otherwise(trial.books.then, trial.draft.roster, trial.draft.groups),
        )

    assert found.unjudgeable == {}
    assert found.differing
    outside = [
        (one.person_id, one.before.date)
        for one in found.differing
        if one.before.date not in trial.days.get(one.person_id, ())
    ]
    assert outside == []

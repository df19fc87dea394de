"""What a new database begins with, so that the first punch can be judged; HR changes all of it."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, insert, select

from cloud.attendance.rulesets import SINCE_EVER
from cloud.db.tables import groups, leave_types, policies, shifts
from cloud.office.calendar import seed_year

DEFAULT_GROUP = "default"
DEFAULT_SHIFT = "DAY"
_SHIFTS = {DEFAULT_SHIFT: ["09:00-12:00", "13:00-18:00"], "NIGHT": ["22:00-26:00", "27:00-30:00"]}

_LEAVE_TYPES = (
    ("annual", "年假", "Annual leave", "年", "workday"),
    ("personal", "事假", "Personal leave", "事", "workday"),
    ("sick", "病假", "Sick leave", "病", "workday"),
    ("compensatory", "调休", "Compensatory leave", "调", "workday"),
    ("marriage", "婚假", "Marriage leave", "婚", "workday"),
    ("maternity", "产假", "Maternity leave", "产", "natural"),
    ("paternity", "陪产假", "Paternity leave", "陪", "natural"),
    ("bereavement", "丧假", "Bereavement leave", "丧", "workday"),
    ("parental", "育儿假", "Parental leave", "育", "workday"),
    ("injury", "工伤假", "Work injury leave", "伤", "natural"),
    ("other", "其他", "Other leave", "假", "workday"),
)


def seed(connection: Connection, this_year: int) -> set[date]:
    """Fill an empty database; one that has a group is left as it is, but for calendars that are missing.

    Returns the dates whose calendar is another than before.
    """
    years = (this_year - 1, this_year, this_year + 1)
    changed = {day for year in years for day in seed_year(connection, year)}
    if connection.execute(select(groups.c.group_id).limit(1)).first() is not None:
        return changed
    connection.execute(
        insert(leave_types),
        [
            {"code": code, "name_zh": zh, "name_en": en, "symbol": symbol, "count": count}
            for code, zh, en, symbol, count in _LEAVE_TYPES
        ],
    )
    connection.execute(
        insert(shifts),
        [{"name": name, "definition": {"segments": segments}} for name, segments in _SHIFTS.items()],
    )
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), DEFAULT_SHIFT)
    connection.execute(
        insert(groups).values(group_id=DEFAULT_GROUP, name="办公室 Office", week=week, is_default=True)
    )
    connection.execute(
        insert(policies).values(
            group_id=DEFAULT_GROUP,
            from_date=SINCE_EVER,
            version="v1",
            parameters={"late_grace_min": 5, "serious_late_over_min": 30, "absent_over_min": 120},
        )
    )
    return changed

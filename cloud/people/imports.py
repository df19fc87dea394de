"""People from a file: a verdict per row, good rows kept."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, select

from cloud.attendance.facts import AsOf
from cloud.db.tables import groups, people
from cloud.people.directory import department, hash_pin, pin_matches, spell, write_person
from cloud.sheets import BadCell, Column, Imported, Line, Outcome, day, read_sheet

COLUMNS = (
    Column("employee_no", ("工号", "员工编号", "员工号", "employee number", "emp no", "no"), required=True),
    Column("name", ("姓名", "名字", "full name"), required=True),
    Column("department", ("部门", "所属部门", "dept")),
    Column("group", ("考勤组", "attendance group")),
    Column("site", ("地点", "办公地点", "工作地点", "location")),
    Column("hire_date", ("入职日期", "入职时间", "hired", "start date")),
    Column("last_day", ("离职日期", "最后工作日", "last working day", "end date")),
    Column("language", ("语言", "lang")),
    Column("email", ("邮箱", "电子邮箱", "e-mail", "mail")),
    Column("pin", ("密码", "打卡密码", "pin code")),
    Column("person_id", ("人员标识",)),
)

_NO_DEPARTMENT = "未分配 Unassigned"
_LANGUAGES = {
    "zh": "zh",
    "中文": "zh",
    "汉语": "zh",
    "chinese": "zh",
    "en": "en",
    "英文": "en",
    "english": "en",
}
_EMPLOYEE_NO = re.compile(r"[^\s\x00-\x1f]{1,64}")
_PIN = re.compile(r"\d{4,8}")
_NAME_MAX = 200


def import_people(connection: Connection, path: Path, view: AsOf) -> Imported:
    """Take the people in ``path``; columns the file lacks are left as they are.

    Raises:
        BadSheet: the file is no such table.
    """
    lines = read_sheet(path, COLUMNS)
    group_ids = {
        key: row.group_id
        for row in connection.execute(select(groups.c.group_id, groups.c.name))
        for key in (row.group_id, row.name)
    }
    seen: dict[str, int] = {}

    def take(line: Line) -> Outcome:
        employee_no = _employee_no(line, seen)
        outcome = _write(connection, line, employee_no, group_ids, view)
        seen[employee_no] = line.number
        return outcome

    return Imported.of(lines, take)


def _employee_no(line: Line, seen: dict[str, int]) -> str:
    employee_no = line.need("employee_no")
    if _EMPLOYEE_NO.fullmatch(employee_no) is None:
        raise BadCell("employee_no", f"{employee_no!r} has blanks or more than 64 characters")
    if employee_no in seen:
        raise BadCell("employee_no", f"{employee_no} is already in line {seen[employee_no]}")
    return employee_no


def _write(
    connection: Connection, line: Line, employee_no: str, group_ids: dict[str, str], view: AsOf
) -> Outcome:
    row = connection.execute(select(people).where(people.c.employee_no == employee_no)).first()
    fields = _fields(line, group_ids)
    pin = line.text("pin")
    if pin and _PIN.fullmatch(pin) is None:
        raise BadCell("pin", "a PIN has four to eight digits")
    if pin and (row is None or row.pin_hash is None or not pin_matches(row.pin_hash, pin)):
        fields["pin_hash"] = hash_pin(pin)
    hire = fields.get("hire_date", row.hire_date if row else None)
    last = fields.get("last_day", row.last_day if row else None)
    if hire is not None and last is not None and str(last) < str(hire):
        raise BadCell("last_day", f"{last} is before the hire date {hire}")
    wanted_id = line.text("person_id") or None
    if wanted_id is not None:
        _check_id(connection, wanted_id, row.person_id if row else None)
    if row is None or line.text("department"):
        fields["department_id"] = department(connection, line.text("department") or _NO_DEPARTMENT)
    written = write_person(connection, employee_no, fields, view, wanted_id)
    if written.new:
        return Outcome.NEW
    return Outcome.CHANGED if written.changed else Outcome.SAME


def _fields(line: Line, group_ids: dict[str, str]) -> dict[str, object]:
    name = line.need("name")
    if len(name) > _NAME_MAX:
        raise BadCell("name", f"longer than {_NAME_MAX} characters")
    fields: dict[str, object] = {"name": name, "pinyin": spell(name)}
    for column in ("hire_date", "last_day"):
        if column in line.cells:
            fields[column] = line.parsed(column, day)
    if line.text("language"):
        language = _LANGUAGES.get(line.text("language").lower())
        if language is None:
            raise BadCell("language", f"{line.text('language')!r} is neither zh nor en")
        fields["language"] = language
    if "group" in line.cells:
        fields["group_id"] = _group(line.text("group"), group_ids)
    if "site" in line.cells:
        fields["site"] = line.text("site") or None
    if "email" in line.cells:
        fields["email"] = _email(line.text("email"))
    return fields


def _group(name: str, group_ids: dict[str, str]) -> str | None:
    if name and name not in group_ids:
        raise BadCell("group", f"there is no group {name!r}")
    return group_ids[name] if name else None


def _email(text: str) -> str | None:
    if text and (text.count("@") != 1 or any(part == "" for part in text.split("@"))):
        raise BadCell("email", f"{text!r} is no address")
    return text or None


def _check_id(connection: Connection, wanted_id: str, own_id: str | None) -> None:
    if own_id is not None and own_id != wanted_id:
        raise BadCell("person_id", f"this employee has the id {own_id}; ids never change")
    taken = connection.execute(
        select(people.c.employee_no).where(people.c.person_id == wanted_id)
    ).scalar_one_or_none()
    if taken is not None and own_id is None:
        raise BadCell("person_id", f"{wanted_id} is the id of {taken}")

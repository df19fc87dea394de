"""Both forms of a stored day hold the whole day, and tables read the same from either."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import fields

from cloud.attendance.codec import brief, brief_of, decode, encode, frozen_json
from cloud.rules.engine import judge
from cloud.rules.errors import RefusedInput
from models.attendance import AttendanceDay
from tests.properties.rules_population import months

SEEDS = range(8)


def days() -> Iterator[AttendanceDay]:
    for seed in SEEDS:
        for month in months(seed):
            try:
                yield from judge(month.person, month.first, month.last)
            except RefusedInput:
                continue


def test_a_day_comes_back_whole_from_either_form():
    judged = list(days())

    assert len(judged) > 500
    for day in judged:
        assert decode(encode(day)) == day
        assert decode(frozen_json(encode(day))) == day


def test_what_is_frozen_is_the_json_of_the_day():
    for day in days():
        plain = msgspec.json.decode(frozen_json(encode(day)))

        assert list(plain) == [field.name for field in fields(day)]
        assert plain["partition"] == {part.value: length for part, length in day.partition.items()}
        assert plain["absent_days"] == str(day.absent_days)
        assert frozen_json(frozen_json(encode(day))) == frozen_json(encode(day))


def test_tables_read_the_same_from_either_form():
    for day in days():
        found = brief(encode(day))

        assert found == brief(frozen_json(encode(day))) == brief_of(day)
        assert found.timeline == day.timeline
        assert (found.in_at, found.findings, found.leave_days) == (day.in_at, day.findings, day.leave_days)


def test_the_compact_form_is_a_third_of_the_json():
    judged = list(days())

    compact = sum(len(encode(day)) for day in judged)
    assert compact * 3 < sum(len(frozen_json(encode(day))) for day in judged)

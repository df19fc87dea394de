from __future__ import annotations

import pytest

from cloud.rules.faults import sentence
from cloud.rules.policy import CHOICES, READERS, Policy, policy_from
from cloud.web.parameters import NAMES, RULES, default_text, fields, parameters_of, texts_of
from cloud.web.words import words
from models.person import Language


def test_every_parameter_has_a_field_but_the_version():
    assert set(NAMES) == set(READERS) - {"version"} == set(RULES)
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("language", list(Language))
def test_every_field_has_its_words(language: Language):
    say = words(language)

    assert [name for name in NAMES if f"param.{name}" not in say or f"param_hint.{name}" not in say] == []
    listed = [f"choice.{name}.{choice}" for name, choices in CHOICES.items() for choice in choices]
    assert [key for key in listed if key not in say] == []
    shown = [field for section in fields({}, {}).values() for field in section]
    assert {f"param_unit.{field.unit}" for field in shown if field.unit} <= set(say.texts)


def test_a_form_full_of_defaults_stores_nothing():
    assert parameters_of({name: default_text(name) for name in NAMES}) == ({}, {})
    assert parameters_of({}) == ({}, {})


OTHER = {
    "late_grace_min": "5",
    "penalty_days": "0.25",
    "day_start": "05:30",
    "direction": "trust",
    "shared_punch": "on",
    "overtime_breaks": "18:00-18:30；24:00-25:00",
    "late_off_late_on": "180：60, 240:120",
    "serious_late_over_min": "30",
    "period_standard_min": "9600.5",
}


def test_what_is_typed_is_what_is_judged_by():
    parameters, faults = parameters_of(OTHER)

    assert faults == {}
    policy = policy_from(parameters)
    assert (policy.late_grace_min, policy.day_start, policy.direction) == (5, 330, "trust")
    assert float(policy.penalty_days) == 0.25
    assert policy.overtime_breaks == ((1080, 1110), (1440, 1500))
    assert [(tier.off_min, tier.on_min) for tier in policy.late_off_late_on] == [(180, 60), (240, 120)]
    assert set(parameters) == set(OTHER)


def test_stored_parameters_fill_the_form_that_stores_them():
    parameters, _ = parameters_of(OTHER)

    assert parameters_of(texts_of(parameters)) == (parameters, {})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("late_grace_min", "-1"),
        ("late_grace_min", "5.5"),
        ("late_grace_min", "five"),
        ("penalty_days", "nan"),
        ("penalty_days", "1e400"),
        ("overtime_unit_min", "0"),
        ("day_start", "24:00"),
        ("day_start", "4"),
        ("direction", "left"),
        ("overtime_breaks", "18:30-18:00"),
        ("overtime_breaks", "18:00"),
        ("late_off_late_on", "180"),
        ("late_off_late_on", "a:b"),
        ("correction_limit", "9" * 300),
    ],
)
def test_what_cannot_be_is_told_with_what_can(name: str, text: str):
    parameters, faults = parameters_of({name: text})

    assert parameters == {}
    assert set(faults) == {name}
    assert "allowed" in sentence(faults[name], "en")
    shown = next(
        one for section in fields({name: text}, faults).values() for one in section if one.name == name
    )
    assert (shown.text, shown.fault) == (text, faults[name])


def test_tiers_are_judged_together():
    _, faults = parameters_of({"late_grace_min": "30", "absent_over_min": "20"})

    assert set(faults) == {""}


def test_fields_say_what_differs():
    shown = {one.name: one for section in fields({"late_grace_min": "5"}, {}).values() for one in section}

    assert (shown["late_grace_min"].set, shown["late_grace_min"].default) == (True, "0")
    assert not shown["before_min"].set
    assert shown["before_min"].default == str(Policy().before_min)
    assert shown["serious_late_over_min"].default == ""

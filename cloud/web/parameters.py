"""The parameters of a policy as fields of a form: by section, with unit, default and what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final
from unicodedata import normalize

from cloud.rules.errors import RefusedInput
from cloud.rules.faults import Fault
from cloud.rules.lint import parameter_fault
from cloud.rules.plain import Plain
from cloud.rules.policy import CHOICES, READERS, SWITCHES, Policy
from cloud.rules.rulesfile import version_faults

SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "late": (
        "late_grace_min",
        "early_grace_min",
        "count_from",
        "serious_late_over_min",
        "absent_over_min",
        "early_absent_over_min",
        "free_lates",
        "free_late_max_min",
        "penalty_lates",
        "penalty_days",
        "late_off_late_on",
    ),
    "absence": ("no_punch", "auto_out", "half_day_below_min", "absent_below_min"),
    "punching": (
        "before_min",
        "after_min",
        "day_start",
        "dup_window_s",
        "direction",
        "pairing",
        "out_from",
        "punch_per_segment",
        "punch_at_leave_edges",
        "shared_punch",
        "max_shift_min",
        "clock_skew_s",
    ),
    "leave": ("half_day_split", "trip_edge_punch", "worked_on_leave_min"),
    "overtime": (
        "overtime_mode",
        "overtime_minimum_min",
        "overtime_unit_min",
        "overtime_before_shift",
        "overtime_on_trip",
        "overtime_breaks",
        "overtime_window_min",
        "hours_system",
        "period_standard_min",
    ),
    "correction": ("correction_limit", "correction_max_age_days"),
}
NAMES: Final = tuple(name for names in SECTIONS.values() for name in names)
RULES: Final[Mapping[str, str]] = {
    "late_grace_min": "L1", "early_grace_min": "L2", "count_from": "L3", "serious_late_over_min": "L4",
    "absent_over_min": "L4", "early_absent_over_min": "L4", "free_lates": "L9", "free_late_max_min": "L9",
    "penalty_lates": "M3", "penalty_days": "M3", "late_off_late_on": "D8", "no_punch": "L5", "auto_out": "P8",
    "half_day_below_min": "L7", "absent_below_min": "L7", "before_min": "A1", "after_min": "A1",
    "day_start": "A5", "dup_window_s": "P2", "direction": "P4", "pairing": "P5, P6", "out_from": "P3",
    "punch_per_segment": "P1", "punch_at_leave_edges": "P1", "shared_punch": "A7", "max_shift_min": "P7",
    "clock_skew_s": "T4", "half_day_split": "J5", "trip_edge_punch": "J8", "worked_on_leave_min": "J11",
    "overtime_mode": "O2", "overtime_minimum_min": "O4", "overtime_unit_min": "O4",
    "overtime_before_shift": "O3", "overtime_on_trip": "J9", "overtime_breaks": "O3",
    "overtime_window_min": "A6", "hours_system": "O7", "period_standard_min": "O7", "correction_limit": "C4",
    "correction_max_age_days": "C4",
}  # fmt: skip
ON: Final = "on"
_DEFAULTS: Final = Policy()
_SPANS, _TIERS = "overtime_breaks", "late_off_late_on"
_TEXT_MAX: Final = 200
_CLOCK_MIN: Final = 60
_WHOLE: Final = re.compile(r"[-+]?\d{1,9}")
_DECIMAL: Final = re.compile(r"[-+]?\d{1,9}\.\d{1,9}")


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter in a form.

    Attributes:
        kind: switch, choice or text.
        unit: min, s, days, times, or empty.
        text: what stands in the field; empty: the default.
        default: the default as text.
        set: whether it differs from the default.
        fault: why the text cannot be used.
    """

    name: str
    kind: str
    unit: str
    text: str
    default: str
    choices: tuple[str, ...]
    rule: str
    set: bool
    fault: Fault | None


def fields(texts: Mapping[str, str], faults: Mapping[str, Fault]) -> dict[str, list[Field]]:
    """Every parameter by section, with the texts of a form."""
    return {
        section: [_field(name, texts.get(name, ""), faults.get(name)) for name in names]
        for section, names in SECTIONS.items()
    }


def texts_of(parameters: Mapping[str, Plain]) -> dict[str, str]:
    """Stored parameters as the texts of a form."""
    return {name: text_of(name, value) for name, value in parameters.items() if name in NAMES}


def text_of(name: str, value: object) -> str:
    """A value as its field shows it."""
    if isinstance(value, bool):
        return ON if value else ""
    if name == _TIERS and isinstance(value, list):
        return ", ".join(f"{tier['off_min']}:{tier['on_min']}" for tier in value if isinstance(tier, dict))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def default_text(name: str) -> str:
    """The default of a parameter as text; empty where it is off."""
    value = getattr(_DEFAULTS, name)
    if name == "day_start":
        return f"{value // _CLOCK_MIN:02d}:{value % _CLOCK_MIN:02d}"
    if isinstance(value, Fraction):
        return f"{float(value):g}"
    return "" if isinstance(value, tuple) else text_of(name, value)


def parameters_of(texts: Mapping[str, str]) -> tuple[dict[str, Plain], dict[str, Fault]]:
    """The parameters that differ from their defaults, and what is wrong by field; "" is of the whole form."""
    found: dict[str, Plain] = {}
    faults: dict[str, Fault] = {}
    for name in NAMES:
        text = normalize("NFKC", texts.get(name, "")).strip()[:_TEXT_MAX]
        if not text or text == default_text(name):
            continue
        value = _value(name, text)
        fault = parameter_fault(name, value, (name,))
        if fault is not None:
            faults[name] = fault
        elif not _is_default(name, value):
            found[name] = value
    if not faults:
        named: dict[str, Plain] = {"version": texts["version"]} if texts.get("version") else {}
        for fault in version_faults(named | found):
            faults[""] = fault
    return found, faults


def _field(name: str, text: str, fault: Fault | None) -> Field:
    default = default_text(name)
    kind = "switch" if name in SWITCHES else "choice" if name in CHOICES else "text"
    return Field(
        name,
        kind,
        _unit(name),
        text,
        default,
        CHOICES.get(name, ()),
        RULES[name],
        bool(text) and text != default,
        fault,
    )


def _unit(name: str) -> str:
    if name in {"free_lates", "penalty_lates", "correction_limit"}:
        return "times"
    for ending, unit in (("_min", "min"), ("_s", "s"), ("_days", "days")):
        if name.endswith(ending):
            return unit
    return ""


def _is_default(name: str, value: Plain) -> bool:
    try:
        return bool(READERS[name](name, value) == getattr(_DEFAULTS, name))
    except RefusedInput:
        return False


def _value(name: str, text: str) -> Plain:
    """What the text of a field means; what it cannot mean stays a text, and is refused as such."""
    if name in SWITCHES:
        return text == ON
    if name in CHOICES or name == "day_start":
        return text
    if name == _SPANS:
        return [part.strip() for part in _listed(text)]
    if name == _TIERS:
        return [_tier(part) for part in _listed(text)]
    return _number(text)


def _number(text: str) -> Plain:
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _listed(text: str) -> list[str]:
    return [part for part in text.replace(";", ",").split(",") if part.strip()]


def _tier(text: str) -> Plain:
    off, colon, on = text.partition(":")
    parts = off.strip(), on.strip()
    if colon and all(part.isascii() and part.isdigit() for part in parts):
        return {"off_min": int(parts[0]), "on_min": int(parts[1])}
    return text.strip()

"""What the cloud says against what the story knows, number by number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from scripts.story.days import Verdict

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
Counted = dict[str, Fraction]

_NUMBERS = (
    "late_min",
    "serious_late_min",
    "early_min",
    "absent_days",
    "trip_days",
    "outing_min",
    "corrections_n",
)
_MAPS = ("leave_days", "overtime_min")
_EVENTS = {
    "late_n": "late",
    "serious_late_n": "serious_late",
    "early_n": "early",
    "missing_in_n": "missing_in",
    "missing_out_n": "missing_out",
}


def expected(verdict: Verdict) -> Counted:
    """A verdict as flat numbers; what is zero is left out."""
    flat = {name: Fraction(getattr(verdict, name)) for name in (*_NUMBERS, *_EVENTS)}
    for name in _MAPS:
        flat |= {f"{name}.{key}": Fraction(amount) for key, amount in getattr(verdict, name).items()}
    return _without_zeros(flat)


def of_day(result: Mapping[str, Json]) -> Counted:
    """The same of a day as the API tells it: findings are counted."""
    findings = result["findings"]
    if not isinstance(findings, list):
        raise TypeError(f"findings of a day are a list, not {findings!r}")
    return _without_zeros(
        _amounts(result) | {name: Fraction(findings.count(code)) for name, code in _EVENTS.items()}
    )


def of_month(totals: Mapping[str, Json]) -> Counted:
    """The same of a person's month as the API tells it."""
    return _without_zeros(_amounts(totals) | {name: _number(totals.get(name)) for name in _EVENTS})


def differences(wanted: Counted, got: Counted) -> Iterator[str]:
    """``field: expected 2, got 3`` for each number that differs."""
    for name in sorted(wanted.keys() | got.keys()):
        if wanted.get(name, 0) != got.get(name, 0):
            yield f"{name}: expected {wanted.get(name, 0)}, got {got.get(name, 0)}"


def _amounts(result: Mapping[str, Json]) -> Counted:
    flat = {name: _number(result.get(name)) for name in _NUMBERS}
    for name in _MAPS:
        amounts = result.get(name)
        if isinstance(amounts, dict):
            flat |= {f"{name}.{key}": _number(amount) for key, amount in amounts.items()}
    return flat


def _number(value: Json) -> Fraction:
    """Fractions come as text ("1/3") or rounded to four decimals; the story has quarters of a day."""
    if value is None:
        return Fraction(0)
    if isinstance(value, list | dict):
        raise TypeError(f"a number was expected, not {value!r}")
    return Fraction(value)


def _without_zeros(counted: Counted) -> Counted:
    return {name: amount for name, amount in counted.items() if amount}

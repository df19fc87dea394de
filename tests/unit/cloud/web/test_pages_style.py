"""The tokens keep their promises: enough contrast in light and dark, and no colour anywhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloud.reports.exports.workbook import COLOURS
from cloud.reports.marks import Verdict
from cloud.web import assets

STATIC = Path(assets.__file__).parent / "static"
TOKENS = (STATIC / "tokens.css").read_text()
SHEETS = [path for path in sorted(STATIC.glob("*.css")) if path.name != "tokens.css"]
FILLED = ("late", "serious", "absent", "leave", "trip", "statutory", "overtime")
BARE = ("normal", "early", "missing", "rest", "pending")


def colours(scheme: str) -> dict[str, str]:
    light, _, rest = TOKENS.partition("@media (prefers-color-scheme: dark)")
    dark, _, _ = rest.partition("@media print")
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark)) if scheme == "dark" else found


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Source: WCAG 2.2, contrast ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scheme: str):
    found = colours(scheme)
    pairs = {f"{name} on {name}": (found[f"{name}-fg"], found[f"{name}-bg"]) for name in FILLED}
    for surface in ("ground", "sheet", "inset"):
        for name in ("ink", "quiet", "accent", *(f"{bare}-fg" for bare in BARE)):
            pairs[f"{name} on {surface}"] = (found[name], found[surface])
    pairs["button"] = (found["on-accent"], found["accent"])
    for name in ("ink", "accent"):
        pairs[f"{name} on select"] = (found[name], found["select"])

    assert {name: round(contrast(*pair), 2) for name, pair in pairs.items() if contrast(*pair) < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_edges_of_fields_can_be_seen(scheme: str):
    found = colours(scheme)

    assert contrast(found["edge"], found["sheet"]) >= 3


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_only_the_tokens_name_colours(path: Path):
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(", path.read_text()) == []


def test_every_verdict_is_drawn():
    css = (STATIC / "components.css").read_text()

    for verdict in Verdict:
        assert f".v-{verdict}" in css


def test_files_have_the_colours_of_the_pages():
    found = colours("light")
    names = {Verdict.SERIOUS_LATE: "serious", Verdict.SHORT: "early", Verdict.OUTING: "trip"}
    for verdict, (fill, ink) in COLOURS.items():
        name = names.get(verdict, verdict.value)
        if f"{name}-fg" in found:
            assert ink == found[f"{name}-fg"]
        if fill is not None and f"{name}-bg" in found:
            assert fill == found[f"{name}-bg"]

"""Both languages say the same things, and no template speaks by itself."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from jinja2 import Environment, nodes

from cloud.ingest.quarantine import Code
from cloud.reports.columns import SETS, all_columns
from cloud.reports.marks import Verdict
from cloud.web import words as module
from cloud.web.words import words
from models.attendance import DayState, DayType, Duty, FindingCode, Flag, Part
from models.office import Half, RecordKind, RecordStatus
from models.person import Language
from models.punch import ClockQuality, Direction, Method

TEMPLATES = Path(module.__file__).parent / "templates"
ALL = sorted(TEMPLATES.rglob("*.html"))
ZH, EN = words(Language.ZH), words(Language.EN)


def names(path: Path) -> str:
    return str(path.relative_to(TEMPLATES))


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_files_have_the_same_keys():
    def without_singular(texts: dict[str, str]) -> set[str]:
        return {key for key in texts if not key.endswith("_one")}

    assert without_singular(dict(ZH.texts)) == without_singular(dict(EN.texts))
    assert all(key.removesuffix("_one") in EN.texts for key in EN.texts)


def test_both_texts_fill_the_same_places():
    # "once" need not say how many.
    given = {key: places(text) | ({"n"} if key.endswith("_one") else set()) for key, text in EN.texts.items()}

    assert {key for key in given if given[key] != places(ZH.texts[key.removesuffix("_one")])} == set()


@pytest.mark.parametrize("path", ALL, ids=names)
def test_every_key_in_a_template_exists(path: Path):
    tree = Environment(autoescape=True).parse(path.read_text())
    for call in tree.find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Name) and call.node.name == "t"):
            continue
        key = call.args[0]
        if isinstance(key, nodes.Const):
            assert key.value in EN, key.value
            given = {one.key for one in call.kwargs}
            assert places(EN.texts[key.value]) <= given, key.value
        elif isinstance(key, nodes.Concat) and isinstance(key.nodes[0], nodes.Const):
            prefix = key.nodes[0].value
            assert any(known.startswith(prefix) for known in EN.texts), prefix


@pytest.mark.parametrize("path", ALL, ids=names)
def test_no_template_speaks_by_itself(path: Path):
    source = re.sub(r"\{% block (here|body_class) %\}.*?\{% endblock %\}", "", path.read_text())
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", source, flags=re.DOTALL)
    said = re.findall(r'\b(?:aria-label|title|placeholder|alt|data-label|data-on|data-off)="([^"]+)"', text)
    said += [re.sub(r"<[^>]*>", " ", re.sub(r"<!doctype html>", "", text, flags=re.IGNORECASE))]

    assert not [one for one in said if re.search(r"[^\W\d_]", one)]


def test_every_word_the_rules_can_say_has_a_text():
    wanted = [f"verdict.{one}" for one in Verdict] + [f"symbol.{one}" for one in Verdict]
    wanted += [f"flag.{one}" for one in Flag] + [f"part.{one}" for one in Part]
    wanted += [f"value.{one}" for kind in (DayState, Duty, DayType, FindingCode) for one in kind]
    wanted += [f"kind.{one}" for one in RecordKind] + [f"status.{one}" for one in RecordStatus]
    wanted += [f"aside.{one}" for one in (*Code, "data_gap")]
    wanted += [f"half.{one}" for one in Half] + [f"columns.{one}" for one in SETS]
    wanted += [f"method.{one.name.lower()}" for one in Method]
    wanted += [f"method_mark.{one.name.lower()}" for one in Method]
    wanted += [f"clock.{one.name.lower()}" for one in ClockQuality]
    wanted += [f"direction.{one.name.lower()}" for one in Direction]
    wanted += [f"columns.{one.key}_long" for one in all_columns(())]

    assert [key for key in wanted if key not in EN] == []


def test_english_counts_one_thing_as_one():
    assert EN("unit.days", n=1) == "1 day"
    assert EN("unit.days", n=0.5) == "0.5 days"
    assert ZH("unit.days", n=1) == "1 天"


def test_symbols_are_short_enough_for_a_cell():
    for texts in (ZH, EN):
        assert all(1 <= len(texts(f"symbol.{one}")) <= 2 for one in Verdict)

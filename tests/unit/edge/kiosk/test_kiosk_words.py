from __future__ import annotations

import re
from importlib import resources

import pytest

from edge.kiosk.names import NameStyle, shown
from edge.kiosk.screen import Conditions, _ask, _foot
from edge.kiosk.words import WORDS, in_language
from models.person import Language

PAGE = resources.files("edge.kiosk").joinpath("static", "kiosk.js").read_text("utf-8")


def test_everything_is_said_in_every_language():
    for key, texts in WORDS.items():
        assert set(texts) == set(Language), key
        assert all(text.strip() for text in texts.values()), key


def test_what_is_filled_in_is_the_same_in_every_language():
    for key, texts in WORDS.items():
        fields = {language: set(re.findall(r"\{(\w+)\}", text)) for language, text in texts.items()}
        assert len(set(map(frozenset, fields.values()))) == 1, key


def test_chinese_sentences_have_chinese_punctuation():
    assert not [
        text for text in in_language(Language.ZH).values() if re.search(r"[\u4e00-\u9fff][,!?;]", text)
    ]


def test_the_page_asks_for_no_word_that_is_not_there():
    asked = set(re.findall(r'say\("(\w+)"', PAGE)) | set(re.findall(r'\["[\w-]+", "(\w+)"\]', PAGE))

    assert len(asked) >= 10
    assert asked <= set(WORDS)


def test_every_condition_has_its_words():
    for camera in ("ok", "away", "none"):
        for sensor in ("ok", "away", "none"):
            for is_online in (True, False):
                conditions = Conditions("", "UTC", is_online, 0, camera, sensor, is_clock_set=False)
                assert {_ask(conditions), *_foot(conditions)} <= set(WORDS)
    for storage in ("filling", "full"):
        worse = Conditions("", "UTC", True, 0, "ok", "ok", is_clock_off=True, storage=storage)  # noqa: FBT003
        assert set(_foot(worse)) == {f"storage_{storage}", "clock_off"} <= set(WORDS)
    assert _foot(Conditions("", "UTC", is_online=True, waiting=1, camera="ok", sensor="ok")) == ("sending",)


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("李雷", "李*"),
        ("欧阳娜娜", "欧*"),
        ("Li Lei", "L* L*"),
        ("  Ana  María ", "A* M*"),
        ("Ö", "Ö*"),
        ("", ""),
    ],
)
def test_a_masked_name_is_known_to_its_owner_only(name: str, masked: str):
    assert shown(name, NameStyle.INITIAL) == masked
    assert shown(name, NameStyle.FULL) == " ".join(name.split())

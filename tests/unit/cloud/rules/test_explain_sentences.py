"""Sentences of the explanation."""

from __future__ import annotations

import string

import pytest

from cloud.rules.explain import EN, ZH, explain
from models.attendance import FindingCode, Flag, Step
from tests.golden.rules.results import reviewed

LATE = Step(
    "L1",
    "late",
    {
        "in": "09:06",
        "device": "t-1",
        "due": "09:00",
        "grace": 5,
        "policy": "v3",
        "group": "g-1",
        "minutes": 6,
    },
)
NAMES = {"t-1": "北门", "g-1": "办公室", "annual": "年假"}


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_a_lateness_says_when_where_and_by_which_rule():
    assert (
        explain(LATE, "zh", NAMES)
        == "迟到 6 分钟：09:06 于 北门 上班打卡，应 09:00，宽限 5 分钟（办公室 v3）"
    )
    assert explain(LATE, "en", NAMES) == "Late 6 min: in 09:06 at 北门, due 09:00, grace 5 (办公室 v3)"


def test_without_a_group_a_policy_has_its_version_alone():
    args = {key: value for key, value in LATE.args.items() if key != "group"}

    assert explain(Step("L1", "late", args), "en", NAMES).endswith("grace 5 (v3)")


def test_a_corrected_edge_names_its_form():
    step = Step("P5", "in", {"in": "09:00", "source": "wecom", "id": "77", "due": "09:00"})

    assert explain(step, "zh", {"wecom": "企业微信"}) == "上班打卡 09:00（补卡 企业微信 77），应 09:00"
    assert explain(step, "en", {}) == "In 09:00 (correction wecom 77), due 09:00"


def test_a_leave_has_its_name_and_an_unknown_one_its_id():
    step = Step(
        "J6", "leave_claim", {"type": "annual", "minutes": 180, "days": "0.5", "source": "oa", "id": "1"}
    )

    assert explain(step, "zh", NAMES) == "请假（年假）180 分钟，0.5 天：oa 1"
    assert explain(step, "en", {}) == "Leave (annual) 180 min, 0.5 d: oa 1"


@pytest.mark.parametrize(
    ("step", "zh", "en"),
    [
        (Step("P5", "in", {"in": "09:00", "due": "09:00"}),
         "上班打卡 09:00，应 09:00", "In 09:00, due 09:00"),
        (Step("P5", "out", {"out": "18:00", "source": "oa", "id": "7", "due": "18:00"}),
         "下班打卡 18:00（补卡 oa 7），应 18:00", "Out 18:00 (correction oa 7), due 18:00"),
        (Step("A5", "unscheduled_punch", {"at": "19:00", "device": "t-1"}),
         "19:00 的打卡不在任何班次时间内", "Punch 19:00 lies in no shift's window"),
        (Step("C1", "corrected", {"side": "out", "at": "18:00", "source": "oa", "id": "7"}),
         "补卡：下班 18:00，oa 7", "Correction: OUT 18:00, oa 7"),
        (Step("J2", "pending_approval", {"kind": "leave", "type": None, "source": "oa", "id": "7"}),
         "有待审批的请假：oa 7", "Waiting for approval: leave oa 7"),
        (Step("J6", "leave_claim", {"type": None, "minutes": 5, "days": "1", "source": "oa", "id": "7"}),
         "请假（）5 分钟，1 天：oa 7", "Leave () 5 min, 1 d: oa 7"),
    ],
)  # fmt: skip
def test_a_sentence_says_what_there_is(step: Step, zh: str, en: str):
    # What looks like an id where none belongs is left alone.
    assert explain(step, "zh", {"09:00": "?", "7": "?", "1": "?"}) == zh
    assert explain(step, "en", {"09:00": "?", "7": "?", "1": "?"}) == en


def test_both_languages_say_the_same_things():
    assert set(ZH) == set(EN)
    assert {code: fields(ZH[code]) for code in ZH} == {code: fields(EN[code]) for code in EN}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_code_the_suite_makes_the_engine_emit_has_a_sentence(language):
    steps = [
        Step(entry["rule"], entry["code"], entry["args"])
        for result in reviewed().values()
        for day in result["days"].values()
        for entry in day["explanation"]
    ]

    sentences = [explain(step, language, {}) for step in steps]
    assert all(sentences)
    assert not [sentence for sentence in sentences if "None" in sentence or "{" in sentence]
    # The other direction: no sentence that nothing can ask for.
    assert set(ZH) - {step.code for step in steps} == set()


def test_every_flag_and_finding_has_a_sentence():
    for flag in Flag:
        assert flag.value in ZH
    for code in FindingCode:
        assert any(known == code.value or known.startswith(f"{code.value}_") for known in ZH)

"""What can be wrong with rules, as values, and the sentence of each in Chinese and English.

An error is what no day can be judged by (V1-V4); a warning is what can be judged but is hardly meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from cloud.rules.errors import RefusalCode

Language = Literal["zh", "en"]
Args = Mapping[str, str | int]
Path = tuple[str | int, ...]
"""Keys and list places of a value in a case file."""


class Severity(StrEnum):
    """An error refuses the rules, a warning is shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with rules.

    Attributes:
        code: a key of ``ZH`` and ``EN``.
        path: where it is, in the words of a case file: ("shifts", "NIGHT", "segments", 0).
        args: values of the sentence.
    """

    code: str
    path: Path
    args: Args

    @classmethod
    def of(cls, code: str, path: Path, **args: str | int) -> Fault:
        """A fault with the values of its sentence by name."""
        return cls(code, path, args)

    @property
    def refusal(self) -> RefusalCode | None:
        """The rule that an error breaks; None for a warning."""
        return REFUSALS.get(self.code)

    @property
    def severity(self) -> Severity:
        """Whether the rules can be judged by."""
        return Severity.WARNING if self.refusal is None else Severity.ERROR

    @property
    def place(self) -> str:
        """The path in one word: ``shifts.NIGHT.segments.0``."""
        return ".".join(map(str, self.path))


REFUSALS: Final[Mapping[str, RefusalCode]] = {
    "segment_empty": RefusalCode.BAD_SHIFT,
    "segment_order": RefusalCode.BAD_SHIFT,
    "no_segment": RefusalCode.BAD_SHIFT,
    "break_empty": RefusalCode.BAD_SHIFT,
    "flex_start_reaches_break": RefusalCode.BAD_SHIFT,
    "flex_end_reaches_break": RefusalCode.BAD_SHIFT,
    "unknown_shift": RefusalCode.BAD_SHIFT,
    "window_too_long": RefusalCode.WINDOW_TOO_LONG,
    "overlapping_shifts": RefusalCode.OVERLAPPING_SHIFTS,
    "unknown_parameter": RefusalCode.BAD_POLICY,
    "bad_parameter": RefusalCode.BAD_POLICY,
    "tiers_fall": RefusalCode.BAD_POLICY,
    "overlapping_versions": RefusalCode.BAD_POLICY,
    "no_policy": RefusalCode.BAD_POLICY,
    "bad_value": RefusalCode.BAD_POLICY,
    "bad_name": RefusalCode.BAD_POLICY,
    "unknown_group": RefusalCode.BAD_POLICY,
    "group_in_use": RefusalCode.BAD_POLICY,
    "no_default_group": RefusalCode.BAD_POLICY,
}

ZH: Final[Mapping[str, str]] = {
    "segment_empty": "班次 {shift}：时段 {span} 没有在开始之后结束",
    "segment_order": "班次 {shift}：时段 {span} 早于前一段的结束 {end}",
    "no_segment": "班次 {shift}：没有时段",
    "break_empty": "班次 {shift}：休息 {span} 没有在开始之后结束",
    "flex_start_reaches_break": "班次 {shift}：晚到 {minutes} 分钟会碰到 {at} 的休息",
    "flex_end_reaches_break": "班次 {shift}：早走 {minutes} 分钟会碰到 {at} 结束的休息",
    "unknown_shift": "没有班次 {shift}；现有：{allowed}",
    "window_too_long": (
        "班次 {shift}：打卡窗口 {minutes} 分钟，达到 24 小时（班前 {before}，班后 {after}，{version}）"
    ),
    "overlapping_shifts": "{first}（{first_day}）与 {second}（{second_day}）的计划时间重叠",
    "unknown_parameter": "没有参数 {name}；可用：{allowed}",
    "bad_parameter": "{name} 不能是 {value}；可用：{allowed}",
    "tiers_fall": "{version}：迟到宽限 {grace}、严重迟到 {serious}、旷工 {absent} 必须依次不减",
    "overlapping_versions": "{first} 与 {second} 同日生效（{since}）",
    "no_policy": "没有任何规则版本",
    "bad_value": "不能使用：{what}",
    "bad_name": "{name} 不能作为名称：不可为空、不可为 off、不可含 + 或逗号，最多 {limit} 字",
    "unknown_group": "没有考勤组 {group}；现有：{allowed}",
    "group_in_use": "{n} 人仍在考勤组 {group}，不能删除",
    "windows_overlap": (
        "{first} 与 {second}（{second_day}）的打卡窗口在 {start}–{end} 重叠：其间的一次打卡可能属于两者之一"
    ),
    "late_grace_over_break": "班次 {shift}：迟到宽限 {minutes} 分钟越过 {at} 的休息（{version}）",
    "early_grace_over_break": "班次 {shift}：早退宽限 {minutes} 分钟越过 {at} 结束的休息（{version}）",
    "tier_over_break": "班次 {shift}：{name} {minutes} 分钟越过 {at} 的休息（{version}）",
    "free_window": "班次 {shift} 为自由工时，窗口是整个考勤日；班前、班后分钟不起作用",
    "flex_beyond_window": (
        "班次 {shift}：可早到 {minutes} 分钟，但窗口只在班前 {before} 分钟打开（{version}）"
    ),
    "longer_than_max_shift": (
        "班次 {shift} 长 {minutes} 分钟，超过最长配对 {limit} 分钟：整班无法配对（{version}）"
    ),
    "people_without_group": "{n} 人没有考勤组，按默认组判定",
    "no_default_group": "{n} 人没有考勤组，也没有默认组：这些人无法判定",
    "unused_shift": "班次 {shift} 没有任何组或排班使用",
    "versions_out_of_order": "{second} 写在 {first} 之后，生效却更早（{since}）",
    "version_name_twice": "两个版本都叫 {version}：解释里无法区分",
    "makeup_without_shift": "{day} 补班，但按周班制没有班次可上",
    "empty_week": "{n} 人属于本组，但周班制为空，也没有排班：每天都算休息",
    "no_effect": "{version}：{name} 不起作用，因为 {needs} 没有设置",
}

EN: Final[Mapping[str, str]] = {
    "segment_empty": "shift {shift}: segment {span} does not end after it starts",
    "segment_order": "shift {shift}: segment {span} begins before {end}, the end of the one before",
    "no_segment": "shift {shift}: it has no segment",
    "break_empty": "shift {shift}: break {span} does not end after it starts",
    "flex_start_reaches_break": "shift {shift}: a start {minutes} min later reaches the break at {at}",
    "flex_end_reaches_break": "shift {shift}: an end {minutes} min earlier reaches the break to {at}",
    "unknown_shift": "there is no shift {shift}; known are {allowed}",
    "window_too_long": (
        "shift {shift}: a window of {minutes} min reaches 24 h, from {before} min before "
        "to {after} min after it ({version})"
    ),
    "overlapping_shifts": "{second} ({second_day}) begins before {first} ({first_day}) ends",
    "unknown_parameter": "there is no parameter {name}; known are {allowed}",
    "bad_parameter": "{name} cannot be {value}; allowed: {allowed}",
    "tiers_fall": "{version}: late grace {grace}, serious {serious}, absent {absent} must not fall",
    "overlapping_versions": "{first} and {second} hold from the same date ({since})",
    "no_policy": "there is no policy version",
    "bad_value": "cannot be used: {what}",
    "bad_name": ("{name} is no name: not empty, not off, without + and comma, at most {limit} characters"),
    "unknown_group": "there is no group {group}; known are {allowed}",
    "group_in_use": "{n} people are still in group {group}; it cannot be dropped",
    "windows_overlap": (
        "the windows of {first} and {second} ({second_day}) overlap from {start} to {end}: "
        "a punch then could belong to either"
    ),
    "late_grace_over_break": (
        "shift {shift}: late grace of {minutes} min reaches over the break at {at} ({version})"
    ),
    "early_grace_over_break": (
        "shift {shift}: early grace of {minutes} min reaches over the break to {at} ({version})"
    ),
    "tier_over_break": "shift {shift}: {name} of {minutes} min reaches over the break at {at} ({version})",
    "free_window": (
        "shift {shift} has free hours, whose window is the whole day; before and after are not used"
    ),
    "flex_beyond_window": (
        "shift {shift}: one may come {minutes} min early, "
        "but its window opens {before} min before ({version})"
    ),
    "longer_than_max_shift": (
        "shift {shift} lasts {minutes} min, longer than the longest pair of {limit} min: no pair can fill it "
        "({version})"
    ),
    "people_without_group": "{n} people are in no group and are judged by the default group",
    "no_default_group": "{n} people are in no group and there is no default group: they cannot be judged",
    "unused_shift": "shift {shift} is used by no group and no roster",
    "versions_out_of_order": "{second} is written after {first} but holds earlier ({since})",
    "version_name_twice": "two versions are called {version}: explanations cannot tell them apart",
    "makeup_without_shift": "{day} is a make-up workday, but the week has no shift for it",
    "empty_week": (
        "{n} people are in the group, but its week is empty and there is no roster: every day is off"
    ),
    "no_effect": "{version}: {name} has no effect while {needs} is not set",
}

SENTENCES: Final[Mapping[Language, Mapping[str, str]]] = {"zh": ZH, "en": EN}
DAYS: Final[Mapping[Language, Mapping[str, str]]] = {
    "zh": {
        "mon": "周一", "tue": "周二", "wed": "周三", "thu": "周四", "fri": "周五", "sat": "周六",
        "sun": "周日", "same_day": "同日", "next_day": "次日",
    },
    "en": {
        "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday",
        "sat": "Saturday", "sun": "Sunday", "same_day": "the same day", "next_day": "the next day",
    },
}  # fmt: skip
ALLOWED: Final[Mapping[Language, Mapping[str, str]]] = {
    "zh": {
        "count": "从 0 起的整数",
        "unit": "从 1 起的整数",
        "nullable_count": "从 0 起的整数，或空",
        "amount": "从 0 起的数",
        "nullable_amount": "从 0 起的数，或空",
        "switch": "true、false",
        "clock": "24:00 以前的时刻，如 04:00",
        "spans": "时段列表，如 18:00-18:30",
        "tiers": "{off_min, on_min} 的列表",
        "text": "文字",
    },
    "en": {
        "count": "a whole number from 0",
        "unit": "a whole number from 1",
        "nullable_count": "a whole number from 0, or null",
        "amount": "a number from 0",
        "nullable_amount": "a number from 0, or null",
        "switch": "true, false",
        "clock": "a clock time before 24:00, like 04:00",
        "spans": "a list of clock spans like 18:00-18:30",
        "tiers": "a list of {off_min, on_min}",
        "text": "a text",
    },
}
_DAY_ARGS: Final = ("first_day", "second_day")


def sentence(fault: Fault, language: Language) -> str:
    """What is wrong, in one sentence."""
    args = {name: str(value) for name, value in fault.args.items()}
    for name in _DAY_ARGS:
        if name in args:
            args[name] = DAYS[language].get(args[name], args[name])
    if "allowed" in args:
        args["allowed"] = ALLOWED[language].get(args["allowed"], args["allowed"])
    return SENTENCES[language][fault.code].format_map(args)


def clock(minute: int) -> str:
    """``HH:MM`` of minutes after 00:00; it may pass 24:00."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def clocks(span: tuple[int, int]) -> str:
    """``HH:MM-HH:MM`` of a clock span."""
    return f"{clock(span[0])}-{clock(span[1])}"

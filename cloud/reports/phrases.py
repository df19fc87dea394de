"""Days and spans in words. The texts come from whoever speaks to the reader, the grammar is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from cloud.attendance.codec import DayBrief
from cloud.reports.calendar import LeaveName
from cloud.reports.marks import Cell, Mark, Verdict
from cloud.rules.rounding import number
from models.attendance import AttendanceDay, DayState, DayType, Duty, FindingCode, Flag, Part
from models.person import Language

_HOUR = 60
_HALVES = (Fraction(1, 2), Fraction(1))
Judged = DayBrief | AttendanceDay
_ABSENCE = frozenset({FindingCode.ABSENT, FindingCode.ABSENT_HALF, FindingCode.SHORT_HOURS})
"""Findings of absent minutes; without one of them somebody was away between two pairs (P6)."""


class Texts(Protocol):
    """The texts of one language by key."""

    @property
    def language(self) -> Language:
        """Which language."""
        ...

    def __call__(self, key: str, **values: str | float) -> str:
        """The text of ``key`` with its places filled."""
        ...

    def __contains__(self, key: str) -> bool:
        """Whether there is such a text."""
        ...


@dataclass(frozen=True, slots=True)
class Phrases:
    """Speaks of days in one language; ``leaves`` names the leave types."""

    texts: Texts
    leaves: Mapping[str, LeaveName]

    def duration(self, minutes: int) -> str:
        """``80`` is "1 小时 20 分" or "1 h 20 min"."""
        hours, rest = divmod(minutes, _HOUR)
        if not hours:
            return self.texts("unit.minutes", n=rest)
        if not rest:
            return self.texts("unit.hours", n=hours)
        return self.texts("unit.hours_minutes", h=hours, m=rest)

    def leave(self, leave_type: str) -> str:
        """The name of a leave type; an unknown one is named by its code."""
        name = self.leaves.get(leave_type)
        if name is None:
            return leave_type
        return name.zh if self.texts.language is Language.ZH else name.en

    def symbol(self, mark: Mark) -> str:
        """The mark in one or two characters: leave has that of its type, in English its initials."""
        if mark.leave_type is None:
            return self.texts(f"symbol.{mark.verdict}")
        name = self.leaves.get(mark.leave_type)
        if name is None:
            return self.texts("symbol.leave")
        if self.texts.language is Language.ZH:
            return name.symbol
        initials = "".join(word[0] for word in name.en.split()).upper()
        return initials[:2] if len(initials) > 1 else name.en[:2]

    def word(self, mark: Mark) -> str:
        """The mark as a word."""
        return (
            self.texts(f"verdict.{mark.verdict}") if mark.leave_type is None else self.leave(mark.leave_type)
        )

    def symbols(self, cell: Cell) -> str:
        """A cell as text, for exports: ``年/√``."""
        return "/".join(self.symbol(mark) for mark in cell.marks if mark.verdict is not Verdict.NONE)

    def sentence(self, day: Judged | None) -> str:
        """The result in one sentence: "迟到 6 分钟 · 早退 3 分钟"."""
        say = self.texts
        if day is None:
            return say("say.none")
        if day.duty in {Duty.NOT_EMPLOYED, Duty.EXEMPT}:
            return say(f"say.{day.duty}")
        parts = [self.finding(day, code) for code in dict.fromkeys(day.findings)] + self._away(day)
        if not _ABSENCE.intersection(day.findings) and (between := _absent_min(day)):
            parts.append(say("say.between", span=self.duration(between)))
        if overtime := sum(day.overtime_min.values()):
            parts.append(say("say.overtime", span=self.duration(overtime)))
        if day.state is DayState.IN_PROGRESS and day.duty is Duty.DUE:
            so_far = say("say.joined").join(parts)
            return say("say.in_progress_so_far", findings=so_far) if parts else say("say.in_progress")
        if day.state is DayState.PENDING_DATA:
            parts.append(say("say.pending_data"))
        if day.duty is Duty.OFF:
            parts.insert(0, self._off(day))
        return say("say.joined").join(parts) or say("say.normal")

    def finding(self, day: Judged, code: FindingCode) -> str:
        """One finding with its measure."""
        say = self.texts
        minutes = {
            FindingCode.LATE: day.late_min,
            FindingCode.SERIOUS_LATE: day.serious_late_min,
            FindingCode.EARLY: day.early_min,
        }
        if code in minutes:
            return say(f"say.{code}", n=minutes[code])
        if code is FindingCode.ABSENT:
            return say("say.absent", n=number(day.absent_days))
        if code is FindingCode.SHORT_HOURS:
            return say("say.short_hours", n=_absent_min(day))
        return say(f"say.{code}")

    def delta(self, changes: Mapping[str, Fraction]) -> str:
        """What changed of a closed day: "旷工天数 -1 · 请假天数 病假 +1"."""
        say = self.texts
        parts = []
        for name, change in changes.items():
            field, _, kind = name.partition(".")
            word = say(f"field.{field}")
            if kind:
                word += " " + (say(f"value.{kind}") if f"value.{kind}" in say else self.leave(kind))
            parts.append(say("closed.delta", field=word, n=f"{number(change):+}"))
        return say("say.joined").join(parts)

    def _away(self, day: Judged) -> list[str]:
        found = [
            self.texts(
                "say.leave", name=self.leave(leave), span=self._span(days, day.leave_min.get(leave, 0))
            )
            for leave, days in sorted(day.leave_days.items())
        ]
        if day.trip_days or day.trip_min:
            found.append(self.texts("say.trip", span=self._span(day.trip_days, day.trip_min)))
        if day.outing_min:
            found.append(self.texts("say.outing", span=self.duration(day.outing_min)))
        return found

    def _span(self, days: Fraction, minutes: int) -> str:
        """Whole and half days as days, anything else by the clock."""
        if days in _HALVES or not minutes:
            return self.texts("unit.days", n=number(days))
        return self.duration(minutes)

    def _off(self, day: Judged) -> str:
        if day.day_type is DayType.STATUTORY:
            return self.texts("say.statutory")
        return self.texts("say.on_trip" if Flag.ON_TRIP in day.flags else "say.rest")


def _absent_min(day: Judged) -> int:
    return sum(span.end_min - span.start_min for span in day.timeline if span.part is Part.ABSENT)

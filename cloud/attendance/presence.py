"""Which punches make the presence of a date, so that it is counted of others to the millisecond (P9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloud.rules import minutes
from cloud.rules.day import Days, edges_ms
from cloud.rules.judged import Sheet
from cloud.rules.minutes import Minutes
from cloud.rules.plan import InstanceKind


@dataclass(frozen=True, slots=True)
class Presence:
    """The instants of a date, by the numbers they have there.

    Attributes:
        came, left: the IN and the OUT of the date; None: there is none.
        pairs: IN and OUT, and what of the time between is unpaid, minutes after midnight.
    """

    came: int | None
    left: int | None
    pairs: tuple[tuple[int, int, Minutes], ...]

    def of(self, at_ms: Sequence[int | None]) -> tuple[int | None, int | None, int]:
        """IN, OUT and what the pairs last less unpaid time, of instants by number, ms after midnight."""
        total = 0
        for came, left, unpaid in self.pairs:
            start, end = at_ms[came], at_ms[left]
            if start is not None and end is not None:
                total += end - start - minutes.overlap_ms(start, end, unpaid)
        return (
            None if self.came is None else at_ms[self.came],
            None if self.left is None else at_ms[self.left],
            total,
        )


def presence_of(
    sheet: Sheet, days: Days, midnight: int, firsts: Mapping[int, int], lasts: Mapping[int, int]
) -> Presence:
    """Of a judged date; ``firsts``, ``lasts``: numbers of what may be IN, and OUT, by their instants."""
    in_ms, out_ms = edges_ms(sheet, days.view)
    return Presence(
        None if in_ms is None else firsts[in_ms],
        None if out_ms is None else lasts[out_ms],
        tuple(
            [
                (firsts[start], lasts[end], _unpaid(sheet, midnight, free=free))
                for (start, end), free in sheet.roles.pairs()
            ]
        ),
    )


def _unpaid(sheet: Sheet, midnight: int, *, free: bool) -> Minutes:
    """The time without presence in a pair; there are no overtime breaks."""
    spans = sheet.plan.gaps
    if free:
        spans = minutes.normalise(
            [span for i in sheet.plan.instances if i.kind is InstanceKind.FREE for span in i.breaks]
        )
    return tuple([(start - midnight, end - midnight) for start, end in spans])

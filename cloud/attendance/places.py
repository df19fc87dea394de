"""What a date asks, put so that dates and people who are asked the same have the same question.

A :class:`Place` is one date among its neighbours; its :class:`Shape` says the same in minutes after local
midnight, so that all plain Tuesdays of a firm share one, and with it the answers that the rules engine has
given: :mod:`cloud.attendance.answers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum
from typing import Final

from cloud.attendance.answers import Answer, Claimed, Edges, Given, Question, Wording, somebody
from cloud.attendance.exact import Asked
from cloud.attendance.hours import Hours
from cloud.rules.errors import RefusedInput
from cloud.rules.minutes import Span
from cloud.rules.plan import DayPlan, PlanBook
from models.attendance import DayState
from models.office import OfficeRecord

OFFSETS: Final = tuple(timedelta(days=days) for days in (-3, -2, -1, 0, 1, 2))
"""Dates whose windows can hold a punch of the date in the middle; see :meth:`Shapes.bounded`."""
SELF: Final = 3

Plans = tuple[DayPlan, ...]


class Whose(Enum):
    """Whose a punch is, as far as windows tell."""

    ELSEWHERE = 1
    OWN = 2
    LOOSE = 3
    """In no window, but in the attendance day (A5)."""
    CONTESTED = 4


QuickDay = tuple[date, bytes, str, str, int | None]
"""A day as it is stored, and what is kept beside it: its state, its rule version, and when it settles.

None: it is final.
"""


@dataclass(slots=True)
class Shape:
    """A question but for the punches.

    Attributes:
        asked: whom the engine was asked about, without a record, by the state of the date.
        beside: its hours beside a dated record.
        answers: to the questions asked so far, None where none can be shared.
        within: the same to those about punches on the date itself, whatever kinds other dates are of.
        quiet: what is said of days without punches.
        worded: what is said of worked days, by edges, whether some punch was a double, and the record.
        plain: of these the ones of two edges, with nothing else to be filled in, by the edges.
        exact: the same by what is said there, and the record that claims the date or mends a punch.
    """

    hours: Hours | None
    within: dict[Question, Answer | None]
    asked: dict[DayState, Given] = field(default_factory=dict)
    answers: dict[Question, Answer | None] = field(default_factory=dict)
    quiet: dict[Question, Wording | None] = field(default_factory=dict)
    beside: dict[Claimed, Hours | None] = field(default_factory=dict)
    worded: dict[tuple[Edges, bool, Claimed | None], Wording | None] = field(default_factory=dict)
    plain: dict[tuple[int, int], Wording] = field(default_factory=dict)
    exact: dict[tuple[Asked, Claimed | None], Wording | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A date for everybody with the same plans around it. Instants in ms since 1970.

    Attributes:
        low_ms, high_ms: attendance day and own windows together: punches elsewhere do not concern the date.
        marks_ms, whose: instants at which it changes whose a punch is (A2, A5), and whose it is before the
            first, between each two, and after the last.
        sole: the only window that can have a punch of the date; without any instant where there are others.
        settles_ms: end of its last window (S1); None: nobody waits for it.
        head: the stored day up to its date; plain_head: the same with presence and IN and OUT on the date
            itself, to be filled in; iso: the day before, the date and the two after, as they begin ISO times;
            offset: how ISO times end.
        dates: the same four as clock times of another date begin, the last first.
        kept: the final day without punch or record, once it is known.
    """

    day: date
    around: Plans
    shape: Shape
    midnight_ms: int
    low_ms: int
    high_ms: int
    marks_ms: list[int]
    whose: list[Whose]
    sole: Span
    settles_ms: int | None
    head: bytes
    plain_head: bytes
    iso: tuple[bytes, ...]
    dates: tuple[bytes, ...]
    offset: bytes
    kept: list[QuickDay] = field(default_factory=list)

    @property
    def plan(self) -> DayPlan:
        """The plan of the date itself."""
        return self.around[SELF]

    def somebody(self, plans: PlanBook, state: DayState, record: OfficeRecord | None) -> Given:
        """Whom to ask the engine about in place of anybody whose date this is."""
        if record is not None:
            return somebody(plans, self.around, self.plan, state, record)
        asked = self.shape.asked
        if state not in asked:
            asked[state] = somebody(plans, self.around, self.plan, state, None)
        return asked[state]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The places of consecutive dates; ``refused``: why none of them can be judged (V3).

    ``overtime``: what forms make of them, by their instants.
    """

    first: int
    places: Sequence[Place | None]
    refused: RefusedInput | None
    overtime: dict[Span, Overtime] = field(default_factory=dict)

    def place(self, ordinal: int) -> Place | None:
        """The place of a date; None: there is none, or it is not in the stretch."""
        number = ordinal - self.first
        return self.places[number] if 0 <= number < len(self.places) else None

    def reached(self, ordinal: int, windows: Sequence[Span]) -> bool:
        """Whether a punch in one of the windows may concern a date."""
        place = self.place(ordinal)
        return place is not None and any(
            start < place.high_ms and end > place.low_ms for start, end in windows
        )


@dataclass(frozen=True, slots=True)
class Overtime:
    """What an overtime form makes of the dates around it.

    Attributes:
        home: the date it belongs to (A6); None: there is none.
        place: that date with it; None: only the engine knows.
        reached: dates of the stretch that the windows it has made or widened reach.
    """

    home: int | None
    place: Place | None
    reached: frozenset[int]

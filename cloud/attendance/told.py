"""What is said of the edges of a date, kept, and put together where the engine has said it of others."""

from __future__ import annotations

from typing import Final

from cloud.attendance.answers import (
    Answer,
    Claimed,
    Edges,
    Question,
    Wording,
    ask,
    combined,
    wording,
)
from cloud.attendance.ends import put_first
from cloud.attendance.hours import Hours
from cloud.attendance.places import Place
from cloud.rules.plan import PlanBook
from models.attendance import DayState
from models.office import OfficeRecord

Claim = tuple[OfficeRecord, Claimed] | tuple[None, None]
"""A record, and what it says of the date; None: there is none."""

NO_CLAIM: Final[Claim] = (None, None)
_ANSWERS: Final = 20_000
"""Of a shape, some 30 MB; a service that runs for months may be asked for more."""
_DAY_MIN: Final = 1440


def answer_to(
    plans: PlanBook, place: Place, question: Question, record: OfficeRecord | None
) -> Answer | None:
    """The engine's answer, kept."""
    answers = place.shape.within if _on_date(question[1]) else place.shape.answers
    try:
        return answers[question]
    except KeyError:
        if len(answers) >= _ANSWERS:
            answers.clear()
        found = answers[question] = ask(place.somebody(plans, question[0], record), question)
        return found


def _on_date(edges: Edges) -> bool:
    """Whether there are punches, all on the date itself."""
    for minute in edges:
        if minute is not None and not 0 <= minute <= _DAY_MIN:
            return False
    return bool(edges)


def worded(
    plans: PlanBook,
    place: Place,
    hours: Hours,
    edges: Edges,
    doubled: bool,  # noqa: FBT001
    claim: Claim,
) -> Wording | None:
    """What is said of the edges of a final date, kept; ``doubled``: some punch was a double."""
    kept = place.shape.worded
    if hours.any_place:
        edges = put_first(hours.pieces[0], edges)
    key = (edges, doubled, claim[1])
    try:
        return kept[key]
    except KeyError:
        if len(kept) >= _ANSWERS:
            kept.clear()
        found = kept[key] = _told(plans, place, hours, edges, claim, doubled=doubled)
        return found


def plainly_worded(plans: PlanBook, place: Place, hours: Hours, edges: tuple[int, int]) -> Wording | None:
    """The same of two edges and no double, kept; None if more than these is to be filled in."""
    kept = place.shape.plain
    said = worded(plans, place, hours, edges, False, NO_CLAIM)  # noqa: FBT003
    if said is None or not said.of_edges:
        return None
    if len(kept) >= _ANSWERS:
        kept.clear()
    kept[edges] = said
    return said


def _told(
    plans: PlanBook, place: Place, hours: Hours, edges: Edges, claim: Claim, *, doubled: bool
) -> Wording | None:
    """What is said of the edges, and the remarks that are made besides where they can be told apart."""
    record, claimed = claim

    def answer(edges: Edges, *, doubled: bool = False) -> Answer | None:
        return answer_to(plans, place, (DayState.FINAL, edges, doubled, claimed), record)

    found = None
    on_time, out = hours.on_time, edges[-1]
    if on_time is not None:
        moved = 0 if edges[0] is None else hours.moved_min(edges[0])
        end = on_time[-1] + moved
        over = out is not None and out > end and (not moved or out - min(moved, 0) < _DAY_MIN)
        if edges[-2] is None and record is not None:
            # Without an IN beside it, the OUT may be the pair of what a correction says, and of punches all
            # around leave, which need no pair (J11).
            over = False
        # Time after the hours is outside schedule only if it belongs to a pair (O1).
        later_min = out - end if over and out is not None and edges[-2] is not None else 0
        if over or doubled:
            core = answer((*edges[:-1], end) if over else edges)
            base = answer(on_time)
            double = answer(on_time, doubled=True) if doubled else base
            later = answer((*on_time[:-1], on_time[-1] + later_min)) if later_min else base
            if core and base and double and later:
                found = combined(core, base, double, later)
    if found is not None:
        return found
    whole = answer(edges, doubled=doubled)
    return None if whole is None else wording(whole)

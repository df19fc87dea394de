"""From verdicts on single frames to one statement about one person at the door.

One frame is never enough: it takes two in a row that agree. Who stays in view has been dealt with, until
nobody is there or somebody else is.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.face.detect import Box
from edge.face.search import Doubt, Match, Stranger, Verdict
from edge.identification import Identification, Identified, Unknown, Unsure
from models.ids import PersonId
from models.punch import Method

GONE_MS = 700
"""Without a face for so long, the place before the camera is empty: a blink of the detector is shorter."""

_SAME_FACE_OVERLAP = 0.2


@dataclass(frozen=True, slots=True)
class TrackRules:
    """When enough has been seen.

    ``agree``: frames in a row that must name one person. ``give_up``: frames judged before saying that
    nobody can be named. ``recheck_ms``: how often a face that has been dealt with is looked at again, in
    case it is another one.
    """

    agree: int = 2
    give_up: int = 6
    recheck_ms: int = 600


class Tracker:
    """What is known of the face at the door. Times are monotonic milliseconds.

    For each frame call :meth:`nobody`, :meth:`crowd`, or :meth:`wants_verdict` and then, if it says so and
    the frame is good enough to be judged, :meth:`judged`.
    """

    def __init__(self, rules: TrackRules | None = None) -> None:
        self._rules = rules or TrackRules()
        self._present: PersonId | None = None
        self._seen_ms: int | None = None
        self._box: Box | None = None
        self._judged_ms = 0
        self._frames = 0
        self._streak = 0
        self._leader: PersonId | None = None
        self._best = 0.0
        self._saw_somebody = False
        self._is_settled = False

    def nobody(self, now_ms: int) -> None:
        """No face near enough."""
        self._streak, self._leader = 0, None
        if self._seen_ms is not None and now_ms - self._seen_ms >= GONE_MS:
            self._present, self._seen_ms, self._box = None, None, None
            self._begin()

    def crowd(self, now_ms: int) -> None:
        """Several faces, and none can be told to be meant: nobody is judged, and nobody has left."""
        self._streak, self._leader = 0, None
        self._seen_ms = now_ms

    def wants_verdict(self, box: Box, now_ms: int) -> bool:
        """Whether the face at ``box`` should be embedded and searched in this frame."""
        if self._box is None or self._box.overlap(box) < _SAME_FACE_OVERLAP:
            self._begin()
        self._box, self._seen_ms = box, now_ms
        return not self._is_settled or self._streak > 0 or now_ms - self._judged_ms >= self._rules.recheck_ms

    def judged(self, verdict: Verdict, now_ms: int) -> Identification | None:
        """Take in the verdict on this frame; what can be said now that was not said before, if anything."""
        self._judged_ms = now_ms
        self._frames += 1
        self._saw_somebody |= not isinstance(verdict, Stranger)
        match verdict:
            case Match(person_id, score):
                return self._named(person_id, score)
            case Doubt() | Stranger():
                self._streak, self._leader = 0, None
                return self._given_up()

    def _begin(self) -> None:
        self._frames = 0
        self._streak = 0
        self._leader = None
        self._saw_somebody = False
        self._is_settled = False

    def _named(self, person_id: PersonId, score: float) -> Identification | None:
        if person_id == self._present:
            self._is_settled, self._streak, self._leader = True, 0, None
            return None
        if person_id != self._leader:
            self._leader, self._streak, self._best = person_id, 0, 0.0
        self._streak += 1
        self._best = max(self._best, score)
        if self._streak < self._rules.agree:
            return self._given_up()
        self._present, self._is_settled, self._streak = person_id, True, 0
        return Identified(person_id, Method.FACE, round(self._best * 1000))

    def _given_up(self) -> Identification | None:
        patience = self._rules.give_up + (self._rules.agree if self._streak else 0)
        if self._is_settled or self._frames < patience:
            return None
        self._is_settled = True
        return Unsure(Method.FACE) if self._saw_somebody else Unknown(Method.FACE)

"""The moment at the door: somebody was identified, or not; a punch is made; the screen says what is true."""

from __future__ import annotations

from typing import assert_never
from uuid import UUID

import structlog

from edge.identification import Identification, Identified, Unknown, Unsure
from edge.kiosk import screen
from edge.kiosk.screen import Notice
from edge.punch import recorder
from edge.punch.recorder import Outcome, PunchRecorder
from edge.roster.store import RosterStore
from models.ids import PunchId
from models.person import Language, Person

log = structlog.get_logger(__name__)


class Door:
    """Turns what the recognisers say into punches and words; may be used from any thread."""

    def __init__(self, punches: PunchRecorder, roster: RosterStore) -> None:
        self._punches = punches
        self._roster = roster

    def answer(self, identification: Identification) -> Notice:
        """Make the punch if somebody was identified; what the screen must say, once that is certain."""
        match identification:
            case Identified():
                outcome = self._punches.record(identification)
                notice = _notice(outcome, self._roster.current.person(identification.person_id))
            case Unsure():
                notice = screen.NotSure()
            case Unknown():
                notice = screen.NotRecognised()
            case _:
                assert_never(identification)
        log.info(
            "identification_answered",
            method=identification.method.name.lower(),
            answer=type(notice).__name__,
        )
        return notice

    def disown(self, reference: str) -> None:
        """Keep that the person named for the punch ``reference`` says it is not theirs.

        Raises:
            LedgerUnavailable: it was not kept.
        """
        self._punches.disown(PunchId(UUID(reference)))
        log.warning("punch_disowned", punch=reference)


def _notice(outcome: Outcome, person: Person | None) -> Notice:
    # Somebody enrolled here but no longer on the roster: the punch is kept, their name is not known.
    name = person.name if person else ""
    language = person.language if person else Language.ZH
    match outcome:
        case recorder.Recorded(punch):
            return screen.Recorded(name, punch.wall_ms, language, punch.direction, str(punch.punch_id))
        case recorder.Repeated(first_wall_ms):
            return screen.Repeated(name, first_wall_ms, language)
        case recorder.NotRecorded():
            return screen.NotRecorded()
        case _:
            assert_never(outcome)

"""What ``kaoqin-edge enrol`` does; each command says its results, line by line, to whoever asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import cv2

from edge.camera.frame import Picture
from edge.enrol.errors import ConsentMissing
from edge.enrol.face import FaceEnrolled, LooksLike, NoGoodPicture, PicturesDisagree, Refusal, enrol_face
from edge.enrol.finger import POSITIONS, FingerEnrolled, FingerOf, enrol_finger
from edge.enrol.gallery import Gallery, open_gallery
from edge.errors import CannotStart, EdgeError
from edge.face.engine import FaceEngine
from edge.finger.enrolment import FingerDesk, NobodyCame, SensorFull
from edge.finger.errors import SensorUnavailable
from edge.roster.store import Roster, RosterStore
from edge.settings import EdgeSettings, load_settings
from models.clock import SystemClock, from_ms
from models.ids import PersonId
from models.person import Person

Say = Callable[[str], None]

_NO_SENSOR = "none"
_GOOD_NUMBER = 3
"""Pictures of one face, taken differently; from here on more add little."""


class NotStored(EdgeError):
    """The enrolment was refused; nothing was stored, for the reason in the message."""


class NobodyByThatNumber(CannotStart):
    """The employee number is not on this terminal's roster, and nothing is stored under it."""


class PictureUnreadable(CannotStart):
    """A picture's file cannot be read as a picture."""


def enrol_one_face(
    state: Path | None, employee_no: str, files: Sequence[Path], say: Say, *, consent: bool
) -> None:
    """Enrol the face in ``files`` as this person's, in place of what was stored before."""
    settings, roster = _site(state)
    person = _person(roster, employee_no)
    consent_ms = _consent(person, is_given=consent)
    pictures = [_read(path) for path in files]
    with closing(open_gallery(settings.state)) as gallery:
        done = enrol_face(FaceEngine.open(), gallery, person.person_id, pictures, consent_ms)
    if isinstance(done, FaceEnrolled | NoGoodPicture):
        for place, poor in done.poor.items():
            say(f"{files[place]}: left out, {poor.value}")
    if not isinstance(done, FaceEnrolled):
        raise NotStored(_why_no_face(done, roster, files))
    say(f"{_label(person)}: {done.templates} face template{'s' * (done.templates != 1)} stored.")
    if done.templates < _GOOD_NUMBER:
        say("Three to five different pictures make it surer, for example with and without glasses.")


def _why_no_face(refusal: Refusal, roster: Roster, files: Sequence[Path]) -> str:
    match refusal:
        case NoGoodPicture():
            return "none of the pictures is good enough"
        case PicturesDisagree(first, second):
            return f"{files[first]} and {files[second]} do not show one person"
        case LooksLike(other):
            return f"this looks like {_named(roster, other)}, who is enrolled already"


def enrol_one_finger(
    state: Path | None, employee_no: str, position: str, sensor: str | None, say: Say, *, consent: bool
) -> None:
    """Guide one finger of this person through its presses on the sensor, which nobody else may hold."""
    settings, roster = _site(state)
    person = _person(roster, employee_no)
    consent_ms = _consent(person, is_given=consent)
    if position not in POSITIONS:
        raise CannotStart(f'"{position}" is no finger; these are: {", ".join(POSITIONS)}')
    port = sensor or settings.sensor
    if port == _NO_SENSOR:
        raise CannotStart("no fingerprint sensor is set: name its port with --sensor PATH")
    with closing(open_gallery(settings.state)) as gallery, FingerDesk(port, SystemClock()) as desk:
        done = enrol_finger(
            desk, gallery, person.person_id, position, consent_ms, lambda hint: say(hint.value)
        )
    match done:
        case FingerEnrolled(slot):
            say(f"{_label(person)}: {position} stored, slot {slot} of the sensor.")
        case FingerOf(other):
            raise NotStored(f"this finger is enrolled already, as one of {_named(roster, other)}")
        case SensorFull():
            raise NotStored("the sensor is full")
        case NobodyCame():
            raise NotStored("the presses were not finished in time")


def erase(state: Path | None, number_or_id: str, sensor: str | None, say: Say) -> None:
    """Delete all that is stored of a person, by employee number or by person id."""
    settings, roster = _site(state)
    with closing(open_gallery(settings.state)) as gallery:
        person_id = _known(roster, gallery, number_or_id)
        erased = gallery.erase(person_id)
        say(f"{_named(roster, person_id)}: {erased.faces} faces and {erased.fingers} fingers erased.")
        _clear_sensor(gallery, sensor or settings.sensor)
        if left := gallery.slots_to_clear():
            say(f"The running terminal will clear {len(left)} slots of the sensor.")


def _clear_sensor(gallery: Gallery, port: str) -> None:
    """Clear the sensor now if nobody else holds it: a running terminal does it by itself."""
    slots = gallery.slots_to_clear()
    if not slots or port == _NO_SENSOR:
        return
    try:
        with FingerDesk(port, SystemClock()) as desk:
            for slot in desk.clear(slots):
                gallery.slot_cleared(slot)
    except SensorUnavailable:
        return


def list_holdings(state: Path | None, say: Say) -> None:
    """Say what is stored of whom."""
    settings, roster = _site(state)
    with closing(open_gallery(settings.state)) as gallery:
        holdings = gallery.holdings()
    for held in holdings:
        fingers = ", ".join(held.fingers) or "no fingers"
        consent = from_ms(held.consent_ms).date()
        say(f"{_named(roster, held.person_id)}: {held.faces} faces, {fingers}; consent of {consent} (UTC)")
    if not holdings:
        say('Nobody is enrolled yet; "kaoqin-edge enrol face" and "enrol finger" do it.')


def _site(state: Path | None) -> tuple[EdgeSettings, Roster]:
    settings = load_settings(state=state)
    return settings, RosterStore(settings.state).current


def _person(roster: Roster, employee_no: str) -> Person:
    person = roster.by_employee_no(employee_no)
    if person is None:
        raise NobodyByThatNumber(
            f"employee number {employee_no} is not on this terminal's roster of {len(roster.people)} people"
        )
    return person


def _known(roster: Roster, gallery: Gallery, number_or_id: str) -> PersonId:
    """Whom to erase: people who have left the roster are named by their id, as ``list`` shows it."""
    person = roster.by_employee_no(number_or_id)
    if person is not None:
        return person.person_id
    stored = {held.person_id for held in gallery.holdings()}
    if number_or_id in stored:
        return PersonId(number_or_id)
    raise NobodyByThatNumber(f"{number_or_id} is neither on the roster nor the id of anybody stored here")


def _consent(person: Person, *, is_given: bool) -> int:
    if not is_given:
        raise ConsentMissing(
            f"{_label(person)} has to agree that a template of theirs is stored: ask, then add --consent"
        )
    return SystemClock().wall_ms()


def _read(path: Path) -> Picture:
    picture = cast("Picture | None", cv2.imread(str(path), cv2.IMREAD_COLOR)) if path.is_file() else None
    if picture is None:
        raise PictureUnreadable(f"{path} is no picture that can be read")
    return picture


def _label(person: Person) -> str:
    return f"{person.name} ({person.employee_no})"


def _named(roster: Roster, person_id: PersonId) -> str:
    person = roster.person(person_id)
    return str(person_id) if person is None else _label(person)

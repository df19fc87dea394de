r"""What the screen shows now. Pure: times come in, a view comes out; all times monotonic milliseconds.

::

    idle <--near/gone--> looking
      \                     |
       +---- a notice ------+--> held for its time, or until the next notice
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from edge.face.presence import Presence
from edge.kiosk.names import NameStyle, shown
from models.person import Language
from models.punch import Direction

NOT_ME_MS = 10_000
"""How long after a punch its supposed owner can say that it is not theirs."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Durably stored: say so. ``reference`` names the punch in case the person says "not me".

    ``wall_ms``: when it was made. ``language``: the person's own.
    """

    name: str
    wall_ms: int
    language: Language
    direction: Direction = Direction.NONE
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same person's punch of ``wall_ms`` is stored already; nothing was added."""

    name: str
    wall_ms: int
    language: Language


@dataclass(frozen=True, slots=True)
class NotSure:
    """Somebody known, perhaps: ask for another way."""


@dataclass(frozen=True, slots=True)
class NotRecognised:
    """Nobody known."""


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """Known, but the punch is NOT stored: the person must not walk on believing it is."""


@dataclass(frozen=True, slots=True)
class Noted:
    """The person said "not me", and it is kept for the admin."""


Notice = Recorded | Repeated | NotSure | NotRecognised | NotRecorded | Noted

_HOLD_MS: dict[type[Notice], int] = {
    Recorded: 2500,
    Repeated: 2500,
    NotSure: 4000,
    NotRecognised: 2500,
    NotRecorded: 8000,
    Noted: 4000,
}
_KINDS: dict[type[Notice], str] = {
    Recorded: "recorded",
    Repeated: "repeated",
    NotSure: "unsure",
    NotRecognised: "unknown",
    NotRecorded: "not_recorded",
    Noted: "noted",
}
_DIRECTIONS = {Direction.NONE: None, Direction.IN: "in", Direction.OUT: "out"}


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the terminal is, for the quiet line at the foot.

    Attributes:
        site: name of the place.
        zone: its IANA time zone.
        is_online: the cloud answers.
        waiting: punches it has not acknowledged.
        camera, sensor: "ok", "away" or "none", as in models.wire.messages.Part.
        is_clock_set: the wall clock was set since boot.
        is_clock_off: it is more than 30 s from the cloud's.
        storage: "ok", "filling" or "full".
    """

    site: str
    zone: str
    is_online: bool
    waiting: int
    camera: str
    sensor: str
    is_clock_set: bool = True
    is_clock_off: bool = False
    storage: str = "ok"


class Shown(msgspec.Struct, frozen=True):
    """A notice as the page gets it; ``serial`` tells two equal ones apart."""

    kind: str
    serial: int
    name: str | None = None
    at_ms: int | None = None
    direction: str | None = None
    language: str | None = None


class View(msgspec.Struct, frozen=True):
    """All the page needs. ``ask`` and ``foot``: keys of the words. ``disputable``: a punch's reference."""

    site: str
    zone: str
    is_near: bool
    has_camera: bool
    ask: str
    foot: tuple[str, ...]
    waiting: int
    notice: Shown | None
    disputable: str | None


class Screen:
    """The state of the screen; ``names`` is how much of a name it may show."""

    def __init__(self, names: NameStyle) -> None:
        self._names = names
        self._is_near = False
        self._serial = 0
        self._notice: Notice | None = None
        self._shown_ms = 0
        self._recorded: Recorded | None = None
        self._recorded_ms = 0

    def show(self, notice: Notice, now_ms: int) -> None:
        """Show ``notice`` for its time, in place of any other."""
        self._notice, self._shown_ms = notice, now_ms
        self._serial += 1
        if isinstance(notice, Recorded):
            self._recorded, self._recorded_ms = notice, now_ms
        else:
            self._recorded = None

    def presence(self, presence: Presence) -> None:
        """Somebody stands before the camera, or nobody does any more."""
        self._is_near = presence is Presence.NEAR

    def view(self, conditions: Conditions, now_ms: int) -> View:
        """What is to be seen at ``now_ms``."""
        return View(
            site=conditions.site,
            zone=conditions.zone,
            is_near=self._is_near,
            has_camera=conditions.camera == "ok",
            ask=_ask(conditions),
            foot=_foot(conditions),
            waiting=conditions.waiting,
            notice=self._current(now_ms),
            disputable=self._disputable(now_ms),
        )

    def next_change_ms(self, now_ms: int) -> int | None:
        """When the view will change by itself, if it will."""
        ends = []
        if self._notice is not None:
            ends.append(self._shown_ms + _HOLD_MS[type(self._notice)])
        if self._recorded is not None:
            ends.append(self._recorded_ms + NOT_ME_MS)
        return min((end for end in ends if end > now_ms), default=None)

    def _current(self, now_ms: int) -> Shown | None:
        notice = self._notice
        if notice is None or now_ms - self._shown_ms >= _HOLD_MS[type(notice)]:
            return None
        kind = _KINDS[type(notice)]
        match notice:
            case Recorded():
                name, direction = shown(notice.name, self._names), _DIRECTIONS[notice.direction]
                return Shown(kind, self._serial, name, notice.wall_ms, direction, notice.language)
            case Repeated():
                name = shown(notice.name, self._names)
                return Shown(kind, self._serial, name, notice.wall_ms, None, notice.language)
            case _:
                return Shown(kind, self._serial)

    def _disputable(self, now_ms: int) -> str | None:
        if self._recorded is None or now_ms - self._recorded_ms >= NOT_ME_MS:
            return None
        return self._recorded.reference or None


def _ask(conditions: Conditions) -> str:
    match conditions.camera == "ok", conditions.sensor == "ok":
        case True, True:
            return "look_or_press"
        case True, False:
            return "look"
        case False, True:
            return "press"
        case _:
            return "type"


def _foot(conditions: Conditions) -> tuple[str, ...]:
    words = []
    if conditions.storage != "ok":
        words.append(f"storage_{conditions.storage}")
    if not conditions.is_online:
        words.append("offline")
    away = conditions.camera == "away", conditions.sensor == "away"
    if all(away):
        words.append("both_away")
    elif away[0]:
        words.append("camera_away")
    elif away[1]:
        words.append("sensor_away")
    if not conditions.is_clock_set:
        words.append("clock_unset")
    elif conditions.is_clock_off:
        words.append("clock_off")
    if conditions.is_online and not words:
        words.append("sending" if conditions.waiting else "online")
    return tuple(words)

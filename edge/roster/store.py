"""The roster as the terminal uses it, kept in a file so that it is there without the cloud."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import structlog

from edge.roster.files import replace_file
from models.ids import PersonId
from models.person import Language, Person
from models.wire.messages import Roster as WireRoster

_FILE = "roster.json"
_PRIVATE = 0o600  # PIN hashes are in it

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Roster:
    """Whom this terminal may know; an immutable snapshot.

    ``version`` is the cloud's tag for exactly these people, ``zone`` the IANA name of the site's time zone.
    """

    people: tuple[Person, ...] = ()
    version: str = ""
    site: str = ""
    zone: str = "UTC"
    _by_id: dict[PersonId, Person] = field(init=False, repr=False, compare=False)
    _by_employee_no: dict[str, Person] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {person.person_id: person for person in self.people})
        object.__setattr__(self, "_by_employee_no", {person.employee_no: person for person in self.people})

    def person(self, person_id: PersonId) -> Person | None:
        """Who has this id, if they are on the roster."""
        return self._by_id.get(person_id)

    def by_employee_no(self, no: str) -> Person | None:
        """Who has this employee number (工号), if they are on the roster."""
        return self._by_employee_no.get(no)


class RosterStore:
    """The newest roster, in memory and in the state folder; may be used from any thread."""

    def __init__(self, state: Path) -> None:
        self._path = state / _FILE
        self._lock = threading.Lock()
        self._current = self._load()

    @property
    def current(self) -> Roster:
        """The newest roster."""
        return self._current

    def replace(self, fresh: WireRoster) -> Roster:
        """Make ``fresh`` the current roster. It is used even if the disk refuses to keep it."""
        with self._lock:
            self._current = _from_wire(fresh)
            try:
                replace_file(self._path, msgspec.json.encode(fresh), _PRIVATE)
            except OSError as error:
                log.warning("roster_not_kept", error=str(error))
            return self._current

    def _load(self) -> Roster:
        try:
            return _from_wire(msgspec.json.decode(self._path.read_bytes(), type=WireRoster))
        except FileNotFoundError:
            return Roster()
        except (OSError, msgspec.DecodeError) as error:
            # The cloud has it; a damaged copy must not keep the door closed.
            log.warning("roster_unreadable", error=str(error))
            return Roster()


def _from_wire(roster: WireRoster) -> Roster:
    return Roster(
        people=tuple(
            Person(
                person_id=PersonId(each.person_id),
                employee_no=each.employee_no,
                name=each.name,
                language=Language(each.language) if each.language in set(Language) else Language.ZH,
                pin_hash=each.pin_hash,
            )
            for each in roster.people
        ),
        version=roster.version,
        site=roster.site,
        zone=roster.zone,
    )

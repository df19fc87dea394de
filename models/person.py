"""Person, as a terminal may know one: no more than it needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.ids import PersonId


class Language(StrEnum):
    """Languages Kaoqin speaks to people."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Person:
    """One member of staff on a terminal's roster.

    Attributes:
        employee_no: the number the firm knows them by (工号); typed at PIN entry.
        name: shown on the kiosk as much as the site allows.
        pin_hash: argon2id of the PIN, or None where the person has none.
    """

    person_id: PersonId
    employee_no: str
    name: str
    language: Language = Language.ZH
    pin_hash: str | None = None

"""What a draft would change in a month, part by part, so that a page can show how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from cloud.attendance.facts import AsOf
from cloud.attendance.rulesets import Cache
from cloud.attendance.whatif import Otherwise, WhatIf, what_if
from cloud.rulebook.draft import Draft
from cloud.rulebook.touched import Books, Touched, books, touched
from models.ids import PersonId

DAYS_A_PART = 6_000
"""Person-days judged in one part: about a second."""


@dataclass(frozen=True, slots=True)
class Part:
    """What some people's results would be.

    Attributes:
        after: the last person of the part, to go on behind; None: nobody is left.
        people_n, people_all: how many people have been looked at so far, and are to be.
    """

    found: WhatIf
    after: PersonId | None
    people_n: int
    people_all: int


@dataclass(frozen=True, slots=True)
class Trial:
    """A draft, what both rulebooks mean, and the person-days it touches."""

    draft: Draft
    books: Books
    days: Touched

    @classmethod
    def of(cls, connection: Connection, draft: Draft, view: AsOf, cache: Cache) -> Trial:
        """The trial of ``draft`` on the facts there are."""
        both = books(draft, view.zone, cache)
        return cls(draft, both, touched(connection, draft, both, view))

    @property
    def days_n(self) -> int:
        """How many person-days would be judged again."""
        return sum(map(len, self.days.values()))

    def within(self, span: tuple[date, date]) -> Touched:
        """The touched days from ``span[0]`` to ``span[1]``, both in."""
        first, last = span
        asked: Touched = {}
        for person, dates in self.days.items():
            inside = tuple(day for day in dates if first <= day <= last)
            if inside:
                asked[person] = inside
        return asked

    def judge(
        self, connection: Connection, span: tuple[date, date], view: AsOf, behind: PersonId | None = None
    ) -> Part:
        """The touched days of ``span`` judged by both rules: of some people, those behind ``behind``."""
        asked = self.within(span)
        order = sorted(asked)
        first = 0 if behind is None else sum(person <= behind for person in order)
        part: dict[PersonId, tuple[date, ...]] = {}
        count = 0
        for person in order[first:]:
            if part and count + len(asked[person]) > DAYS_A_PART:
                break
            part[person] = asked[person]
            count += len(asked[person])
        otherwise = Otherwise(self.books.then, self.draft.roster, self.draft.groups)
        found = what_if(connection, part, view, self.books.now, otherwise)
        done = first + len(part)
        return Part(found, max(part) if done < len(order) else None, done, len(order))

"""Somebody all of whose facts are made up, as if the database had given them."""

from __future__ import annotations

from cloud.attendance.presses import CLOCK, DIRECTION, REPAIRED, RIGHT, UNTRUSTED, Doors, Press, in_order
from cloud.attendance.quick import Judged, Person
from cloud.attendance.shapes import Shapes
from cloud.rules.facts import PersonFacts, PunchClock

_CLOCKS = {PunchClock.OK: RIGHT, PunchClock.REPAIRED: REPAIRED, PunchClock.UNTRUSTED: UNTRUSTED}


def person_of(facts: PersonFacts, shapes: Shapes, kind: type[Person] = Person) -> Person | Judged:
    """Somebody of whom all facts are in ``facts``."""
    found = None if shapes.counts_month else presses_of(facts)
    if found is None:
        return Judged(facts, shapes)
    presses, sites = found
    doors = Doors(sites, facts.site, travels=bool(facts.rules.travel_min))
    return kind(facts, shapes, presses, doors)


def presses_of(facts: PersonFacts) -> tuple[list[Press], dict[str, str | None]] | None:
    """The known punches of ``facts`` as if they were read, and the site of each terminal.

    None where they could not be: skewed clocks, missing or repeated numbers, a terminal at two sites.
    """
    sites: dict[str, str | None] = {}
    numbers: set[tuple[str, str, int]] = set()
    presses: list[Press] = []
    for fact in facts.punches:
        if fact.skew_s or fact.seq is None or sites.setdefault(fact.device, fact.site) != fact.site:
            return None
        number = (fact.device, fact.epoch, fact.seq)
        if number in numbers:
            return None
        numbers.add(number)
        if fact.received_ms is not None and fact.received_ms > facts.as_of_ms:
            continue
        if fact.received_ms is None and fact.at_ms > facts.as_of_ms:
            continue
        method = 0 if fact.method is None else fact.method.value
        manner = method + fact.direction.value * DIRECTION + _CLOCKS[fact.clock] * CLOCK
        presses.append((fact.at_ms, fact.device, manner, fact.epoch.encode(), fact.seq, fact.received_ms))
    return in_order(presses), sites

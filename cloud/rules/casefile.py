"""Case files (rules section 3): plain data to facts. Reading and line numbers are the caller's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cloud.rules.casenode import Clock, Node, near
from cloud.rules.facts import (
    FROM_POLICY,
    WEEKDAYS,
    CalendarDay,
    CalendarKind,
    Employment,
    FromPolicy,
    LockEvent,
    PersonFacts,
    PolicyVersion,
    PunchClock,
    PunchFact,
    RosterChange,
    RosterEntry,
    RuleSet,
    WorkShift,
)
from cloud.rules.policy import clock_span, policy_from
from models.ids import PersonId
from models.office import (
    ClockSpan,
    CorrectionBody,
    DateSpan,
    DecisionBody,
    Half,
    OfficeRecord,
    RecordBody,
    RecordKind,
    RecordStatus,
    SpanUnit,
)
from models.punch import Direction

EVER_MS: Final = -(1 << 60)
MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
CASE_KEYS: Final = (
    "id",
    "title",
    "note",
    "rules",
    "zone",
    "site",
    "travel_min",
    "shifts",
    "policy",
    "week",
    "roster",
    "roster_changes",
    "calendar",
    "provisional_years",
    "employment",
    "leave_types",
    "punches",
    "records",
    "locks",
    "watermarks",
    "as_of",
    "expect",
    "expect_month",
    "expect_error",
)
SHIFT_KEYS: Final = (
    "segments",
    "kind",
    "breaks",
    "flex",
    "before_min",
    "after_min",
    "half_day_below_min",
    "absent_below_min",
    "in_punch",
    "out_punch",
)
PUNCH_KEYS: Final = ("at", "dir", "device", "epoch", "seq", "site", "skew_s", "clock", "received")
RECORD_KEYS: Final = ("kind", "source", "id", "version", "status", "approved", "known")
SPAN_KEYS: Final = (*RECORD_KEYS, "type", "unit", "from", "to")
CORRECTION_KEYS: Final = (*RECORD_KEYS, "date", "side", "at", "submitted", "shift")
DECISION_KEYS: Final = (*RECORD_KEYS, "date", "set")


def facts(case: Node) -> PersonFacts:
    """The facts of a complete case.

    Raises:
        BadCase: the format does not know what it says.
        RefusedInput: ``bad_policy`` (V4).
    """
    case.keys(CASE_KEYS)
    zone = _zone(case.need("zone"))
    clock = Clock(zone)
    shifts = {name: _shift(name, node) for name, node in _map(case, "shifts")}
    names = tuple(shifts)
    site = case.get("site")
    return PersonFacts(
        person_id=PersonId("p-case"),
        rules=RuleSet(
            zone=zone,
            policies=_policies(case.get("policy")),
            shifts=shifts,
            week={_weekday(node, day): _entry(node, names) for day, node in _map(case, "week")},
            calendar={_date(node, day): _calendar_day(node) for day, node in _map(case, "calendar")},
            provisional_years=frozenset(node.number() for node in _list(case, "provisional_years")),
            natural_leave_types=frozenset(
                name
                for name, node in _map(case, "leave_types")
                if node.keys(("count",)).need("count").one_of(("natural", "workday")) == "natural"
            ),
            travel_min={_sites(node, key): node.number() for key, node in _map(case, "travel_min")},
        ),
        as_of_ms=case.need("as_of").parsed(clock.instant),
        site=site.text() if site is not None and site.value is not None else None,
        employment=_employment(case.get("employment")),
        roster={_date(node, day): _entry(node, names) for day, node in _map(case, "roster")},
        roster_changes=tuple(_roster_change(node, names, clock) for node in _list(case, "roster_changes")),
        punches=tuple(punch for node in _list(case, "punches") for punch in _punches(node, clock)),
        records=tuple(_record(node, place, clock) for place, node in enumerate(_list(case, "records"), 1)),
        locks=tuple(_lock(node, clock) for node in _list(case, "locks")),
        watermarks={name: node.parsed(clock.instant) for name, node in _map(case, "watermarks")},
    )


def _map(case: Node, key: str) -> Iterator[tuple[str, Node]]:
    found = case.get(key)
    return iter(()) if found is None else found.items()


def _list(case: Node, key: str) -> Iterator[Node]:
    found = case.get(key)
    return iter(()) if found is None else found.list()


def _zone(node: Node) -> str:
    name = node.text()
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise node.bad(f"{name!r} is no IANA zone") from error
    return name


def _date(node: Node, key: str) -> date:
    return Node(key, node.path).near_day()


def _weekday(node: Node, key: str) -> int:
    return WEEKDAYS.index(Node(key, node.path).one_of(WEEKDAYS))


def _sites(node: Node, key: str) -> tuple[str, str]:
    names = sorted(key.split("|"))
    if len(names) != 2:  # noqa: PLR2004 -- a pair
        raise node.bad(f"{key!r} is no pair of sites A|B")
    return names[0], names[1]


def _policies(node: Node | None) -> tuple[PolicyVersion, ...]:
    if node is None or node.value is None:
        return (PolicyVersion(policy_from({})),)
    versions = list(node.list()) if isinstance(node.value, list) else [node]
    found = []
    for version in versions:
        values = dict(version.items())
        since = values.pop("from", None)
        policy = policy_from({name: value.value for name, value in values.items()})
        found.append(PolicyVersion(policy, None if since is None else since.day()))
    return tuple(found)


def check_versions(policy: Node | None) -> None:
    """Each version begins on a date of its own; a draft of rules that breaks this is told by the linter.

    Raises:
        BadCase: a second version begins where another does.
    """
    if policy is None or not isinstance(policy.value, list):
        return
    seen: set[date] = set()
    for version in policy.list():
        written = version.get("from")
        since = date.min if written is None else written.day()
        if since in seen:
            what = "without from" if written is None else f"from {since}"
            raise (written or version).bad(f"a second version {what}; each version has a from of its own")
        seen.add(since)


def _shift(name: str, node: Node) -> WorkShift:
    node.keys(SHIFT_KEYS)
    kind, flex = node.get("kind"), node.get("flex")
    if flex is not None:
        flex.keys(("early_min", "late_min"))
    return WorkShift(
        name=name,
        segments=tuple(one.parsed(clock_span) for one in _list(node, "segments")),
        free=kind is not None and kind.one_of(("free", "fixed")) == "free",
        breaks=tuple(one.parsed(clock_span) for one in _list(node, "breaks")),
        flex_early_min=_minutes(flex, "early_min") or 0,
        flex_late_min=_minutes(flex, "late_min") or 0,
        before_min=_minutes(node, "before_min"),
        after_min=_minutes(node, "after_min"),
        half_day_below_min=_threshold(node, "half_day_below_min"),
        absent_below_min=_threshold(node, "absent_below_min"),
        in_punch=_asked(node, "in_punch"),
        out_punch=_asked(node, "out_punch"),
    )


def _minutes(node: Node | None, key: str) -> int | None:
    found = None if node is None else node.get(key)
    if found is None or found.value is None:
        return None
    length = found.number()
    if length < 0:
        raise found.bad(f"{length} is less than 0 minutes")
    return length


def _threshold(node: Node, key: str) -> int | FromPolicy | None:
    return FROM_POLICY if node.get(key) is None else _minutes(node, key)


def _asked(node: Node, key: str) -> bool:
    found = node.get(key)
    return found is None or found.one_of(("none", "required")) == "required"


def _entry(node: Node, names: tuple[str, ...]) -> RosterEntry:
    if isinstance(node.value, dict):
        node.keys(("shift", "zone"))
        zone = node.get("zone")
        inner = _entry(node.need("shift"), names)
        return RosterEntry(inner.shifts, None if zone is None else _zone(zone))
    if isinstance(node.value, list):
        return RosterEntry(tuple(one.one_of(names) for one in node.list()))
    name = node.one_of((*names, "off"))
    return RosterEntry(() if name == "off" else (name,))


def _calendar_day(node: Node) -> CalendarDay:
    kinds = tuple(CalendarKind)
    if not isinstance(node.value, dict):
        kind = CalendarKind(node.one_of(kinds))
        if kind is CalendarKind.HALF:
            raise node.bad("a half holiday is written {kind: half, half: am or pm}")
        return CalendarDay(kind)
    node.keys(("kind", "half", "shift_of"))
    kind = CalendarKind(node.need("kind").one_of(kinds))
    shift_of = node.get("shift_of")
    return CalendarDay(
        kind,
        half=Half(node.need("half").one_of(tuple(Half))) if kind is CalendarKind.HALF else None,
        shift_of=None if shift_of is None else WEEKDAYS.index(shift_of.one_of(WEEKDAYS)),
    )


def _employment(node: Node | None) -> Employment:
    if node is None or node.value is None:
        return Employment()
    node.keys(("hire", "last_day", "exempt"))
    return Employment(
        hire=_optional_day(node, "hire"),
        last_day=_optional_day(node, "last_day"),
        exempt=tuple(
            (one.keys(("from", "to")).need("from").day(), one.need("to").day())
            for one in _list(node, "exempt")
        ),
    )


def _optional_day(node: Node, key: str) -> date | None:
    found = node.get(key)
    return None if found is None or found.value is None else found.day()


def _roster_change(node: Node, names: tuple[str, ...], clock: Clock) -> RosterChange:
    node.keys(("date", "shift", "zone", "known"))
    entry = _entry(node.need("shift"), names)
    zone = node.get("zone")
    return RosterChange(
        node.need("date").day(),
        entry if zone is None else RosterEntry(entry.shifts, _zone(zone)),
        node.need("known").parsed(clock.instant),
    )


def _punches(node: Node, clock: Clock) -> list[PunchFact]:
    if isinstance(node.value, dict):
        return [_punch(node.keys(PUNCH_KEYS), clock)]

    def read(text: str) -> list[PunchFact]:
        day, *times = text.split()
        if not times:
            raise ValueError(f"{text!r} has no time after its date; written is YYYY-MM-DD HH:MM[:SS]")
        return [PunchFact(clock.at(near(date.fromisoformat(day)), time)) for time in times]

    return node.parsed(read)


def _punch(node: Node, clock: Clock) -> PunchFact:
    direction, seq, skew, received = (node.get(key) for key in ("dir", "seq", "skew_s", "received"))
    site, state = node.get("site"), node.get("clock")
    typed = Direction.NONE
    if direction is not None:
        typed = {"in": Direction.IN, "out": Direction.OUT}.get(str(direction.value), Direction.NONE)
    skew_s: float = 0
    if skew is not None:
        if isinstance(skew.value, bool) or not isinstance(skew.value, int | float):
            raise skew.bad(f"{skew.value!r} is no number of seconds")
        skew_s = skew.value
    return PunchFact(
        at_ms=node.need("at").parsed(clock.instant),
        direction=typed,
        device=_optional_text(node, "device") or "",
        epoch=_optional_text(node, "epoch") or "0",
        seq=None if seq is None or seq.value is None else seq.number(),
        site=None if site is None or site.value is None else site.text(),
        skew_s=skew_s,
        clock=PunchClock.OK if state is None else PunchClock(state.one_of(tuple(PunchClock))),
        received_ms=None if received is None else received.parsed(clock.instant),
    )


def _optional_text(node: Node, key: str) -> str | None:
    found = node.get(key)
    return None if found is None or found.value is None else found.text()


def _record(node: Node, place: int, clock: Clock) -> OfficeRecord:
    if not isinstance(node.value, dict):
        raise node.bad(f"{node.value!r} is no record")
    kind = RecordKind(node.need("kind").one_of(tuple(RecordKind)))
    unit = SpanUnit.HOUR
    body: RecordBody
    if kind is RecordKind.CORRECTION:
        body = _correction(node.keys(CORRECTION_KEYS), clock)
    elif kind is RecordKind.DECISION:
        node.keys(DECISION_KEYS)
        body = DecisionBody(node.need("date").day(), node.need("set").one_of(("normal", "waive", "absent")))
    else:
        node.keys(SPAN_KEYS)
        written = node.get("unit")
        unit = SpanUnit.HOUR if written is None else SpanUnit(written.one_of(tuple(SpanUnit)))
        body = _span(node, unit, clock)
    version, status = node.get("version"), node.get("status")
    approved = _optional_instant(node, "approved", clock)
    known = _optional_instant(node, "known", clock)
    if known is None:
        known = EVER_MS if approved is None else approved
    return OfficeRecord(
        source=_optional_text(node, "source") or "oa",
        source_id=_optional_text(node, "id") or f"{place:04d}",
        version=1 if version is None else version.number(),
        person_id=PersonId("p-case"),
        kind=kind,
        status=RecordStatus.APPROVED if status is None else RecordStatus(status.one_of(tuple(RecordStatus))),
        unit=unit,
        body=body,
        known_ms=known,
        leave_type=_optional_text(node, "type"),
        approved_ms=approved,
    )


def _optional_instant(node: Node, key: str, clock: Clock) -> int | None:
    found = node.get(key)
    return None if found is None or found.value is None else found.parsed(clock.instant)


def _correction(node: Node, clock: Clock) -> CorrectionBody:
    return CorrectionBody(
        day=node.need("date").day(),
        side=node.need("side").one_of(("in", "out")),
        at_ms=node.need("at").parsed(clock.instant),
        submitted=_optional_day(node, "submitted"),
        shift=_optional_text(node, "shift"),
    )


def _span(node: Node, unit: SpanUnit, clock: Clock) -> ClockSpan | DateSpan:
    start, end = node.need("from"), node.need("to")
    if unit is SpanUnit.HOUR:
        start_ms, end_ms = start.parsed(clock.instant), end.parsed(clock.instant)
        if end_ms < start_ms:
            raise end.bad(f"{end.value} lies before {start.value}, where the record begins")
        return ClockSpan(start_ms, end_ms)
    first, first_half = start.parsed(lambda text: _half(text, Half.AM))
    last, last_half = end.parsed(lambda text: _half(text, Half.PM))
    if (last, last_half) < (first, first_half):
        raise end.bad(f"{end.value} lies before {start.value}, where the record begins")
    return DateSpan(first, first_half, last, last_half)


def _half(text: str, bare: Half) -> tuple[date, Half]:
    day, _, half = text.strip().partition(" ")
    if half and half not in tuple(Half):
        raise ValueError(f"{text!r} is no date, or date and am or pm")
    return date.fromisoformat(day), Half(half) if half else bare


def _lock(node: Node, clock: Clock) -> LockEvent:
    node.keys(("month", "at", "reopen"))
    found = MONTH.fullmatch(node.need("month").text())
    if found is None:
        raise node.need("month").bad("a month is written YYYY-MM")
    reopen = node.get("reopen")
    if (reopen is None) == (node.get("at") is None):
        raise node.bad("a lock event has one of at and reopen")
    instant = (node.need("at") if reopen is None else reopen).parsed(clock.instant)
    return LockEvent(int(found[1]), int(found[2]), instant, reopen=reopen is not None)

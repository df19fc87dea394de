"""What the rules engine says of a question, kept so that it can be said again of another day and door.

Most of a stored day follows from few things: what the date asks, and by the minute when somebody came and
went. The engine is asked once with made-up punches; in its answer, the places are found where a clock time, a
terminal or a form is named, and left open. :meth:`Wording.said` puts in those of a day. So nothing is judged
here, and whatever the engine says, this says too: docs/explanation/rules-speed.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache, lru_cache
from operator import itemgetter
from typing import Final

import msgspec

from cloud.attendance.codec import HEAD_FIELDS, StoredDay, stored_day
from cloud.attendance.presence import Presence, presence_of
from cloud.rules.assign import Assigned
from cloud.rules.clusters import Cluster, Stamp
from cloud.rules.day import Days, result_of
from cloud.rules.facts import PersonFacts, PunchFact
from cloud.rules.minutes import MS
from cloud.rules.plan import DayPlan, PlanBook
from cloud.rules.view import NO_CLUSTERS, View
from models.attendance import AttendanceDay, DayState
from models.ids import PersonId
from models.office import CorrectionBody, OfficeRecord
from models.punch import Direction, Method

Edges = tuple[int | None, ...]
"""Minutes after midnight of the IN and the OUT of each unit, in turn; None: there is none."""

Claimed = tuple[str, str, tuple[str, ...]]
"""Kind, leave type and halves of the date of a dated record."""

Question = tuple[DayState, Edges, bool, Claimed | None]
"""State, edges, whether some punch was a double (P2), and the record that claims the date."""

Phrase = tuple[bytes, tuple[int, ...]]
"""A pattern for ``%``, and the numbers of what is to be filled in, in order."""

Marks = dict[int, tuple[bytes, bytes]]
"""By number, what is left open, and what before it says so and stays."""

DOUBLE: Final = -1
CLAIM: Final = -2
DATES: Final = -3

_NOBODY: Final = PersonId("")
DOOR: Final = "\0%d"
FORM: Final = "\0"
"""How terminals and forms are called in questions."""
_encode = msgspec.msgpack.Encoder(enc_hook=str).encode


class Answer(msgspec.Struct, frozen=True):
    """A stored day, but for its head, in phrases.

    The numbers in them are those of edges, to be filled in with their time and evidence; or ``DOUBLE``, to be
    filled in with the time of the first double punch; ``CLAIM``, with source and id of the record; ``DATES``
    less a number, with how clock times of that one of the dates around begin.

    Attributes:
        fields: what is stored before the flags, between flags and overtime, and after overtime.
        overtime: nothing if there is none.
        told, extra, events: the explanation: of records and punches, what else is remarked, the findings.
        extra_n, steps_n: how many steps ``extra`` has, and all three.
        presence: which edges make it, with what a correction says as the last; None: each those of its unit.
    """

    state: str
    rule_version: str
    fields: tuple[bytes, bytes, bytes]
    flags: tuple[str, ...]
    overtime: bytes
    told: Phrase
    extra: Phrase
    events: Phrase
    extra_n: int
    steps_n: int
    presence: Presence | None = None


class Wording(msgspec.Struct, frozen=True):
    """All of a stored day that follows its head, ready to be filled in.

    Attributes:
        pattern: for ``%``.
        pick: takes what is to be filled in from values by number; None: there is nothing.
        of_edges: some edges are to be filled in, and nothing else.
        presence: as that of the answer.
    """

    state: str
    rule_version: str
    pattern: bytes
    pick: Callable[[Sequence[bytes]], object] | None
    of_edges: bool
    presence: Presence | None

    def said(self, values: Sequence[bytes]) -> bytes:
        """The end of the stored day, with ``values`` by number in their places.

        They end with the dates around, the last first, the record and the double: numbers below 0.
        """
        return self.pattern % (() if self.pick is None else self.pick(values))


def wording(answer: Answer) -> Wording:
    """The answer in one piece."""
    return _worded(answer, answer.flags, answer.overtime, answer.extra, answer.steps_n)


def combined(core: Answer, base: Answer, double: Answer, later: Answer) -> Wording | None:
    """What is said of a day that is ``core`` but for a double punch and time after the hours.

    ``base``: a day on time to the minute; ``double``, ``later``: the same with a double punch, and with time
    after the hours, or ``base``. None if it cannot be told from these.
    """
    alike = core.flags == base.flags and core.overtime == base.overtime
    if not alike or base.events[0] or double.events[0] or later.events[0]:
        return None
    own, twice = _less(core.extra, base.extra), _less(double.extra, base.extra)
    if own is None or twice is None:
        return None
    extra = _and(_and(own, twice), later.extra)
    steps_n = core.steps_n + double.extra_n + later.extra_n - 2 * base.extra_n
    flags = later.flags
    if double is not base:
        flags = tuple([flag for flag in double.flags if flag not in base.flags]) + flags
    return _worded(core, flags, later.overtime, extra, steps_n)


def _less(one: Phrase, end: Phrase) -> Phrase | None:
    """A phrase without its end; None: it ends with something else."""
    left, slots_n = len(one[0]) - len(end[0]), len(one[1]) - len(end[1])
    if (one[0][left:], one[1][slots_n:]) != end or left < 0:
        return None
    return one[0][:left], one[1][:slots_n]


def _worded(answer: Answer, flags: tuple[str, ...], overtime: bytes, extra: Phrase, steps_n: int) -> Wording:
    before, between, after = answer.fields
    said, slots = _and(_and(answer.told, extra), answer.events)
    return Wording(
        answer.state,
        answer.rule_version,
        b"".join([before, _texts(flags), between, overtime or _EMPTY, after, _ARRAYS[steps_n], said]),
        itemgetter(*slots) if slots else None,
        bool(slots) and min(slots) >= 0,
        answer.presence,
    )


@cache
def _texts(flags: tuple[str, ...]) -> bytes:
    return _literal(_encode(sorted(set(flags))))


def _literal(said: bytes) -> bytes:
    """What is said as it stands, in a pattern."""
    return said.replace(b"%", b"%%")


def ask(given: Given, question: Question) -> Answer | None:
    """What the engine says of somebody's date; None: it can be said of no other."""
    state, edges, doubled, _ = question
    day, plans = given.day, given.plans
    plan = given.plan(day)
    midnight = plans.zone.midnight(day.toordinal())
    clusters = _clusters(edges, midnight, doubled=doubled)
    days = given.days(Assigned((list(clusters.values()),)))
    sheet = days.sheet(day)
    result = result_of(sheet, days, [], [])
    marks = _marks(clusters, plan, doubled=doubled)
    must = set(marks)
    if given.person.records:
        marks[CLAIM] = b"", form(FORM, FORM)
    # Evidence is cut out before, with its date.
    marks |= dated(day)
    # What records have of the date is told before its punches.
    told_n = len(sheet.claims.claims) + len(clusters)
    answer = answer_of(result, marks, told_n)
    if result.state is not state:
        return None
    if given.corrected_ms is not None:
        # It stands for a punch, which need not be named then.
        numbers = {cluster.first_ms: number for number, cluster in clusters.items()}
        if given.corrected_ms in numbers:
            return answer
        numbers[given.corrected_ms] = len(edges)
        return msgspec.structs.replace(answer, presence=presence_of(sheet, days, midnight, numbers, numbers))
    # All are named, or the engine took them for something else.
    missing = must - {*answer.told[1], *answer.extra[1], *answer.events[1]}
    return None if missing else answer


def somebody(
    plans: PlanBook, around: Sequence[DayPlan], plan: DayPlan, state: DayState, record: OfficeRecord | None
) -> Given:
    """Whom to ask the engine about when a date is in ``state``, with nothing but ``record``."""
    end_ms = plan.window_end * MS
    as_of_ms = end_ms - 1 if state is DayState.IN_PROGRESS else end_ms
    person = PersonFacts(
        person_id=_NOBODY,
        rules=plans.rules,
        as_of_ms=as_of_ms,
        records=() if record is None else (replace(record, source=FORM, source_id=FORM, known_ms=as_of_ms),),
        watermarks={"": end_ms - 1} if state is DayState.PENDING_DATA else {},
    )
    return Given(person, plans, around, plan.day)


@lru_cache(maxsize=1024)
def dated(day: date) -> Marks:
    """The marks of times of another date: they begin with it."""
    return {DATES - number: (b"", text) for number, text in enumerate(dates_around(day))}


def answer_of(day: AttendanceDay, marks: Marks, told_n: int) -> Answer:
    """The day in pieces; the first ``told_n`` steps are told of its records and punches."""
    stored = stored_day(day)
    fields, steps = msgspec.structs.astuple(stored), stored.explanation
    events_at = len(steps) - len(day.findings)
    told_n = min(told_n, events_at)
    return Answer(
        state=day.state.value,
        rule_version=day.rule_version,
        fields=(
            _literal(_items(fields[HEAD_FIELDS:_FLAGS])),
            _literal(_items(fields[_FLAGS + 1 : _OVERTIME])),
            _literal(_items(fields[_OVERTIME + 1 : _STEPS])),
        ),
        flags=tuple([flag.value for flag in day.flags]),
        overtime=_literal(_encode(stored.overtime_min)) if day.overtime_min else b"",
        told=_cut(_items(steps[:told_n]), marks),
        extra=_cut(_items(steps[told_n:events_at]), marks),
        events=_cut(_items(steps[events_at:]), marks),
        extra_n=events_at - told_n,
        steps_n=len(steps),
    )


def _items(values: tuple[object, ...]) -> bytes:
    """What a list holds, as it is stored in one."""
    return _encode(values)[len(_ARRAYS[len(values)]) :]


class Given(View):
    """Somebody to whom some dates are planned as given, with given clusters on one of them."""

    def __init__(self, person: PersonFacts, plans: PlanBook, around: Sequence[DayPlan], day: date) -> None:
        super().__init__(person, plans, person.as_of_ms)
        self.day = day
        # Overtime is in the plans already.
        self._plans = {plan.day: plan for plan in around}
        self._assigned_to = NO_CLUSTERS

    def days(self, assigned: Assigned) -> Days:
        """Their dates, with these clusters."""
        # Others may be asking the same person.
        found = object.__new__(Given)
        vars(found).update(vars(self), _assigned_to=assigned)
        return Days(found)

    @property
    def corrected_ms(self) -> int | None:
        """The instant that a correction of theirs says."""
        for record in self.person.records:
            if isinstance(record.body, CorrectionBody):
                return record.body.at_ms
        return None

    @property
    def untrusted(self) -> frozenset[date]:
        """None."""
        return frozenset()

    def assigned(self, day: date) -> Assigned:
        """The given clusters on the date asked for."""
        return self._assigned_to if day == self.day else NO_CLUSTERS


def _clusters(edges: Edges, midnight: int, *, doubled: bool) -> dict[int, Cluster]:
    """Clusters by the number of their edge; the first is the double one."""
    found: dict[int, Cluster] = {}
    for number, minute in enumerate(edges):
        if minute is not None:
            # An OUT at the end of its minute: whatever lies before it within the minute does so still.
            at_ms = (midnight + minute) * MS + (MS - 1) * (number % 2)
            stamps = (Stamp(at_ms, punch_at(number), repaired=False),) * (2 if doubled and not found else 1)
            found[number] = Cluster(stamps, at_ms, at_ms, Direction.NONE)
    return found


@lru_cache(maxsize=256)
def punch_at(number: int) -> PunchFact:
    """The punch of a made-up terminal; its time is that of its stamp."""
    return PunchFact(0, device=DOOR % number, method=Method.FACE)


def _marks(clusters: dict[int, Cluster], plan: DayPlan, *, doubled: bool) -> Marks:
    """What stands in the answer where something is to be left open, by number."""
    found = {
        number: (
            _IN if number % 2 == 0 else _OUT,
            clock(plan.zone.clock(cluster.first_ms // MS, plan.day)) + evidence(DOOR % number, Method.FACE),
        )
        for number, cluster in clusters.items()
    }
    if doubled:
        first = next(iter(clusters.values()))
        found[DOUBLE] = _DOUBLED, clock(plan.zone.clock(first.first_ms // MS, plan.day))
    return found


def _cut(steps: bytes, marks: Marks) -> Phrase:
    if not steps:
        return b"", ()
    pieces: list[bytes | int] = [steps]
    elsewhere = _DATED in steps
    for number, (stays, mark) in marks.items():
        if (number <= DATES and not elsewhere) or stays + mark not in steps:
            continue
        cut: list[bytes | int] = []
        for piece in pieces:
            if isinstance(piece, int):
                cut.append(piece)
                continue
            parts = piece.split(stays + mark)
            for part in parts[:-1]:
                cut += [part + stays, number]
            cut.append(parts[-1])
        pieces = cut
    pattern = b"".join([b"%b" if isinstance(one, int) else _literal(one) for one in pieces])
    return pattern, tuple([one for one in pieces if isinstance(one, int)])


def _and(one: Phrase, other: Phrase) -> Phrase:
    return one[0] + other[0], one[1] + other[1]


def dates_around(day: date) -> list[bytes]:
    """How clock times of the day before, the date itself and the two after begin where the date is told."""
    return [_DATED + b"%s " % (day + timedelta(days=n)).isoformat()[5:].encode() for n in range(-1, 3)]


def clock(text: str) -> bytes:
    """A clock time as it is stored."""
    return _encode(text)


def count(number: int) -> bytes:
    """A number as it is stored."""
    return _encode(number)


@lru_cache(maxsize=1024)
def evidence(device: str, method: Method) -> bytes:
    """Terminal and evidence as they follow the time."""
    return b"".join(map(_encode, ("device", device, "method", method.name.lower())))


def form(source: str, source_id: str) -> bytes:
    """Source and id of a record as steps name it."""
    return b"".join(map(_encode, ("source", source, "id", source_id)))


_IN: Final = _encode("in")
_OUT: Final = _encode("out")
_DOUBLED: Final = b"\x93" + b"".join(map(_encode, ("P2", "duplicate_collapsed"))) + b"\x81\xa2at"
_EMPTY: Final = _encode({})
_DATED: Final = b"\xab"
"""How a text of 11 characters begins: "MM-DD HH:MM" is one."""
_FLAGS, _OVERTIME, _STEPS = map(StoredDay.__struct_fields__.index, ("flags", "overtime_min", "explanation"))
_ARRAYS: Final = tuple(_encode((None,) * length)[: -length or None] for length in range(64))
"""How a list of so many begins."""

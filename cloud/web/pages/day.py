"""One day that explains itself: the sentence, the bar, why, the facts, and what it was before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from cloud.attendance.codec import brief_of
from cloud.reports.calendar import leave_names, said_of
from cloud.reports.dates import month_of
from cloud.reports.day import ChangeRow, DayReport, Json, day_report, group_names, neighbours
from cloud.reports.fleet import door_names
from cloud.reports.people import PersonBrief, find_person
from cloud.reports.phrases import Phrases
from cloud.rules.explain import explain
from cloud.web.chips import Chips
from cloud.web.pages.described import source_text
from cloud.web.pages.site import PageRefused, Site
from cloud.web.sessions import Viewer
from cloud.web.timeline import record_label, timeline
from models.attendance import AttendanceDay, Flag
from models.ids import PersonId
from models.office import ClockSpan, CorrectionBody, DateSpan, DecisionBody, OfficeRecord

# Said by the sentence or by a step already; a tag would only repeat them.
_QUIET_FLAGS = {Flag.ON_TRIP}


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of the explanation in words."""

    text: str
    rule: str


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A record as the table of facts has it."""

    record: OfficeRecord
    label: str
    span: str
    source: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the result in words."""

    changed_ms: int
    cause: str
    lines: list[str]


def add_routes(router: APIRouter, site: Site) -> None:
    """``/person/{person_id}/day/{yyyy-mm-dd}``; asked for by the panel, only its body."""

    @router.get("/person/{person_id}/day/{day}")
    def show(request: Request, person_id: str, day: str) -> Response:
        viewer = site.viewer(request)
        chosen = _date(day)
        with site.database.read() as connection:
            person = find_person(connection, viewer.scope, person_id) if chosen else None
            if person is None or chosen is None:
                raise PageRefused(HTTPStatus.NOT_FOUND)
            values = _values(connection, site, viewer, person, chosen)
        part = request.headers.get("HX-Target") == "panel"
        here = "mine" if person.person_id == viewer.person_id else "month"
        return site.renderer.page(
            "parts/day_panel.html" if part else "day.html", site.frame(viewer, here), values
        )


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.isoformat() == text else None


def _values(
    connection: Connection, site: Site, viewer: Viewer, person: PersonBrief, day: date
) -> dict[str, object]:
    report = day_report(connection, PersonId(person.person_id), day, site.zone)
    leaves = leave_names(connection)
    doors = door_names(connection)
    chips = Chips(viewer.language, leaves)
    phrases = chips.phrases
    names = doors | group_names(connection) | {code: phrases.leave(code) for code in leaves}
    names |= _calendar_name(connection, day, phrases)
    before, after = neighbours(connection, PersonId(person.person_id), day)
    result = report.result
    names |= _source_names(result, phrases)
    return {
        "person": person,
        "day": day,
        "month": month_of(day),
        "before": before,
        "after": after,
        "report": report,
        "result": result,
        "chip": chips.of_day(None if result is None else brief_of(result)),
        "sentence": phrases.sentence(result),
        "flags": _flags(result, phrases),
        "listed_later": _listed_later(report, phrases),
        "bar": timeline(report, phrases, doors, site.zone),
        "reasons": _reasons(result, viewer, names),
        "doors": doors,
        "records": [
            RecordLine(
                one,
                record_label(one, phrases),
                _span(one, site, phrases),
                _source_name(one.source, phrases),
            )
            for one in report.records
        ],
        "changes": [_change(change, phrases) for change in report.changes],
        "required": "" if result is None else phrases.duration(result.required_min),
        "worked": "" if result is None else phrases.duration(result.worked_min),
        "presence": "" if result is None else phrases.duration(result.presence_min),
        "title": phrases.texts("day.title", name=person.name, date=day.isoformat()),
    }


def _calendar_name(connection: Connection, day: date, phrases: Phrases) -> dict[str, str]:
    """What explanations call a day of the calendar: its name and who says so."""
    said = said_of(connection, day)
    if said is None:
        return {}
    name, source = said
    told = (name, source_text(source, phrases.texts))
    return {day.isoformat(): phrases.texts("say.joined").join(filter(None, told))}


def _source_names(result: AttendanceDay | None, phrases: Phrases) -> dict[str, str]:
    """What explanations call where a form came from, where it is not called so already."""
    steps = () if result is None else result.explanation
    sources = {str(step.args["source"]) for step in steps if "source" in step.args}
    return {source: _source_name(source, phrases) for source in sources}


def _source_name(source: str, phrases: Phrases) -> str:
    key = f"form_source.{source}"
    return phrases.texts(key) if key in phrases.texts else source


def _flags(result: AttendanceDay | None, phrases: Phrases) -> list[str]:
    flags = () if result is None else result.flags
    return [phrases.texts(f"flag.{flag}") for flag in flags if flag not in _QUIET_FLAGS]


def _listed_later(report: DayReport, phrases: Phrases) -> list[str]:
    adjustments = () if report.closed is None else report.closed.adjustments
    return [
        phrases.texts("closed.listed", month=str(one.month), changes=phrases.delta(one.delta))
        for one in adjustments
    ]


def _reasons(result: AttendanceDay | None, viewer: Viewer, names: dict[str, str]) -> list[Reason]:
    steps = () if result is None else result.explanation
    return [Reason(explain(step, viewer.language.value, names), step.rule) for step in steps]


def _span(record: OfficeRecord, site: Site, phrases: Phrases) -> str:
    when, say = site.renderer.when, phrases.texts
    match record.body:
        case ClockSpan(start_ms, end_ms):
            return f"{when(start_ms)} – {when(end_ms)}"
        case DateSpan(first, first_half, last, last_half):
            if first == last and first_half != last_half:
                return first.isoformat()
            start = f"{first} {say(f'half.{first_half}')}"
            end = f"{last} {say(f'half.{last_half}')}"
            return start if start == end else f"{start} – {end}"
        case CorrectionBody(side=side, at_ms=at_ms):
            return say(f"side.{side}", when=when(at_ms))
        case DecisionBody(set=decision):
            return say(f"decision.{decision}")


def _change(change: ChangeRow, phrases: Phrases) -> Change:
    say = phrases.texts
    lines = [
        say(
            "day.change",
            field=say(f"field.{name}") if f"field.{name}" in say else name,
            before=_words(before, phrases),
            after=_words(after, phrases),
        )
        for name, (before, after) in change.difference.items()
    ]
    cause = f"cause.{change.cause}"
    return Change(change.changed_ms, say(cause) if cause in say else change.cause, lines)


def _words(value: Json, phrases: Phrases) -> str:
    """A value of a result as a reader would say it."""
    say = phrases.texts
    match value:
        case None | "" | []:
            return say("value.empty")
        case list():
            return ", ".join(_words(one, phrases) for one in value)
        case dict():
            pairs = [f"{_words(name, phrases)} {_words(one, phrases)}" for name, one in value.items() if one]
            return ", ".join(pairs) or say("value.empty")
        case str():
            for key in (f"value.{value}", f"flag.{value}"):
                if key in say:
                    return say(key)
            return phrases.leave(value) if value in phrases.leaves else _clock(value)
        case _:
            return str(value)


def _clock(text: str) -> str:
    """A local ISO time to the minute; any other text as it is."""
    is_time = len(text) > 16 and text[10] == "T"  # noqa: PLR2004  yyyy-mm-ddThh:mm
    return text[:16].replace("T", " ") if is_time else text

"""One shift: its segments, breaks and window, drawn while it is typed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from unicodedata import normalize
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from cloud.attendance.rulesets import read_tables
from cloud.rulebook.draft import DropShift, SetShift
from cloud.rules.facts import WorkShift
from cloud.rules.plain import Plain
from cloud.rules.policy import CLOCK
from cloud.rules.rulesfile import shift_faults
from cloud.rules.shifts import shift_faults as unsound
from cloud.web.pages.forms import Form, Typed, ruler, text, texts
from cloud.web.pages.review import START, show_review
from cloud.web.pages.rules import bar_of, default_policy, read_shift
from cloud.web.pages.site import PageRefused, Site
from cloud.web.sessions import Viewer
from cloud.web.shiftbar import ShiftBar
from cloud.web.told import told
from cloud.web.words import Words, words

SEGMENTS: Final = 4
BREAKS: Final = 3
_PAIRS_MAX: Final = 24
_NUMBERS: Final = ("before_min", "after_min", "half_day_below_min", "absent_below_min")
_OFF: Final = {"-", "–", "—"}


@dataclass(frozen=True, slots=True)
class ShiftForm:
    """What stands in the fields."""

    name: str
    free: bool
    segments: list[tuple[str, str]]
    breaks: list[tuple[str, str]]
    numbers: Mapping[str, str]
    in_punch: bool
    out_punch: bool


def add_routes(router: APIRouter, site: Site) -> None:
    """``/rules/shift`` (a new one), ``/rules/shift/{name}``, ``/rules/shift-bar`` (drawn while typing)."""

    @router.get("/rules/shift")
    def new(request: Request) -> Response:
        viewer = site.viewer_of_everyone(request)
        blank = _form_of("", {"segments": ["09:00-12:00", "13:00-18:00"]})
        return _page(site, viewer, blank, known=False)

    @router.get("/rules/shift/{name:path}")
    def show(request: Request, name: str) -> Response:
        viewer = site.viewer_of_everyone(request)
        with site.database.read() as connection:
            definition = read_tables(connection).shifts.get(name)
        if not isinstance(definition, dict):
            raise PageRefused(HTTPStatus.NOT_FOUND)
        return _page(site, viewer, _form_of(name, definition), known=True)

    @router.post("/rules/shift-bar")
    def draw(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        typed = _typed(form)
        values = {"bar": _bar(site, typed), "troubles": _troubles(site, viewer, typed)}
        return site.renderer.page("parts/shift_bar.html", site.frame(viewer, "rules"), values)

    @router.post("/rules/set-shift")
    def save(request: Request, form: Form) -> Response:
        viewer = ruler(site, request, form)
        typed = _typed(form)
        known = text(form, "known") == typed.name
        if text(form, "act") == "drop" and known:
            return show_review(site, viewer, [DropShift(typed.name)], START)
        if text(form, "act") == "edit":
            return _page(site, viewer, typed, known=known)
        troubles = _troubles(site, viewer, typed)
        if not known and _is_taken(site, typed.name):
            troubles.append(words(viewer.language)("shift.taken", name=typed.name))
        if troubles:
            return _page(site, viewer, typed, known=known, troubles=troubles)
        definition: dict[str, object] = dict(definition_of(typed))
        back = f"{START}/shift/{quote(typed.name)}" if known else START
        change = SetShift(typed.name, definition)
        return show_review(site, viewer, [change], back, typed=Typed.of("/rules/set-shift", form))


def _is_taken(site: Site, name: str) -> bool:
    with site.database.read() as connection:
        return name in read_tables(connection).shifts


def _page(
    site: Site, viewer: Viewer, typed: ShiftForm, *, known: bool, troubles: list[str] | None = None
) -> Response:
    values = {
        "typed": typed,
        "known": known,
        "bar": _bar(site, typed),
        "troubles": troubles or (_troubles(site, viewer, typed) if known else []),
        "numbers": _NUMBERS,
        "tab": "shifts",
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if troubles else HTTPStatus.OK
    return site.renderer.page("rules_shift.html", site.frame(viewer, "rules"), values, status.value)


def _bar(site: Site, typed: ShiftForm) -> ShiftBar | None:
    with site.database.read() as connection:
        policy = default_policy(read_tables(connection))
    shift = read_shift(typed.name or "–", definition_of(typed), site.zone)
    return None if shift is None else bar_of(shift, policy)


def _troubles(site: Site, viewer: Viewer, typed: ShiftForm) -> list[str]:
    """What is wrong with the fields by themselves; the rest is told by the review."""
    unread = list(_unread(typed, words(viewer.language)))
    if unread:
        return unread
    definition = definition_of(typed)
    faults = shift_faults(typed.name or "–", definition)
    if not faults:
        shift: WorkShift | None = read_shift(typed.name or "–", definition, site.zone)
        faults = [] if shift is None else list(unsound(shift))
    return [told(fault, viewer.language) for fault in faults]


def _unread(typed: ShiftForm, say: Words) -> Iterator[str]:
    """Fields that hold no time, or no number of minutes."""
    for key, listed in (("segments", typed.segments), ("breaks", typed.breaks)):
        for place, pair in enumerate(listed, 1):
            field = say("shift.field", field=say(f"shift_key.{key}"), n=place)
            if any(pair) and not all(pair):
                yield say("shift.half_a_pair", field=field)
            for written in pair:
                if written and not CLOCK.fullmatch(written):
                    yield say("shift.no_time", field=field, value=written)
    for name, written in typed.numbers.items():
        if written and not _is_number(name, written):
            yield say("shift.no_number", field=say(f"shift_key.{name}"), value=written)


def _is_number(name: str, written: str) -> bool:
    return isinstance(_number(written), int) or (written in _OFF and name.endswith("below_min"))


def _typed(form: Form) -> ShiftForm:
    found = {
        name: normalize("NFKC", value) if name != "name" else value for name, value in texts(form).items()
    }

    def pairs(name: str, least: int) -> list[tuple[str, str]]:
        return [
            (found.get(f"{name}_from_{place}", "").strip(), found.get(f"{name}_to_{place}", "").strip())
            for place in range(_PAIRS_MAX)
            if place < least or f"{name}_from_{place}" in found
        ]

    return ShiftForm(
        name=found.get("name", "").strip(),
        free=found.get("kind") == "free",
        segments=pairs("segment", SEGMENTS),
        breaks=pairs("break", BREAKS),
        numbers={name: found.get(name, "").strip() for name in (*_NUMBERS, "early_min", "late_min")},
        in_punch="in_punch" in found,
        out_punch="out_punch" in found,
    )


def definition_of(typed: ShiftForm) -> dict[str, Plain]:
    """The fields as a shift is written in a case file; what says nothing is left out."""
    found: dict[str, Plain] = {}
    if typed.free:
        found["kind"] = "free"
    found["segments"] = [_span(pair) for pair in typed.segments if any(pair)]
    breaks: list[Plain] = [_span(pair) for pair in typed.breaks if any(pair)]
    if breaks:
        found["breaks"] = breaks
    flex = {name: _number(typed.numbers[name]) for name in ("early_min", "late_min")}
    if any(value not in {None, 0} for value in flex.values()):
        found["flex"] = {name: value or 0 for name, value in flex.items()}
    for name in _NUMBERS:
        written = typed.numbers[name]
        if written in _OFF and name.endswith("below_min"):
            found[name] = None
        elif written:
            found[name] = _number(written)
    for name, asked in (("in_punch", typed.in_punch), ("out_punch", typed.out_punch)):
        if not asked:
            found[name] = "none"
    return found


def _span(pair: tuple[str, str]) -> str:
    return "-".join(pair)


def _number(written: str) -> Plain:
    """A count of minutes; what is none stays a text, and is refused as such."""
    if not written:
        return None
    return int(written) if written.isascii() and written.isdigit() else written


def _form_of(name: str, definition: Mapping[str, Plain]) -> ShiftForm:
    flex = definition.get("flex")
    listed = dict(flex) if isinstance(flex, dict) else {}
    numbers = {key: _text(definition, key) for key in _NUMBERS}
    return ShiftForm(
        name=name,
        free=definition.get("kind") == "free",
        segments=_pairs(definition.get("segments"), SEGMENTS),
        breaks=_pairs(definition.get("breaks"), BREAKS),
        numbers={**numbers, **{key: _text(listed, key) for key in ("early_min", "late_min")}},
        in_punch=definition.get("in_punch") != "none",
        out_punch=definition.get("out_punch") != "none",
    )


def _text(values: Mapping[str, Plain], key: str) -> str:
    if key not in values:
        return ""
    value = values[key]
    return "–" if value is None else str(value)


def _pairs(spans: Plain, count: int) -> list[tuple[str, str]]:
    listed = [str(span) for span in spans] if isinstance(spans, list) else []
    found = [(start.strip(), end.strip()) for start, _, end in (span.partition("-") for span in listed)]
    return found + [("", "")] * (max(count, len(found)) - len(found))

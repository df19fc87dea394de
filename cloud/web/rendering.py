"""Templates: everything is escaped, a name that is not given is an error, texts come from the languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cloud.reports.dates import Month
from cloud.web import assets
from cloud.web.sessions import Viewer
from cloud.web.words import words
from models.clock import from_ms
from models.person import Language

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Frame:
    """What the frame around a page needs. ``viewer`` None: nobody is signed in. ``here``: the menu's key."""

    language: Language
    month: Month
    viewer: Viewer | None = None
    here: str = ""


class Renderer:
    """Makes pages of templates in the reader's language; local times are those of ``zone``."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(asset=assets.address)
        self._environment.filters.update(
            when=self.when, clock=self.clock, iso=self.iso, clock_of=clock_of, number=number
        )

    def page(
        self, template: str, frame: Frame, values: Mapping[str, object], status: int = 200
    ) -> HTMLResponse:
        """A whole page or a part of one."""
        return HTMLResponse(self.text(template, frame, values), status)

    def text(self, template: str, frame: Frame, values: Mapping[str, object]) -> str:
        """The template filled."""
        found = self._environment.get_template(template)
        return found.render(t=words(frame.language), frame=frame, viewer=frame.viewer, **values)

    def when(self, wall_ms: int) -> str:
        """``2026-11-18 08:58``."""
        return self._local(wall_ms).strftime("%Y-%m-%d %H:%M")

    def clock(self, wall_ms: int) -> str:
        """``08:58:07``."""
        return self._local(wall_ms).strftime("%H:%M:%S")

    def iso(self, wall_ms: int) -> str:
        """For machines, with offset."""
        return self._local(wall_ms).isoformat(timespec="seconds")

    def _local(self, wall_ms: int) -> datetime:
        return from_ms(wall_ms).astimezone(self._zone)


def number(value: float) -> str:
    """A count or an amount without needless zeros."""
    return f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def clock_of(local: str | None) -> str:
    """``08:58`` of a local ISO time, or nothing."""
    return "" if local is None else local[11:16]

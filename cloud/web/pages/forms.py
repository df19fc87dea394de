"""Forms that change rules: read whole, and only from our own pages."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from cloud.web.guard import is_own_form
from cloud.web.pages.site import PageRefused, Site
from cloud.web.sessions import Viewer

FILLED_AGAIN = ("/rules/set-policy", "/rules/set-shift", "/rules/set-group", "/rules/draft")
FILLED_AGAIN_UNDER = "/rules/set-roster/"
"""Forms that answer ``act=edit`` with themselves, filled; those of a roster name month and filters."""

_FIELDS_MAX = 4_000
_FIELD_BYTES = 4 * 1024 * 1024
"""A confirmed draft may carry a file of rules or a year of days."""


async def _read(request: Request) -> AsyncIterator[FormData]:
    async with request.form(max_fields=_FIELDS_MAX, max_files=1, max_part_size=_FIELD_BYTES) as form:
        yield form


Form = Annotated[FormData, Depends(_read)]


def ruler(site: Site, request: Request, form: FormData) -> Viewer:
    """Who sends a form that changes rules.

    Raises:
        SignInNeeded: nobody is signed in.
        PageRefused: they are neither HR nor admin, or the form is not ours.
    """
    viewer = site.viewer_of_everyone(request)
    if not is_own_form(request, text(form, "csrf"), viewer.csrf):
        raise PageRefused(HTTPStatus.FORBIDDEN)
    return viewer


def text(form: FormData, name: str) -> str:
    """A field without blanks around it; empty if it is not there."""
    found = form.get(name)
    return found.strip() if isinstance(found, str) else ""


def texts(form: FormData) -> dict[str, str]:
    """Every field that is a text, by name."""
    return {name: value for name, value in form.items() if isinstance(value, str)}


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it was sent, so that it can be filled again: pages are not kept by the browser."""

    action: str
    fields: Mapping[str, str]

    @classmethod
    def of(cls, action: str, form: FormData) -> Typed:
        """What was sent to ``action``, without the proof that the form is ours."""
        return cls(
            action, {name: value for name, value in texts(form).items() if name not in {"csrf", "act"}}
        )

    def text(self) -> str:
        """As one field of another form."""
        return json.dumps([self.action, dict(self.fields)], ensure_ascii=False)


def typed_of(form: FormData) -> Typed | None:
    """The form that led here, if one did; one that leads elsewhere is none."""
    try:
        action, fields = json.loads(text(form, "typed"))
        found = Typed(str(action), {str(name): str(value) for name, value in dict(fields).items()})
    except (ValueError, TypeError):
        return None
    return found if found.action in FILLED_AGAIN or found.action.startswith(FILLED_AGAIN_UNDER) else None


def upload(form: FormData, name: str) -> tuple[str, bytes] | None:
    """Name and content of an uploaded file; None if none was chosen."""
    found = form.get(name)
    if not isinstance(found, UploadFile) or not found.filename:
        return None
    return found.filename, found.file.read()

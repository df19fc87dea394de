"""The employee's own word on a month: that it is right, or what is not."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud.attendance.periods import closings
from cloud.attendance.signoff import Signature, Signing, Unsigned, Verdict, hash_to_sign, sign, signatures
from cloud.reports.dates import Month, local_date, parse_month
from cloud.reports.people import find_person
from cloud.web.pages.site import PageRefused, Site, require_own_form
from cloud.web.sessions import Viewer
from models.ids import PersonId

REMARK_MAX = 500
SIGN_TROUBLES = {"remark", *(one.value for one in Unsigned)}


@dataclass(frozen=True, slots=True)
class SignBlock:
    """What the page of a person's month says of signing.

    Attributes:
        own: it is the viewer's month: nobody signs for another.
        hash: what would be signed; None while a day can still change by itself.
        signature: what the person said last.
    """

    own: bool
    hash: str | None
    signature: Signature | None


def sign_block(
    connection: Connection, site: Site, viewer: Viewer, person: PersonId, month: Month
) -> SignBlock | None:
    """The block; None where there is nothing to say: the month is not over, or was never asked for."""
    today = local_date(site.now_ms(), site.zone)
    if today <= month.last:
        return None
    closed = closings(connection)
    own = viewer.person_id == person
    signature = signatures(connection, closed, month, [person]).get(person)
    known = hash_to_sign(connection, closed, month, person, today) if own else None
    return SignBlock(own, known, signature) if own or signature is not None else None


def add_routes(router: APIRouter, site: Site) -> None:
    """``POST /person/{person_id}/{yyyy-mm}/sign``."""

    @router.post("/person/{person_id}/{month}/sign")
    def sign_it(
        request: Request,
        person_id: str,
        month: str,
        *,
        verdict: Annotated[Verdict, Form()],
        seen: Annotated[str, Form()] = "",
        remark: Annotated[str, Form(max_length=REMARK_MAX)] = "",
        csrf: Annotated[str, Form()] = "",
    ) -> Response:
        viewer = site.viewer(request)
        require_own_form(request, csrf, viewer)
        chosen = parse_month(month)
        with site.database.read() as connection:
            person = find_person(connection, viewer.scope, person_id)
        if chosen is None or person is None:
            raise PageRefused(HTTPStatus.NOT_FOUND)
        if viewer.person_id != person.person_id:
            raise PageRefused(HTTPStatus.FORBIDDEN)
        address = f"/person/{person_id}/{chosen}"
        said = remark.strip()
        if verdict is Verdict.OBJECTED and not said:
            return RedirectResponse(f"{address}?sign=remark#sign", HTTPStatus.SEE_OTHER)
        asked = Signing(person.person_id, chosen, verdict, seen, said or None)
        with site.database.write() as connection:
            today = local_date(site.now_ms(), site.zone)
            outcome = sign(connection, asked, viewer.login, site.now_ms(), today)
        trouble = f"?sign={outcome}" if isinstance(outcome, Unsigned) else ""
        return RedirectResponse(f"{address}{trouble}#sign", HTTPStatus.SEE_OTHER)

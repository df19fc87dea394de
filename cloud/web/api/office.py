"""Records of an office system, pushed by it."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812  a field of the record is named date
from http import HTTPStatus
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy import Connection

from cloud.attendance.facts import AsOf
from cloud.office.records import leave_codes, people_by_number, write_record
from cloud.office.spans import joined, point
from cloud.sheets import day
from cloud.web.api.bodies import read_body
from cloud.web.api.context import ApiClient, Context, Ctx
from cloud.web.problems import Problem
from models.clock import to_ms
from models.ids import PersonId
from models.office import (
    CorrectionBody,
    DecisionBody,
    OfficeRecord,
    RecordBody,
    RecordKind,
    RecordStatus,
    SpanUnit,
)

BODY_MAX_BYTES = 5 * 1024 * 1024
ITEMS_MAX = 1_000

log = structlog.get_logger()
router = APIRouter(prefix="/api/v1", tags=["office"])


class RecordIn(BaseModel):
    """One version of one form. ``from`` and ``to`` say the unit by how they are written."""

    model_config = ConfigDict(extra="forbid")

    source: Annotated[str, Field(min_length=1, max_length=40)]
    source_id: Annotated[str, Field(min_length=1, max_length=100)]
    version: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    employee_no: Annotated[str, Field(min_length=1, max_length=64)]
    kind: RecordKind
    status: RecordStatus = RecordStatus.APPROVED
    approved: AwareDatetime | None = None
    remark: Annotated[str, Field(max_length=1_000)] | None = None
    type: Annotated[str | None, Field(description="Leave only: code or name of the leave type.")] = None
    begin: Annotated[
        str | None,
        Field(alias="from", description="`2026-11-18`, `2026-11-18 am` or `2026-11-18T14:00:00+08:00`."),
    ] = None
    end: Annotated[str | None, Field(alias="to", description="Likewise; days and halves are included.")] = (
        None
    )
    date: Annotated[str | None, Field(description="Correction and decision: which day.")] = None
    side: Literal["in", "out"] | None = None
    at: AwareDatetime | None = None
    submitted: str | None = None
    shift: str | None = None
    set: Literal["normal", "waive", "absent"] | None = None


class BadItem(Exception):
    """A record cannot be used; becomes its verdict."""

    def __init__(self, where: str, detail: str) -> None:
        super().__init__(detail)
        self.where = where
        self.detail = detail


_items: TypeAdapter[list[object]] = TypeAdapter(list[object])
_json: TypeAdapter[object] = TypeAdapter(object)
_SCHEMA = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": RecordIn.model_json_schema()}},
    }
}


@router.post("/office-records", summary="Take office records", openapi_extra=_SCHEMA)
async def post_office_records(request: Request, ctx: Ctx, client: ApiClient) -> Response:
    """Body: one record or a list of up to 1,000; good ones are kept whatever the others are.

    The same record again changes nothing. Answer: ``results`` in the order of the body, each with ``outcome``
    new, changed, same or refused and, for a refused one, ``where`` and ``detail``. 200 if all were taken, 207
    if some, 422 if none.
    """
    body = await read_body(request, BODY_MAX_BYTES)
    try:
        parsed = _json.validate_json(body)
    except ValidationError as error:
        detail = str(error.errors()[0]["msg"])
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail) from error
    items = _items.validate_python(parsed) if isinstance(parsed, list) else [parsed]
    if not 0 < len(items) <= ITEMS_MAX:
        detail = f"{len(items)} records; one to {ITEMS_MAX} are taken at a time"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
    results = await run_in_threadpool(_take, ctx, items)
    refused = sum(result["outcome"] == "refused" for result in results)
    log.info("office_records_taken", client=client, taken=len(results) - refused, refused=refused)
    status = HTTPStatus.OK
    if refused:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if refused == len(results) else HTTPStatus.MULTI_STATUS
    return JSONResponse({"results": results}, status)


def _take(ctx: Context, items: list[object]) -> list[dict[str, object]]:
    view = AsOf(ctx.clock.wall_ms(), ctx.zone)
    results: list[dict[str, object]] = []
    with ctx.database.write() as connection:
        books = _Books(connection)
        for item in items:
            try:
                wanted = RecordIn.model_validate(item)
                record = books.record(wanted, view)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                results.append({"outcome": "refused", "where": where, "detail": first["msg"]})
            except BadItem as bad:
                results.append({"outcome": "refused", "where": bad.where, "detail": bad.detail})
            else:
                outcome = write_record(connection, record, view, wanted.remark)
                results.append({"outcome": outcome.value})
    return results


class _Books:
    """What records are looked up in."""

    def __init__(self, connection: Connection) -> None:
        self._people = people_by_number(connection)
        self._leave_codes = leave_codes(connection)

    def record(self, wanted: RecordIn, view: AsOf) -> OfficeRecord:
        """The record that ``wanted`` describes.

        Raises:
            BadItem: it cannot be used.
        """
        unit, body = self._body(wanted)
        return OfficeRecord(
            source=wanted.source,
            source_id=wanted.source_id,
            version=wanted.version,
            person_id=self._person(wanted.employee_no),
            kind=wanted.kind,
            status=wanted.status,
            unit=unit,
            body=body,
            known_ms=view.now_ms,
            leave_type=self._leave_type(wanted),
            approved_ms=to_ms(wanted.approved) if wanted.approved is not None else None,
        )

    def _person(self, employee_no: str) -> PersonId:
        person = self._people.get(employee_no)
        if person is None:
            raise BadItem("employee_no", f"nobody has the number {employee_no}")
        return person

    def _leave_type(self, wanted: RecordIn) -> str | None:
        if wanted.kind is not RecordKind.LEAVE:
            return None
        code = self._leave_codes.get((wanted.type or "").lower())
        if code is None:
            known = ", ".join(sorted(set(self._leave_codes.values())))
            raise BadItem("type", f"there is no leave type {wanted.type!r}; known are {known}")
        return code

    def _body(self, wanted: RecordIn) -> tuple[SpanUnit, RecordBody]:
        if wanted.kind is RecordKind.CORRECTION:
            on, at = _need("date", wanted.date), wanted.at
            if wanted.side is None or at is None:
                raise BadItem("side" if wanted.side is None else "at", "a correction needs it")
            submitted = _read("submitted", wanted.submitted) if wanted.submitted else None
            return SpanUnit.HOUR, CorrectionBody(
                _read("date", on), wanted.side, to_ms(at), submitted, wanted.shift
            )
        if wanted.kind is RecordKind.DECISION:
            if wanted.set is None:
                raise BadItem("set", "a decision needs it")
            return SpanUnit.HOUR, DecisionBody(_read("date", _need("date", wanted.date)), wanted.set)
        return _span(_need("from", wanted.begin), _need("to", wanted.end))


def _span(begin: str, end: str) -> tuple[SpanUnit, RecordBody]:
    ends = []
    for where, text in (("from", begin), ("to", end)):
        try:
            ends.append(point(text, None))
        except ValueError as error:
            raise BadItem(where, str(error)) from error
    try:
        return joined(ends[0], ends[1])
    except ValueError as error:
        raise BadItem("to", str(error)) from error


def _need(where: str, text: str | None) -> str:
    if not text:
        raise BadItem(where, "is missing")
    return text


def _read(where: str, text: str) -> Date:
    try:
        return day(text)
    except ValueError as error:
        raise BadItem(where, str(error)) from error

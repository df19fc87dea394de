"""Endpoints of the terminals: claim, certificate, roster, and the HTTPS way for punches."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import msgspec
import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from cloud.ingest.opening import Message
from cloud.ingest.worker import NotStored
from cloud.terminals.authority import BadRequest, read_request
from cloud.terminals.authority import Request as SigningRequest
from cloud.terminals.certificates import LEDGER_KEY_BYTES, Refused, certify, certify_again
from cloud.terminals.claim import ClaimedTerminal, ClaimRefusal, claim
from cloud.terminals.roster import roster
from cloud.web.api.bodies import read_body
from cloud.web.api.context import Context, Ctx, TerminalClient
from cloud.web.problems import Problem
from models.clock import from_ms
from models.ids import TerminalId
from models.wire import topics
from models.wire.codec import PAYLOAD_MAX_BYTES, Malformed, decode, encode
from models.wire.messages import CertificateAnswer, CertificateRequest, Claim, Claimed
from models.wire.topics import Channel

_CLAIM_MAX_BYTES = 4_096
_JSON = "application/json"
_MSGPACK = "application/vnd.msgpack"

log = structlog.get_logger()
router = APIRouter(prefix="/terminal/v1", tags=["terminal"])


@router.post("/claim", summary="Join with a one-time code")
async def post_claim(request: Request, ctx: Ctx) -> Response:
    """Body: models.wire.messages.Claim as JSON object; answer: Claimed. Guessing is limited."""
    address = request.client.host if request.client is not None else ""
    if ctx.claims.exhausted(address):
        detail = "too many wrong codes: wait ten minutes"
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too_many_tries", detail)
    asked = decode(await read_body(request, _CLAIM_MAX_BYTES), Claim)
    if isinstance(asked, Malformed):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", asked.reason)
    wanted = _signing_request(asked.csr) if asked.csr else None
    _check_ledger_key(asked.ledger_key)
    claimed = await run_in_threadpool(_claim, ctx, asked, wanted)
    if claimed is None:
        ctx.claims.failed(address)
        detail = "the code is wrong, used or older than ten minutes: ask for a new one"
        raise Problem(HTTPStatus.FORBIDDEN, "code_refused", detail)
    return Response(msgspec.json.encode(claimed), HTTPStatus.CREATED, media_type=_JSON)


def _claim(ctx: Context, asked: Claim, wanted: SigningRequest | None) -> Claimed | None:
    now_ms, pem = ctx.clock.wall_ms(), ""
    with ctx.database.write() as connection:
        joined = claim(connection, asked.code, now_ms, asked.ledger_key)
        if isinstance(joined, ClaimedTerminal) and wanted is not None:
            pem = certify(connection, joined.terminal_id, wanted, ctx.signer, now_ms)
    if isinstance(joined, ClaimRefusal):
        # Which of the reasons it was helps only somebody who guesses.
        log.warning("claim_refused", reason=joined.value)
        return None
    log.info("terminal_claimed", terminal=joined.terminal_id, replaced=joined.replaced)
    if joined.replaced is not None:
        ctx.revocations()
    return Claimed(
        joined.terminal_id,
        joined.name,
        joined.token,
        ctx.broker_url(),
        joined.site,
        ctx.zone.key,
        pem,
        ctx.signer.authority.pem if pem else "",
    )


@router.post("/certificate", summary="Another certificate")
async def post_certificate(request: Request, ctx: Ctx, terminal: TerminalClient) -> Response:
    """Body: models.wire.messages.CertificateRequest as JSON object; answer: CertificateAnswer.

    The same request twice gives the same certificate twice.
    """
    asked = decode(await read_body(request, _CLAIM_MAX_BYTES), CertificateRequest)
    if isinstance(asked, Malformed):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", asked.reason)
    wanted = _signing_request(asked.csr)
    _check_ledger_key(asked.ledger_key)
    pem = await run_in_threadpool(_certify_again, ctx, terminal.terminal_id, asked, wanted)
    if isinstance(pem, Refused):
        detail = "the request is not signed by the key of a certificate this terminal has"
        raise Problem(HTTPStatus.FORBIDDEN, pem.value, detail)
    answer = CertificateAnswer(pem, ctx.signer.authority.pem)
    return Response(msgspec.json.encode(answer), media_type=_JSON)


def _certify_again(
    ctx: Context, terminal: TerminalId, asked: CertificateRequest, wanted: SigningRequest
) -> str | Refused:
    with ctx.database.write() as connection:
        made = certify_again(connection, terminal, asked, wanted, ctx.signer, ctx.clock.wall_ms())
    if isinstance(made, Refused):
        log.warning("certificate_refused", terminal=terminal, reason=made.value)
    else:
        log.info("certificate_made", terminal=terminal)
    return made


def _signing_request(csr: str) -> SigningRequest:
    found = read_request(csr)
    if isinstance(found, BadRequest):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", f"csr: {found.reason}")
    return found


def _check_ledger_key(key: bytes) -> None:
    if key and len(key) != LEDGER_KEY_BYTES:
        detail = f"ledger_key: {len(key)} bytes, an Ed25519 public key has {LEDGER_KEY_BYTES}"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)


@router.get("/roster", summary="Whom the terminal may know")
def get_roster(request: Request, ctx: Ctx, terminal: TerminalClient) -> Response:
    """Answer: models.wire.messages.Roster as JSON, with its version as ETag; 304 if that is known."""
    today = from_ms(ctx.clock.wall_ms()).astimezone(ctx.zone).date()
    with ctx.database.read() as connection:
        known = roster(connection, terminal.site, ctx.zone.key, today)
    headers = {"ETag": f'"{known.version}"', "Cache-Control": "private, no-cache"}
    asked = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
    if asked & {headers["ETag"], "*"}:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(msgspec.json.encode(known), headers=headers, media_type=_JSON)


@router.post("/punches", summary="Punches by HTTPS")
async def post_punches(request: Request, ctx: Ctx, terminal: TerminalClient) -> Response:
    """Body: a PunchBatch, as on the topic ``up``; the answer is its PunchAck, sent after the commit."""
    payload = await read_body(request, PAYLOAD_MAX_BYTES)
    return await _take(ctx, Message(topics.topic(terminal.terminal_id, Channel.UP), payload))


@router.post("/state", summary="State by HTTPS")
async def post_state(request: Request, ctx: Ctx, terminal: TerminalClient) -> Response:
    """Body: a TerminalState, as on ``state``; the answer is empty, or a PunchAck that names holes."""
    payload = await read_body(request, PAYLOAD_MAX_BYTES)
    return await _take(ctx, Message(topics.topic(terminal.terminal_id, Channel.STATE), payload))


async def _take(ctx: Context, message: Message) -> Response:
    try:
        done = await run_in_threadpool(ctx.ingest.submit, message)
        received = await asyncio.wrap_future(done)
    except NotStored as error:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "not_stored", str(error), headers={"Retry-After": "5"}
        ) from error
    if received.ack is not None:
        return Response(encode(received.ack), media_type=_MSGPACK)
    if received.quarantined:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "quarantined", "the message could not be read")
    return Response(status_code=HTTPStatus.NO_CONTENT)

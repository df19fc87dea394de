"""For whoever watches the service."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy import Connection, func, select

from cloud.attendance import coverage, stale
from cloud.db.tables import quarantine, streams, terminals
from cloud.web.api.context import Context, Ctx
from models.clock import from_ms

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Whether the process runs")
def livez() -> PlainTextResponse:
    """Always 200."""
    return PlainTextResponse("ok")


@router.get("/readyz", summary="Whether the service can do its work")
def readyz(ctx: Ctx) -> Response:
    """200, or 503 and the reason by part: database, broker, ingest."""
    ailments = ctx.ailments()
    status = HTTPStatus.SERVICE_UNAVAILABLE if ailments else HTTPStatus.OK
    return JSONResponse({"ready": not ailments, "ailments": ailments}, status)


@router.get("/metrics", summary="Counts in the Prometheus text format")
def metrics(ctx: Ctx) -> PlainTextResponse:
    """No names, no ids: counts only."""
    counts = ctx.ingest.counts
    with ctx.database.read() as connection:
        online = terminals.c.online & terminals.c.revoked_ms.is_(None)
        waiting = quarantine.c.resolved_ms.is_(None)
        missing = func.coalesce(func.sum(streams.c.highest - streams.c.contiguous), 0)
        gauges = {
            "kaoqin_terminals_online": connection.scalar(select(func.count()).where(online)),
            "kaoqin_quarantine_waiting": connection.scalar(select(func.count()).where(waiting)),
            "kaoqin_stale_days": _stale_days(connection, ctx),
            "kaoqin_punches_missing": connection.scalar(select(missing)),
        }
    totals = {
        "kaoqin_ingest_messages_total": counts.messages,
        "kaoqin_ingest_punches_total": counts.punches,
        "kaoqin_ingest_quarantined_total": counts.quarantined,
        "kaoqin_ingest_failures_total": counts.failures,
    }
    lines = [f"# TYPE {name} counter\n{name} {value}" for name, value in totals.items()]
    lines += [f"# TYPE {name} gauge\n{name} {value}" for name, value in gauges.items()]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _stale_days(connection: Connection, ctx: Context) -> int:
    """Days to be judged now: a fact of today also marks tomorrow, which waits for its time."""
    covered = coverage.span(connection)
    today = from_ms(ctx.clock.wall_ms()).astimezone(ctx.zone).date()
    return stale.waiting(connection, covered[0], today) if covered is not None else 0

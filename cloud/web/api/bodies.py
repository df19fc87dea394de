"""Request bodies, no larger than they have to be."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request

from cloud.web.problems import Problem


async def read_body(request: Request, limit: int) -> bytes:
    """The body.

    Raises:
        Problem: it has more than ``limit`` bytes; no more than that are ever held.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"at most {limit} bytes are taken"
            )
        parts.append(part)
    return b"".join(parts)

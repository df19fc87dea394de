"""Logs: JSON lines, or colours on a terminal; never a word about who a person is."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

SECRET = frozenset(
    {
        "code",
        "employee_no",
        "image",
        "key",
        "name",
        "password",
        "picture",
        "pin",
        "pin_hash",
        "score",
        "template",
        "token",
    }
)
"""Keys whose values are taken out wherever they come from."""

REMOVED = "(removed)"


def remove_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the value of every secret key; a structlog processor."""
    return {key: REMOVED if key in SECRET else value for key, value in event.items()}


def configure_logs() -> None:
    """Send logs to standard error; libraries' own warnings come along in the same form."""
    # Local variables of a frame may be anything: a PIN, a template.
    traceback = structlog.processors.ExceptionRenderer(
        structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    )
    human = sys.stderr.isatty()
    steps: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        remove_secrets,
    ]
    if human:
        steps.append(structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback))
    else:
        steps += [traceback, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=steps,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
